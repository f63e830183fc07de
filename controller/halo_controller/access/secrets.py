"""Which secrets of the controller may be named by whom: it keeps those of all tenants in one file. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from halo_controller.access.deciding import Allowed, Refused, Verdict
from halo_controller.access.roles import Role
from halo_controller.access.tokens import Bearer
from halo_shared.identifiers import TenantId
from halo_shared.redaction import secret_name

_REFERENCE: Final = "secret://"


def named_in(model: BaseModel) -> set[str]:
    """The references to secrets that stand anywhere in it."""
    return {text for text in _texts(model.model_dump(mode="json")) if text.startswith(_REFERENCE)}


def may_name(bearer: Bearer, tenant: TenantId | None, references: set[str]) -> Verdict:
    """Whether the bearer may let the controller use these secrets: else it would carry one tenant's to another."""
    if bearer.role is Role.OPERATOR:
        return Allowed("an operator may name every secret")
    foreign = sorted(one for one in references if not secret_name(one).startswith(f"{tenant}."))
    if foreign:
        wanted = f"{_REFERENCE}{tenant}.{secret_name(foreign[0])}"
        return Refused(
            f"This is {bearer}, and names only secrets that stand under {tenant}'s name, which {foreign[0]} does not. "
            f"Name it {wanted}, or ask an operator."
        )
    return Allowed(f"they stand under {tenant}'s name")


def _texts(value: Any) -> Iterator[str]:  # Any: JSON
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
