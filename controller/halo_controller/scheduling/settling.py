"""What becomes of moments that have come, and what is written down of them: pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, assert_never

from halo_controller.nouns import Run
from halo_controller.scheduling.due import LetPass, Open, PlanAnew, Wait, decide, overtaken
from halo_controller.scheduling.nouns import Fate, Past, Planned
from halo_controller.scheduling.planning import next_after, planned_at
from halo_controller.scheduling.situation import Situation
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Mode


class Start(NamedTuple):
    """A moment at which a run is to be opened."""

    planned: Planned
    situation: Situation
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be done and written for moments that have come."""

    starts: list[Start] = field(default_factory=list)
    passed: list[Past] = field(default_factory=list)
    """Those that did not run."""
    overtaken: list[Past] = field(default_factory=list)
    """Those that came while an earlier one of their series waited."""
    replaced: list[Run] = field(default_factory=list)
    """Open runs that make room."""
    upcoming: list[Planned] = field(default_factory=list)
    """The next moments of their series."""
    over: list[tuple[IntegrationRef, Mode]] = field(default_factory=list)
    """Series that have no next moment."""

    def add(self, planned: Planned, situation: Situation) -> None:
        """Decide what becomes of this moment."""
        match verdict := decide(planned, situation):
            case Open(reason):
                self.starts.append(Start(planned, situation, reason))
                self._go_on_behind(planned, situation)
            case LetPass():
                self._let_pass(planned, situation, verdict)
            case Wait(replacing=replacing):
                if not planned.waiting:
                    self.upcoming.append(planned.model_copy(update={"waiting": True}))
                if replacing and situation.open_run:
                    self.replaced.append(situation.open_run)
            case PlanAnew(at):
                self.upcoming.append(planned.model_copy(update={"at": at, "waiting": False}))
            case _:
                assert_never(verdict)

    def _let_pass(self, planned: Planned, situation: Situation, verdict: LetPass) -> None:
        self.passed.append(past_of(planned, verdict.fate, verdict.reason, verdict.until, verdict.times))
        if verdict.again:
            self.upcoming.append(planned.model_copy(update={"at": verdict.again, "waiting": False}))
        elif verdict.fate is Fate.MISSED:
            self._go_on(planned, situation, after=verdict.until, missed=True)
        else:
            self._go_on_behind(planned, situation)

    def _go_on_behind(self, planned: Planned, situation: Situation) -> None:
        """Let those pass too that came while this one waited."""
        timing = situation.timing(planned.mode)
        gone = overtaken(planned, timing, situation) if timing else ()
        if gone:
            first = planned.model_copy(update={"at": gone[0]})
            reason = f"the start of {planned.at:%H:%M} UTC was still waiting"
            self.overtaken.append(past_of(first, Fate.SKIPPED, reason, gone[-1], len(gone)))
        self._go_on(planned, situation, after=gone[-1] if gone else planned.at)

    def _go_on(
        self, planned: Planned, situation: Situation, *, after: datetime, missed: bool = False
    ) -> None:
        timing = situation.timing(planned.mode)
        # An interval counts from when it ran; a clock's time does not move, nor does a moment to catch up with.
        since = situation.now if timing and timing.every and not missed else after
        occurrence = next_after(since, timing, situation) if timing else None
        if occurrence:
            self.upcoming.append(planned_at(planned.ref, planned.mode, occurrence))
        else:
            self.over.append((planned.ref, planned.mode))


def past_of(planned: Planned, fate: Fate, reason: str, until: datetime, times: int = 1) -> Past:
    """What became of this moment, or of so many from it on."""
    return Past(
        tenant=planned.tenant,
        integration=planned.integration,
        mode=planned.mode,
        at=planned.at,
        until=until,
        times=times,
        fate=fate,
        reason=reason,
    )
