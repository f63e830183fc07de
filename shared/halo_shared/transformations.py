"""What may be done to a value on its way to Halo."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag

from halo_shared.conditions import Pattern, Strict


class Plain(StrEnum):
    """A transformation that needs no more than its name."""

    TRIM = "trim"
    LOWER = "lower"
    UPPER = "upper"
    TITLE = "title"


class Join(Strict):
    """Several values become one, with this between them: `{join: ", "}`."""

    join: str


class Lookup(Strict):
    """A table: `{lookup: {DE: Germany}, otherwise: Elsewhere}`; without `otherwise` an unknown value stays."""

    lookup: dict[str, str] = Field(min_length=1)
    otherwise: str | None = None


class Replace(Strict):
    """What a regular expression finds is replaced: `{replace: "^0+", by: ""}`."""

    replace: Pattern
    by: str = ""


class Extract(Strict):
    r"""The first group of a regular expression, or all that it finds; nothing when it finds nothing: `{extract: "cn=(\w+)"}`."""

    extract: Pattern


class Date(Strict):
    """A date in another form: `{date: ldap}` or `{date: "%d.%m.%Y", to: "%Y-%m-%d"}`.

    `ldap`, `filetime` (Windows), `unix` and `iso` are known by name. What means "never" becomes empty.
    """

    date: str = Field(min_length=1)
    to: str = "%Y-%m-%dT%H:%M:%S"


_KEYS: Final = ("join", "lookup", "replace", "extract", "date")


def _tag(value: Any) -> str | None:  # Any: pydantic hands a discriminator whatever the file held
    if isinstance(value, str):
        return "plain"
    if isinstance(value, dict):
        return next((key for key in _KEYS if key in value), None)
    return type(value).__name__.lower()


Transformation = Annotated[
    Annotated[Plain, Tag("plain")]
    | Annotated[Join, Tag("join")]
    | Annotated[Lookup, Tag("lookup")]
    | Annotated[Replace, Tag("replace")]
    | Annotated[Extract, Tag("extract")]
    | Annotated[Date, Tag("date")],
    Discriminator(
        _tag,
        custom_error_type="transformation",
        custom_error_message="give one of trim, lower, upper, title, {join: ...}, {lookup: ...}, "
        "{replace: ..., by: ...}, {extract: ...}, {date: ...}",
    ),
]
"""One step; several are taken in their order."""
