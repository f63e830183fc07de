"""Everything one run would do, before it does any of it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from halo_agent.engine.changes import Adopt, Change, Create, Retire, Skip, Update
from halo_agent.engine.ledger import Ledger
from halo_agent.engine.ports import Workspace
from halo_shared.entities import EntityKind
from halo_shared.runs import Action, Counts


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions on the agent's disk, counted; they are read in batches, so that their number does not matter."""

    workspace: Workspace
    counts: Mapping[tuple[EntityKind, Action], int]
    """How many changes of each sort there are."""
    populations: Mapping[tuple[EntityKind, Action], int]
    """How many records each could have touched: what a percentage is a percentage of."""

    @property
    def size(self) -> int:
        """How many changes there are."""
        return sum(self.counts.values())

    @property
    def tallies(self) -> Counts:
        """What would be created, updated and retired."""
        ledger = Ledger()
        for (kind, action), count in self.counts.items():
            ledger.applied(kind, action, count)
        return ledger.counts

    async def sample(self, kind: EntityKind, action: Action, most: int) -> Sequence[Change]:
        """A few of the changes of one sort."""
        sort: type[Change] = {Action.CREATE: Create, Action.UPDATE: Update, Action.RETIRE: Retire}[action]
        async for some in self.workspace.decisions(kind, sort):
            return some[:most]
        return ()

    async def changes(self) -> AsyncIterator[Sequence[Change]]:
        """What would be written, in a safe order: by kind, and retirements last, in reverse.

        All changes of a batch are of one kind, and either none or all of them retire.
        """
        for kind in EntityKind:
            async for created in self.workspace.decisions(kind, Create):
                yield created
            async for updated in self.workspace.decisions(kind, Update):
                yield updated
        for kind in reversed(EntityKind):
            async for retired in self.workspace.decisions(kind, Retire):
                yield retired

    async def adopted(self) -> AsyncIterator[Sequence[Adopt]]:
        """What becomes known without a write."""
        for kind in EntityKind:
            async for some in self.workspace.decisions(kind, Adopt):
                yield some

    async def skips(self) -> AsyncIterator[Sequence[Skip]]:
        """What is left alone, each with its reason."""
        for kind in EntityKind:
            async for some in self.workspace.decisions(kind, Skip):
                yield some
