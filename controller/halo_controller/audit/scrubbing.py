"""Keeping secrets out of the audit log. Pure."""

from typing import Any

from halo_controller.audit.nouns import Fields
from halo_shared.redaction import HIDDEN, announces_secret, scrub

REFERENCE = "secret://"


def scrubbed(fields: Fields) -> Fields:
    """The fields without passwords and the like; references to secrets stay, and so do dates about them."""
    return {name: _value(name, value) for name, value in fields.items()}


def _value(name: str, value: Any) -> Any:  # Any: JSON
    match value:
        case dict():
            return scrubbed(value)
        case list():
            return [_value(name, each) for each in value]
        case str() if value.startswith(REFERENCE):
            return value
        case str() if announces_secret(name) and not name.endswith("_expires"):
            return HIDDEN
        case str():
            return scrub(value)
        case _:
            return value
