"""Records that fail are told to people, and written into Halo's own list where the tenant wants it."""

from halo_agent.engine.ports import Reporter
from halo_agent.targets.halo import HaloTarget
from halo_agent.targets.halo.error_log import Failed, rows
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import HaloIntegratorError, RunError
from halo_shared.integrations import ErrorLog
from halo_shared.messages.events import RecordOutcome, Stage
from halo_shared.outcomes import Outcome
from halo_shared.redaction import Redactor
from halo_shared.runs import Counts


class Overhearing:
    """A Reporter that also remembers which records failed."""

    def __init__(self, reporter: Reporter, redactor: Redactor) -> None:
        self._reporter = reporter
        self._redactor = redactor
        self.failed: list[Failed] = []

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None:
        await self._reporter.progress(stage, done, total, counts)

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        await self._reporter.record(kind, source_id, name, outcome, error)
        if outcome == "failed":
            scrub = self._redactor.scrub
            self.failed.append(Failed(kind, scrub(source_id), scrub(name), scrub(error.message)))

    async def outcome(self, outcome: Outcome) -> None:
        await self._reporter.outcome(outcome)

    async def step(self, step: str, text: str) -> None:
        await self._reporter.step(step, text)

    async def log(self, text: str) -> None:
        await self._reporter.log(text)


class FailuresIntoHalo:
    """Writes failed records into Halo's list; that it refuses them is said once, until it takes them again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusing: set[str] = set()

    async def write(
        self, tenant: str, place: ErrorLog | None, target: HaloTarget, overheard: Overhearing
    ) -> None:
        """Write what was overheard, if the tenant wants it; a refusal never fails the run."""
        if place is None or not overheard.failed:
            return
        try:
            await target.write_errors(rows(place, overheard.failed, self._clock.now()))
        except RunError:
            return  # the lease is gone: nothing more is written, and that is told by the run's end
        except HaloIntegratorError as error:
            if tenant not in self._refusing:
                self._refusing.add(tenant)
                await overheard.log(f"Halo's own list of integration errors takes nothing: {error.message}")
        else:
            self._refusing.discard(tenant)
