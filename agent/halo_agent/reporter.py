"""What an attempt says: events with their origin and order, scrubbed, into the outbox."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID, uuid4

from halo_agent import metrics
from halo_agent.histories import READ, Gathering, cut
from halo_agent.metrics import Ended
from halo_agent.store.outbox import Outbox
from halo_shared import telemetry
from halo_shared.clock import Clock
from halo_shared.entities import EntityKind
from halo_shared.errors import Cancelled, HaloIntegratorError
from halo_shared.identifiers import IntegrationRef
from halo_shared.messages.base import Failure
from halo_shared.messages.commands import LeaseGranted
from halo_shared.messages.events import (
    Event,
    FinalStatus,
    Finished,
    Level,
    Logged,
    Origin,
    Outcomes,
    Progress,
    RecordEvent,
    RecordOutcome,
    Stage,
    Started,
)
from halo_shared.outcomes import Outcome
from halo_shared.redaction import Redactor
from halo_shared.runs import Counts, Cursors, Excess, Mode, RunStatus, Tally

_LEVELS: Final[dict[FinalStatus, Level]] = {
    RunStatus.SUCCEEDED: Level.INFO,
    RunStatus.PARTIAL: Level.WARNING,
    RunStatus.HELD: Level.WARNING,
    RunStatus.CANCELLED: Level.WARNING,
    RunStatus.FAILED: Level.ERROR,
}

PROGRESS_EVERY: Final = 0.5
"""Seconds between words on progress, however often the engine speaks."""
RATE_AFTER: Final = 1.0
"""Seconds into a stage after which its rate says something."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    status: FinalStatus
    counts: Counts
    requests: int = 0
    failure: Failure | None = None
    held_for: tuple[Excess, ...] = ()
    planned: Counts = field(default_factory=dict)
    cursors: Cursors = field(default_factory=dict)
    escrowed: int | None = None
    """Records that failed and are tried again by later runs; None when that is not known."""

    @classmethod
    def after(
        cls, error: BaseException, counts: Counts, redactor: Redactor, *, requests: int = 0
    ) -> "Ending":
        """The ending of an attempt that this error cut short."""
        status: FinalStatus = RunStatus.CANCELLED if isinstance(error, Cancelled) else RunStatus.FAILED
        return cls(status, counts, requests, failure=Failure.of(error, redactor))

    @property
    def text(self) -> str:
        """One sentence on what came of it."""
        if self.failure:
            return f"{self.failure.message} {self.failure.advice}"
        if self.status is RunStatus.HELD:
            return f"Held for approval: {'; '.join(map(str, self.held_for))}. Nothing was written."
        total = sum(self.counts.values(), Tally())
        return (
            f"{total.read:,} read, {total.created:,} created, {total.updated:,} updated, {total.retired:,} retired, "
            f"{total.unchanged:,} unchanged, {total.skipped:,} skipped, {total.failed:,} failed."
        )


class EventReporter:
    """The engine's Reporter for one attempt."""

    def __init__(
        self, origin: Origin, grant: LeaseGranted, outbox: Outbox, clock: Clock, redactor: Redactor
    ) -> None:
        self._origin = origin
        self._attempt = grant.attempt
        self._gathering = Gathering(grant.assignment.history, clock, redactor)
        self._outbox = outbox
        self._clock = clock
        self._redactor = redactor
        self._began = clock.monotonic()
        self._seq = 0
        self._spoke_at = float("-inf")
        self._stage: Stage | None = None
        self._stage_began = 0.0
        self._stage_done = 0
        self._unsaid: _Far | None = None
        self.counts: Counts = {}
        """The last that were heard of."""
        self.doing = "starting"
        """One line on what the attempt does at this moment."""

    async def started(self, connector: str, mode: Mode, attempt: int) -> None:
        """The attempt begins."""
        text = f"Attempt {attempt} started on agent {self._origin.agent}: {mode} read with {connector}."
        await self._say(
            Started(
                **self._next(), level=Level.INFO, text=text, connector=connector, mode=mode, attempt=attempt
            )
        )

    async def progress(self, stage: Stage, done: int, total: int | None, counts: Counts) -> None:
        self.counts = counts
        if self._gathering.due:
            await self._tell_outcomes()
        if stage is not self._stage:
            await self._tell_unsaid()
            telemetry.stage(stage)
        now = self._clock.monotonic()
        if stage is not self._stage or done < self._stage_done:
            self._stage_began = now
        self._stage_done = done
        self.doing = f"{stage} {done:,}" + (f" of {total:,}" if total is not None else "")
        if (seconds := now - self._stage_began) >= RATE_AFTER:
            self.doing += f", {done / seconds:,.0f} a second"
        self._unsaid = _Far(stage, done, total, counts, self.doing)
        if stage is self._stage and now - self._spoke_at < PROGRESS_EVERY and done != total:
            return
        self._stage, self._spoke_at = stage, now
        await self._tell_unsaid()

    async def record(
        self, kind: EntityKind, source_id: str, name: str, outcome: RecordOutcome, error: HaloIntegratorError
    ) -> None:
        failure = Failure.of(error, self._redactor)
        await self._say(
            RecordEvent(
                **self._next(),
                level=Level.ERROR if outcome == "failed" else Level.WARNING,
                text=self._redactor.scrub(f"{kind}: {name}: {failure.message}"),
                entity=kind,
                source_id=self._redactor.scrub(source_id),
                name=self._redactor.scrub(name),
                outcome=outcome,
                failure=failure,
            )
        )

    async def outcome(self, outcome: Outcome) -> None:
        self._gathering.add(outcome)
        if self._gathering.due:
            await self._tell_outcomes()

    async def step(self, step: str, text: str) -> None:
        """Of no interest where nobody traces."""

    async def trace(self, step: str, text: str) -> None:
        """What happens in a step to the one record that the attempt is about."""
        said = cut(self._redactor.scrub(text[:READ]), len(text))
        await self._say(Logged(**self._next(), level=Level.INFO, text=said, step=step))

    async def log(self, text: str) -> None:
        await self._say(Logged(**self._next(), level=Level.WARNING, text=self._redactor.scrub(text)))

    async def finished(self, ending: "Ending") -> None:
        """The attempt's last word."""
        ref = IntegrationRef(self._origin.tenant, self._origin.integration)
        seconds = self._clock.monotonic() - self._began
        metrics.attempt_ended(Ended(ref, ending.status, self._clock.now(), seconds, ending.counts))
        await self._tell_unsaid()
        await self._tell_outcomes()
        await self._say(
            Finished(
                **self._next(),
                level=_LEVELS[ending.status],
                text=self._redactor.scrub(ending.text),
                status=ending.status,
                counts=ending.counts,
                requests=ending.requests,
                failure=ending.failure,
                held_for=ending.held_for,
                planned=ending.planned,
                cursors=ending.cursors,
                escrowed=ending.escrowed,
            )
        )

    async def _tell_unsaid(self) -> None:
        """How far it is by now; the last of a stage, too, which came too soon after another to be said at once."""
        far, self._unsaid = self._unsaid, None
        if far:
            await self._say(
                Progress(
                    **self._next(),
                    level=Level.DEBUG,
                    text=far.text,
                    stage=far.stage,
                    done=far.done,
                    total=far.total,
                    counts=far.counts,
                )
            )

    async def _tell_outcomes(self) -> None:
        if told := self._gathering.take():
            counted = Counter(one.result for one in told)
            text = ", ".join(f"{count:,} {result}" for result, count in sorted(counted.items()))
            await self._say(
                Outcomes(
                    **self._next(),
                    level=Level.INFO,
                    text=f"{text}.",
                    attempt=self._attempt,
                    outcomes=tuple(told),
                )
            )

    def _next(self) -> "_Common":
        self._seq += 1
        return _Common(id=uuid4(), at=self._clock.now(), origin=self._origin, seq=self._seq)

    async def _say(self, event: Event) -> None:
        await self._outbox.put(event)


@dataclass(frozen=True, slots=True)
class _Far:
    """How far a stage is."""

    stage: Stage
    done: int
    total: int | None
    counts: Counts
    text: str


class _Common(TypedDict):
    """What every event says of itself."""

    id: UUID
    at: datetime
    origin: Origin
    seq: int


class Reports:
    """Makes the reporters of this agent's attempts."""

    def __init__(self, agent: str, outbox: Outbox, clock: Clock, redactor: Redactor) -> None:
        self._agent = agent
        self._outbox = outbox
        self._clock = clock
        self._redactor = redactor

    def of(self, grant: LeaseGranted) -> EventReporter:
        """The reporter of one attempt."""
        origin = Origin(
            tenant=grant.assignment.tenant,
            integration=grant.assignment.integration.name,
            run=grant.run,
            fence=grant.fence,
            agent=self._agent,
        )
        return EventReporter(origin, grant, self._outbox, self._clock, self._redactor)
