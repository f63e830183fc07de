"""Finding places in Halo, each asked for once."""

from dataclasses import dataclass, field

from halo_agent.engine.ports import Links, Reporter, Target
from halo_agent.engine.records import Desired, Place, PlaceIds, Placing
from halo_shared.errors import Unplaced


@dataclass(slots=True)
class Places:
    """What the names of places stand for in one attempt."""

    target: Target
    links: Links
    reporter: Reporter
    _learnt: dict[Place, PlaceIds] | None = None
    _found: dict[Place, PlaceIds | Unplaced] = field(default_factory=dict)

    async def settle(self, desired: Desired) -> tuple[Placing, PlaceIds] | Unplaced:
        """The first of its places that Halo has; a name that Halo has not leaves the next one to be tried."""
        missing: Unplaced | None = None
        for placing in desired.placings:
            found = await self._find(placing)
            if isinstance(found, PlaceIds):
                return placing, found
            missing = missing or found
        return missing or Unplaced(
            f"Nothing says to which client {desired.name} belongs: give mapping.{desired.kind}.place a default "
            "'client', or a rule that holds for it."
        )

    async def _find(self, placing: Placing) -> PlaceIds | Unplaced:
        if placing.place not in self._found:
            self._found[placing.place] = await self._ask(placing)
        return self._found[placing.place]

    async def _ask(self, placing: Placing) -> PlaceIds | Unplaced:
        if self._learnt is None:
            self._learnt = await self.links.places()
        if placing.by == "name" and placing.place in self._learnt:
            return self._learnt[placing.place]
        try:
            ids = await self.target.locate(placing.place)
        except Unplaced as error:
            return error
        if placing.by == "name":
            await self.links.learn(placing.place, ids)
            await self.reporter.log(
                f"Halo has {placing.reason}: remembered by its id, whatever it is called later."
            )
        return ids
