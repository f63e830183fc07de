"""A workspace that says how a record is recognised and what is decided about it."""

from collections.abc import AsyncIterator, Collection, Sequence

from halo_agent.engine.changes import Adopt, Create, Decision, Retire, Skip, Update
from halo_agent.engine.contests import Contest, Sought
from halo_agent.engine.matcher import Cascade
from halo_agent.engine.outcomes import of_plan
from halo_agent.engine.planner import NOTHING_DIFFERS
from halo_agent.engine.records import Waiting
from halo_agent.store.workspace import DiskWorkspace
from halo_agent.tracing import Tell
from halo_shared.entities import EntityKind
from halo_shared.mapping import EntityMapping, Mapping


class TracedWorkspace(DiskWorkspace):
    """The engine's Workspace for one record."""

    def __init__(self, inner: DiskWorkspace, mappings: Mapping, tell: Tell) -> None:
        super().__init__(inner.db)
        self._mappings = mappings
        self._tell = tell
        self._sought: EntityMapping | None = None

    async def wait(self, kind: EntityKind, waiting: Collection[Waiting]) -> None:
        for _, link in waiting:
            known = (
                f"its link is known: {kind} {link.halo_id} in Halo"
                if link
                else "no link to a record of Halo holds"
            )
            await self._tell("match", known)
        await super().wait(kind, waiting)

    async def seek(self, sought: Collection[Sought]) -> None:
        for one in sought:
            self._sought = self._mappings[one.desired.kind]
            for field, key in zip(Cascade(self._sought).fields, one.keys, strict=True):
                if not key:
                    await self._tell("match", f"by {field.field}: no value that recognises anything")
        await super().seek(sought)

    async def contests(self, level: int) -> AsyncIterator[list[Contest]]:
        found = False
        async for contests in super().contests(level):
            found = found or bool(contests)
            for contest in contests:
                names = ", ".join(f"{one.id} ({one.name})" for one in contest.candidates)
                await self._tell("match", f"by {self._field(level)}: {contest.found} in Halo: {names}")
            yield contests
        if not found:
            await self._tell("match", f"by {self._field(level)}: nothing further")

    async def decide(self, decisions: Collection[Decision]) -> None:
        for one in decisions:
            for line in self._decided(one):
                await self._tell("plan", line)
        await super().decide(decisions)

    def _field(self, level: int) -> str:
        return Cascade(self._sought).fields[level].field if self._sought else f"level {level}"

    def _decided(self, decision: Decision) -> Sequence[str]:
        match decision:
            case Adopt(reason=reason) if reason.endswith(NOTHING_DIFFERS):
                return ["nothing to write: Halo holds all of it"]
            case Adopt():
                return [f"nothing to write: {decision.reason}"]
            case Skip():
                return [f"left alone: {decision.why.message}"]
            case Create() | Update() | Retire():
                outcome = of_plan(decision, self._mappings[decision.kind])
                placed = [f"placed by {outcome.placed}"] if outcome.placed else []
                fields = [f"{one.field}: '{one.before}' → '{one.after}'" for one in outcome.fields]
                return [f"{decision.action}: {decision.reason}", *placed, *fields]
