"""How a source's records become Halo's: edited at the centre, obeyed by the agent."""

import re
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from halo_shared.conditions import Condition, Spot, Strict
from halo_shared.entities import EntityKind
from halo_shared.transformations import Transformation

__all__ = ["EntityMapping", "FieldRule", "Mapping", "MatchField", "Placement", "Strict", "When"]

Scalar = str | int | float | bool

OWN_FIELD: Final = "fields."
"""What stands before the name of an asset's own field."""
EXTERNAL_LINK: Final = "external_link"
"""The identity that Halo keeps apart from its records, one for each integration."""
PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")
"""An attribute in a template."""
NEVER_MATCH: Final = (
    "None",
    "N/A",
    "Unknown",
    "Default String",
    "Not Specified",
    "System Serial Number",
    "To be filled by O.E.M.",
    "00:00:00:00:00:00",
    "FF:FF:FF:FF:FF:FF",
    "00:05:9A:3C:7A:00",
    "00:50:56:C0:00:01",
    "00:50:56:C0:00:08",
    "02:00:4C:4F:4F:50",
    "0A:00:27:00:00:00",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "03000200-0400-0500-0006-000700080009",
)
"""What makers write where they know nothing, and addresses that virtual adapters share; such a value recognises nothing."""


class When(StrEnum):
    """When a mapped field is written."""

    ALWAYS = "always"
    CREATE = "create"
    """Only while creating the record; later changes are Halo's own."""
    EMPTY = "empty"
    """Only where Halo has nothing yet."""


class FieldRule(Strict):
    """Where the value of one Halo field comes from, what is done to it, and when it is written.

    Short forms: `emailaddress: mail` means `{from: mail}`, `name: "{givenname} {sn}"` means `{template: ...}`.
    """

    source: str | None = Field(default=None, alias="from")
    value: Scalar | None = None
    template: str | None = None
    apply: tuple[Transformation, ...] = ()
    when: When = When.ALWAYS
    blank: Literal["keep", "clear"] = "keep"
    """What an empty value at the source does to a value in Halo: by default Halo's is never blanked."""
    required: bool = False
    """A record without this value is left alone, with that reason, rather than written without it."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [one for one in (self.source, self.value, self.template) if one is not None]
        if len(given) != 1:
            raise ValueError(
                "give either 'from' (an attribute of the source), 'value' (a constant) "
                "or 'template' (as in \"{givenname} {sn}\")"
            )
        if self.template is not None and not self.attributes:
            raise ValueError(f"template: '{self.template}' names no attribute: use 'value' for a constant")
        return self

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the value is made of."""
        if self.template is not None:
            return tuple(PLACEHOLDER.findall(self.template))
        return (self.source,) if self.source is not None else ()


def _long_form(rule: Any) -> Any:  # Any: pydantic hands a validator whatever the file held
    if isinstance(rule, str):
        return {"template": rule} if PLACEHOLDER.search(rule) else {"from": rule}
    return rule


Rule = Annotated[FieldRule, BeforeValidator(_long_form)]


class MatchField(Strict):
    """A Halo field that may recognise a record. Short form: `emailaddress` means `{field: emailaddress}`."""

    field: str
    within: Literal["client"] | None = None
    """Only among the records of the client where this one is placed, as for a name that others have elsewhere."""


def _long_match(match: Any) -> Any:  # Any: as above
    return {"field": match} if isinstance(match, str) else match


def _short_match(match: MatchField) -> str | dict[str, str]:
    return match.field if match.within is None else {"field": match.field, "within": match.within}


Recognised = Annotated[MatchField, BeforeValidator(_long_match), PlainSerializer(_short_match)]
"""Written as it is read: short where that says all."""


class PlaceTable(Strict):
    """Where records belong by the exact value of one attribute."""

    source: str = Field(alias="from")
    to: dict[str, Spot] = Field(min_length=1)


class PlaceRule(Condition):
    """Where records belong of which this holds."""

    client: str = Field(min_length=1)
    site: str = Field(default="Main", min_length=1)


class PlaceNames(Strict):
    """The attributes that name the client, and the site, as Halo names them or nearly so."""

    client: str
    site: str | None = None


class Placement(Strict):
    """Which client and site records belong to: table, then rules in order, then names, then the default."""

    table: PlaceTable | None = None
    rules: tuple[PlaceRule, ...] = ()
    names: PlaceNames | None = None
    client: str | None = Field(default=None, min_length=1)
    """The default; without one a record that nothing else places is listed as unplaced."""
    site: str = Field(default="Main", min_length=1)

    @model_validator(mode="after")
    def _places_something(self) -> Self:
        if not (self.table or self.rules or self.names or self.client):
            raise ValueError("give 'client' (for all), or 'table', 'rules' or 'names'")
        return self


class AssetTypeRule(Condition):
    """The type of assets of which this holds."""

    type: str = Field(min_length=1)


class AssetTypes(Strict):
    """Which asset type a record gets: the first rule that holds, else the attribute's value by name, else the default."""

    source: str | None = Field(default=None, alias="from")
    rules: tuple[AssetTypeRule, ...] = ()
    default: str


class Retirement(Strict):
    """How records leave: they are made inactive, never deleted."""

    never: bool | None = None
    """Halo's record stays in use when its source lets go of it; False says no where a connector's default says yes."""
    status_id: int | None = None
    """Assets get this status of Halo instead of being made inactive."""
    not_with_open_tickets: bool = False
    """A user with open tickets is left alone until they are closed."""


class EntityMapping(Strict):
    """Everything that decides how one kind of entity is written.

    What is left out is taken from the connector's own default, if it announces one.
    """

    fields: dict[str, Rule] = Field(default_factory=dict)
    """Halo field to rule. An asset's own fields are written `fields.<name>` or `fields.<number>`."""
    identity: str | None = None
    """The Halo field that holds the source's own id, so that links can be found again from Halo alone."""
    match: tuple[Recognised, ...] = ()
    """Halo fields that may recognise a record that Halo has already, in order; each must be mapped."""
    never_match: tuple[str, ...] = NEVER_MATCH
    """Values that recognise nothing, besides those that are all zeros; capitals do not matter."""
    scope: tuple[Condition, ...] = ()
    """All of these must hold; a record that leaves the scope counts as deleted at its source."""
    place: Placement | None = None
    asset_type: AssetTypes | None = None
    retire: Retirement = Retirement()
    updateonly: bool = False
    """Nothing is created; what Halo has not is left alone."""
    dontupdatesite: bool = False
    """A record that Halo has stays where it is there."""
    dontupdatetype: bool = False
    """An asset that Halo has keeps its type."""
    dontremoveusers: bool = False
    """Users are added to an asset, and none is taken away."""
    useusers_site: bool = False
    """An asset belongs where its user belongs, if it has one."""

    @property
    def of_assets_only(self) -> tuple[str, ...]:
        """What it says that makes sense for assets only."""
        said = {
            "asset_type": self.asset_type is not None,
            "retire.status_id": self.retire.status_id is not None,
            "dontupdatetype": self.dontupdatetype,
            "dontremoveusers": self.dontremoveusers,
            "useusers_site": self.useusers_site,
        }
        return tuple(name for name, is_said in said.items() if is_said)

    @property
    def complete(self) -> bool:
        """Whether it can stand without a connector's default."""
        return bool(self.fields) and self.identity is not None

    @model_validator(mode="after")
    def _match_fields_are_mapped(self) -> Self:
        if self.complete:
            for match in self.match:
                if match.field not in self.fields:
                    raise ValueError(
                        f"match: '{match.field}' is not among the mapped fields ({', '.join(self.fields)})"
                    )
        if self.identity in self.fields:
            raise ValueError(
                f"fields: '{self.identity}' is the identity, which is always the source's own id"
            )
        return self

    def over(self, default: "EntityMapping") -> "EntityMapping":
        """This mapping, with what it does not say taken from a default; raises ValueError as any mapping does."""
        # Not `model_fields_set`: on its way here everything was spelt out.
        silent = EntityMapping()
        said = {name: value for name, value in self if value != getattr(silent, name)}
        fields = {**default.fields, **self.fields}
        return EntityMapping.model_validate({**dict(default), **said, "fields": fields})


Mapping = dict[EntityKind, EntityMapping]
