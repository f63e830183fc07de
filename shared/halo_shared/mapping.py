"""How a source's records become Halo's: edited at the centre, obeyed by the agent."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from halo_shared.entities import EntityKind

Scalar = str | int | float | bool


class When(StrEnum):
    """When a mapped field is written."""

    ALWAYS = "always"
    CREATE = "create"
    """Only while creating the record; later changes are Halo's own."""
    EMPTY = "empty"
    """Only where Halo has nothing yet."""


class Strict(BaseModel):
    """A part of a file that people write: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FieldRule(Strict):
    """Where the value of one Halo field comes from, and when it is written.

    Short form: `emailaddress: mail` means `emailaddress: {from: mail}`.
    """

    source: str | None = Field(default=None, alias="from")
    value: Scalar | None = None
    when: When = When.ALWAYS
    blank: Literal["keep", "clear"] = "keep"
    """What an empty value at the source does to a value in Halo."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.value is None):
            raise ValueError("give either 'from' (an attribute of the source) or 'value' (a constant)")
        return self


def _long_form(rule: Any) -> Any:  # Any: pydantic hands a validator whatever the file held
    return {"from": rule} if isinstance(rule, str) else rule


Rule = Annotated[FieldRule, BeforeValidator(_long_form)]


class Placement(Strict):
    """Which client and site new records belong to, by the names that Halo shows."""

    client: str
    site: str = "Main"


class AssetTypes(Strict):
    """Which asset type a record gets: the attribute's value by name, else the default."""

    source: str | None = Field(default=None, alias="from")
    default: str


class EntityMapping(Strict):
    """Everything that decides how one kind of entity is written."""

    fields: dict[str, Rule] = Field(min_length=1)
    """Halo field to rule. An asset's own fields are written `fields.<name>`, as in `fields.Serial Number`."""
    identity: str
    """The Halo field that holds the source's own id, so that links can be found again from Halo alone."""
    match: tuple[str, ...] = ()
    """Halo fields that may recognise a record that Halo has already, in order; each must be mapped."""
    place: Placement
    asset_type: AssetTypes | None = None

    @model_validator(mode="after")
    def _match_fields_are_mapped(self) -> Self:
        for name in self.match:
            if name not in self.fields:
                raise ValueError(f"match: '{name}' is not among the mapped fields ({', '.join(self.fields)})")
        if self.identity in self.fields:
            raise ValueError(
                f"fields: '{self.identity}' is the identity, which is always the source's own id"
            )
        return self


Mapping = dict[EntityKind, EntityMapping]
