"""The one question about rights: may this bearer do this, to something of these tenants?"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from halo_controller.access.roles import LEAST, Action, Role
from halo_controller.access.tokens import Bearer
from halo_shared.identifiers import TenantId

Owners = frozenset[TenantId]
"""The tenants that something belongs to."""
HOST: Final[Owners] = frozenset()
"""It belongs to no tenant, or to all: to the host."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """They may."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """They may not, and may know that the thing is there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """They may not, and may not even know whether there is such a thing."""

    reason: str


Verdict = Allowed | Refused | Hidden


def may(bearer: Bearer, action: Action, of: Owners | None = None) -> Verdict:
    """Whether the bearer may do this; `of` is left out where nothing in particular is asked for yet."""
    if of and not (bearer.role.everywhere or of & bearer.tenants):
        return Hidden(f"{bearer}, sees nothing of {_names(of)}")
    if not bearer.role.has(action):
        return Refused(f"This is {bearer}, and may not {action.words}. {_cure(bearer, LEAST[action])}")
    if of == HOST and not bearer.role.everywhere:
        return Refused(
            f"This is {bearer}, and may not {action.words} that are not one tenant's own. "
            f"Name the tenant, or ask an operator."
        )
    return Allowed(f"{bearer}, may {action.words}")


def may_give(bearer: Bearer, role: Role, tenants: Owners) -> Verdict:
    """Whether the bearer may make, or revoke, a token of this role for these tenants: rights never grow by it."""
    if not (bearer.role.everywhere or tenants <= bearer.tenants):
        return Hidden(f"{bearer}, sees nothing of {_names(tenants - bearer.tenants)}")
    if not bearer.role.gives(role):
        return Refused(
            f"This is {bearer}, and a token gives no more rights than it has: not those of an {role}. "
            "Ask an operator."
        )
    return Allowed(f"{bearer}, may give what it has")


def ends(wanted: datetime | None, own: datetime | None) -> datetime | None:
    """When a token ends: no later than the one that makes it."""
    return min((end for end in (wanted, own) if end is not None), default=None)


def _cure(bearer: Bearer, least: Role) -> str:
    if least is Role.OPERATOR:
        return "Only an operator may."
    if bearer.role.everywhere:
        return "An administrator of the tenant may, or an operator."
    of = _names(bearer.tenants)
    given = " ".join(f"--tenant {tenant}" for tenant in sorted(bearer.tenants))
    return (
        f"It needs the role {least}, which an operator or an administrator of {of} gives with: "
        f"halo-controller tokens add NAME --role {least} {given}"
    )


def _names(tenants: Owners) -> str:
    return ", ".join(sorted(tenants)) or "the host"
