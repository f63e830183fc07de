"""A reporter that says the last steps of a run of one record too."""

from dataclasses import dataclass

from halo_agent.engine.ports import Reporter
from halo_agent.tracing import Tell
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.outcomes import Outcome
from halo_shared.runs import Counts


@dataclass(frozen=True, slots=True)
class TracedReporter:
    """The engine's Reporter for one record."""

    inner: Reporter
    tell: Tell

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None:
        await self.inner.progress(stage, done, total, counts)

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        await self.inner.record(kind, source_id, name, outcome, error)

    async def outcome(self, outcome: Outcome) -> None:
        await self.inner.outcome(outcome)
        if not outcome.planned:
            at = f", {outcome.entity} {outcome.halo_id} in Halo" if outcome.halo_id is not None else ""
            await self.tell("result", f"{outcome.result}{at}: {outcome.reason}")

    async def step(self, step: str, text: str) -> None:
        await self.tell(step, text)

    async def log(self, text: str) -> None:
        """What is said of a whole read means nothing for one record; the steps say it all."""
