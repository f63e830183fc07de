"""How much one run may change before a person must agree."""

from pydantic import Field

from halo_shared.entities import EntityKind
from halo_shared.mapping import Strict


class Limit(Strict):
    """At most this many, and at most this share of a population that is large enough to have shares."""

    count: int = Field(default=500, ge=0)
    percent: float = Field(default=20, ge=0, le=100)
    from_population: int = Field(default=100, ge=0)
    """The percentage is not applied to fewer linked records than this."""


class EntityLimits(Strict):
    """Limits of one kind of entity."""

    retire: Limit = Limit()
    update: Limit = Limit()


class Limits(Strict):
    """Limits of one integration; what is not named has the defaults."""

    entities: dict[EntityKind, EntityLimits] = Field(default_factory=dict)

    def of(self, kind: EntityKind) -> EntityLimits:
        """The limits that hold for this kind of entity."""
        return self.entities.get(kind, EntityLimits())
