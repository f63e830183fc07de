"""What follows from how a run ended: retry, pause, slow down, or nothing. Pure, and told once in words."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from halo_controller.nouns import Run
from halo_controller.scheduling.nouns import Pause, Standing, reads_more
from halo_shared import durations
from halo_shared.errors import ErrorClass, IncompleteRead, LeaseLost
from halo_shared.messages.base import Failure
from halo_shared.runs import Mode, RunStatus

REMEMBERED: Final = 10
"""Runs whose end is remembered."""
RETRIES: Final = 5
"""Retries in a row; one that got something done before it failed begins to count anew."""
FIRST_RETRY: Final = timedelta(minutes=1)
LAST_RETRY: Final = timedelta(hours=1)
MISTAKES: Final = 3
"""So many runs in a row that failed for a setting pause the integration: only a person can help."""
SLOW_AFTER: Final = 6
"""Failures among the runs that are remembered; and at least two thirds of them must be."""
STEPS: Final = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8), timedelta(days=1))
"""How far apart the probes of an integration are that is slowed down."""
NEARLY: Final = 0.9
"""So much of a step must pass: a run by the day meets its hour, though it took its time and the clocks may change."""
_PASSING: Final = frozenset({IncompleteRead.__name__, LeaseLost.__name__})
"""Codes of failures that pass, besides all that are transient by their class."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """The standing from now on, and what people are to be told; None for nothing new."""

    standing: Standing
    told: str | None = None


def after(before: Standing, run: Run, now: datetime) -> Consequence:
    """What follows from the end of this run."""
    if run.status.went_through:
        return _well(before, run)
    if run.status not in (RunStatus.FAILED, RunStatus.LOST) or run.failure is None:
        return Consequence(before)  # a person's doing says nothing of the integration
    standing = _counted(before, run.failure)
    if standing.mistakes:
        return _misconfigured(standing, now)
    slow = _slowed(standing, now)
    if slow.slow_step:
        return Consequence(slow, _told_of(before, slow))
    pending = before.retry_mode if before.retry_at else None
    mode = pending if reads_more(pending, run.mode) else run.mode
    return Consequence(_retried(slow, run, run.failure, mode, now))


def resumed(standing: Standing) -> Standing:
    """As somebody starts afresh with it: its failures are forgotten."""
    return Standing(recent=tuple(well for well in standing.recent if well))


def changed(standing: Standing) -> Standing:
    """Its definition is another: what failed before says nothing, but a person's pause holds."""
    return Standing(pause=_of_a_person(standing))


def without_retry(standing: Standing) -> Standing:
    """It is not to run by itself for now: what was to be tried again soon would come much too late."""
    return standing.model_copy(update={"retry_at": None})


def retry_spent(standing: Standing) -> Standing:
    """The retry that was planned is being made."""
    return standing.model_copy(update={"retry_at": None, "retries": standing.retries + 1})


def _of_a_person(standing: Standing) -> Pause | None:
    return standing.pause if standing.pause and standing.pause.who else None


def _well(before: Standing, run: Run) -> Consequence:
    pause = _of_a_person(before)
    standing = Standing(recent=_remembered(before, well=True), pause=pause)
    if before.retry_at and reads_more(before.retry_mode, run.mode):
        # What reads less went through; what reads everything is still to be tried again.
        kept = before.model_dump(include={"retry_at", "retry_mode", "retries", "why"})
        standing = standing.model_copy(update=kept)
    if before.slow_step or (before.pause and pause is None):
        return Consequence(
            standing, f"A run went well after {before.failures} that failed: it runs by its schedule again."
        )
    return Consequence(standing)


def _counted(before: Standing, failure: Failure) -> Standing:
    mistaken = failure.error_class is ErrorClass.CONFIGURATION
    return before.model_copy(
        update={
            "recent": _remembered(before, well=False),
            "failures": before.failures + 1,
            "mistakes": before.mistakes + 1 if mistaken else 0,
            "why": failure.message,
            "retry_at": None,
        }
    )


def _misconfigured(standing: Standing, now: datetime) -> Consequence:
    if standing.mistakes < MISTAKES or standing.pause:
        return Consequence(standing)
    reason = f"{standing.mistakes} runs in a row failed for something that only a person can change: {standing.why}"
    paused = standing.model_copy(update={"pause": Pause(since=now, who=None, reason=reason)})
    return Consequence(paused, f"Paused: {reason}")


def _slowed(standing: Standing, now: datetime) -> Standing:
    failed = standing.recent.count(False)
    if not standing.slow_step and (failed < SLOW_AFTER or failed * 3 < len(standing.recent) * 2):
        return standing
    step = min(standing.slow_step + 1, len(STEPS))
    not_before = now + STEPS[step - 1] * NEARLY
    return standing.model_copy(update={"slow_step": step, "not_before": not_before, "retries": 0})


def _told_of(before: Standing, slow: Standing) -> str | None:
    if before.slow_step:
        return None  # it was said when it began
    spans = ", then ".join(durations.text(span) for span in STEPS)
    return (
        f"Slowed down: {slow.recent.count(False)} of the latest {len(slow.recent)} runs failed, the last with: "
        f"{slow.why} It is tried every {spans}, and comes back by a run that goes well."
    )


def _retried(standing: Standing, run: Run, failure: Failure, mode: Mode | None, now: datetime) -> Standing:
    passing = failure.error_class is ErrorClass.TRANSIENT or failure.code in _PASSING
    progress = any(tally.written for tally in run.counts.values())
    retries = 0 if progress else standing.retries
    if not passing or retries >= RETRIES:
        return standing.model_copy(update={"retries": 0})
    pause = min(FIRST_RETRY * 2**retries, LAST_RETRY)
    asked = timedelta(seconds=failure.retry_after or 0)
    return standing.model_copy(
        update={
            "retries": retries,
            "retry_at": now + max(pause + _jitter(run, pause), asked),
            "retry_mode": mode,
        }
    )


def _jitter(run: Run, pause: timedelta) -> timedelta:
    """Up to a quarter more, and for each run its own: what failed together is not tried again together."""
    digest = hashlib.blake2b(run.id.encode(), digest_size=2).digest()
    return pause / 4 * (int.from_bytes(digest) / 0xFFFF)


def _remembered(before: Standing, *, well: bool) -> tuple[bool, ...]:
    return (*before.recent, well)[-REMEMBERED:]
