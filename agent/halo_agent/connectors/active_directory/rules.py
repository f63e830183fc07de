"""Rules of the scope: who and what is read, and where in Halo it belongs."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from halo_agent.directories import filters
from halo_shared.entities import EntityKind
from halo_shared.mapping import Strict


def _filter(text: str) -> str:
    filters.compiled(text)  # its error says what is the matter
    return text


def _reference(text: str) -> str:
    """A GUID in its usual spelling, or a DN."""
    if "=" in text:
        return text
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(
            f"'{text}' is neither the GUID nor the DN of an object: `halo-agent browse` shows the GUID of each unit"
        ) from None


ObjectRef = Annotated[str, AfterValidator(_reference)]
"""An object by its GUID, which outlives renames and moves; or by its DN, which does not."""


def is_dn(reference: str) -> bool:
    """Whether an object is named by its DN."""
    return "=" in reference


class Destination(Strict):
    """A client and a site in Halo."""

    client: str = Field(min_length=1, description="The client's name in Halo.")
    site: str = Field(min_length=1, description="The site's name in Halo.")


class Rule(Strict):
    """Catches records, to read them or to leave them out."""

    name: str = Field(default="", description="What people call this rule; it stands in messages.")
    kind: EntityKind = Field(
        default=EntityKind.USERS, description="What it catches: users, technicians or assets."
    )
    ou: ObjectRef | None = Field(
        default=None,
        description="GUID of the organisational unit, as `halo-agent browse` shows it; a rename or move changes nothing. "
        "Its DN works as well, until somebody renames it. Left out: the whole domain.",
    )
    recursive: bool = Field(default=True, description="With the units below it, or without.")
    filter: Annotated[str, AfterValidator(_filter)] | None = Field(
        default=None, description="LDAP filter that a record must match as well, as in (employeeType=staff)."
    )
    member_of: ObjectRef | None = Field(
        default=None,
        description="GUID of a group: only its members are caught, those of groups inside it included.",
    )
    exclude: bool = Field(default=False, description="Leave out what this rule catches.")
    place: Destination | None = Field(
        default=None,
        description="The client and site in Halo of whoever this rule catches. Left out, the mapping decides.",
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.exclude and self.place:
            raise ValueError("'exclude' leaves out what 'place' would put somewhere: take one of them away")
        return self

    @property
    def described(self) -> str:
        """The rule in a message."""
        return self.name or self.ou or self.member_of or self.filter or "the whole domain"


class Role(Strict):
    """A group that stands for a role."""

    group: ObjectRef = Field(description="GUID of the group.")
    role: str = Field(min_length=1, description="What its members get as attribute 'role'.")
