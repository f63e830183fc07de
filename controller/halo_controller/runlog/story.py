"""The story of a run, told from what was said of it. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from halo_controller.nouns import Run
from halo_shared.entities import EntityKind
from halo_shared.messages.events import Event, RecordEvent, RecordOutcome, Stage
from halo_shared.runs import Frozen, Tally

MOST_NAMES: Final = 5


class StageBegun(Frozen):
    """A stage of an attempt, and how far it came."""

    fence: int
    stage: Stage
    began_at: datetime
    done: int
    total: int | None


class StageTold(StageBegun):
    """A stage, and how long it took."""

    took: timedelta


class Trouble(Frozen):
    """Records that failed, or were left alone, for the same reason."""

    outcome: RecordOutcome
    entity: EntityKind
    code: str
    message: str
    """Of the first of them."""
    advice: str
    records: int
    names: tuple[str, ...]
    """The first of them."""


class Story(Frozen):
    """What happened in a run."""

    stages: tuple[StageTold, ...]
    rate: float | None
    """Records a second, over the whole attempt; None for a run that did not get so far."""
    troubles: tuple[Trouble, ...]
    """The most frequent first."""


def tell(run: Run, stages: Sequence[StageBegun], said: Sequence[Event], now: datetime) -> Story:
    """The story of a run's latest attempt, and the trouble that any of its attempts had."""
    latest = [stage for stage in stages if stage.fence == run.fence]
    return Story(
        stages=tuple(_timed(latest, run.ended_at or now)), rate=_rate(run), troubles=tuple(_troubles(said))
    )


def _timed(stages: Sequence[StageBegun], end: datetime) -> list[StageTold]:
    in_order = sorted(stages, key=lambda stage: stage.began_at)
    ends = [*(after.began_at for after in in_order[1:]), end]
    return [
        StageTold(**stage.model_dump(), took=max(timedelta(), until - stage.began_at))
        for stage, until in zip(in_order, ends, strict=False)  # without stages there is an end all the same
    ]


def _rate(run: Run) -> float | None:
    read = sum(run.counts.values(), Tally()).read
    if not (run.started_at and run.ended_at and read):
        return None
    return read / max(0.001, (run.ended_at - run.started_at).total_seconds())


def _troubles(said: Sequence[Event]) -> list[Trouble]:
    found: dict[tuple[str, str, str], list[RecordEvent]] = {}
    for event in said:
        if isinstance(event, RecordEvent):
            found.setdefault((event.outcome, event.entity, event.failure.code), []).append(event)
    told = [
        Trouble(
            outcome=events[0].outcome,
            entity=events[0].entity,
            code=events[0].failure.code,
            message=events[0].failure.message,
            advice=events[0].failure.advice,
            records=len(events),
            names=tuple(event.name for event in events[:MOST_NAMES]),
        )
        for events in found.values()
    ]
    return sorted(told, key=lambda trouble: -trouble.records)
