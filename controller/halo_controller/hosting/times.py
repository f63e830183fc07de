"""When a hosted integration runs, and why then: pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from halo_controller.hosting.nouns import Classes, Hosting, Override, Size
from halo_controller.nouns import Run
from halo_shared import durations
from halo_shared.hours import Hours, Weekday
from halo_shared.integrations import TenantSpec
from halo_shared.runs import Mode
from halo_shared.schedules import Schedule, Timing

CALM_RUNS: Final = 2
"""So many light runs in a row make a large one small; one heavy run makes it large at once."""
_NIGHT_USED: Final = 0.75
"""The part of the quiet hours over which starts are spread: what starts last still has the rest."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """The times that its host gives an integration."""

    schedule: Schedule
    because: str
    """Why these, in words."""


def times(hosting: Hosting, tenant: TenantSpec, classes: Classes) -> Hosted:
    """When it runs: as its operator says, else by its size."""
    if hosting.override:
        return _as_told(hosting.override)
    hours = tenant.out_of_hours
    if hosting.size is Size.SMALL:
        through_the_day = Schedule(every=classes.every, spread=classes.every, reconcile=_weekly(hours))
        return Hosted(
            through_the_day,
            f"a small sync runs every {durations.text(classes.every)}: {hosting.reason}",
        )
    begins = ",".join(hours.days)
    nightly = Schedule(
        cron=f"{hours.start.minute} {hours.start.hour} * * {begins}",
        spread=_spread(hours),
        window=hours,
        reconcile=_weekly(hours),
    )
    return Hosted(nightly, f"a large sync runs out of hours ({hours}, {tenant.zone}): {hosting.reason}")


def measured(hosting: Hosting, run: Run, classes: Classes) -> Hosting:
    """What is known after this run; the weekly comparison, which runs out of hours anyway, tells nothing."""
    if not run.status.went_through or run.mode is Mode.RECONCILE or not run.started_at or not run.ended_at:
        return hosting
    took, read = run.ended_at - run.started_at, sum(tally.read for tally in run.counts.values())
    found = f"run {run.id} took {_rounded(took)} and read {read:,} records"
    limits = f"{durations.text(classes.long)} or {classes.many:,} records"
    if took > classes.long or read > classes.many:
        return hosting.model_copy(
            update={"size": Size.LARGE, "calm": 0, "reason": f"{found}; more than {limits} is large"}
        )
    light = took <= classes.long / 2 and read <= classes.many / 2
    calm = hosting.calm + 1 if light else 0
    fresh = hosting.reason == Hosting().reason
    if hosting.size is Size.LARGE and not fresh and calm < CALM_RUNS:
        return hosting.model_copy(update={"calm": calm})
    return hosting.model_copy(
        update={"size": Size.SMALL, "calm": calm, "reason": f"{found}; up to {limits} is small"}
    )


def _as_told(override: Override) -> Hosted:
    said = f"{override.who} set it to run {override.timing} on {override.at:%Y-%m-%d}: {override.reason}"
    return Hosted(Schedule.model_validate(override.timing.model_dump(exclude_none=True)), said)


def _weekly(hours: Hours) -> Timing:
    """Once a week, out of hours, everything is compared with Halo."""
    day = Weekday.SUN if Weekday.SUN in hours.days else hours.days[-1]
    rule = f"FREQ=WEEKLY;BYDAY={day[:2].upper()};BYHOUR={hours.start.hour};BYMINUTE={hours.start.minute}"
    return Timing(rrule=rule, spread=_spread(hours))


def _spread(hours: Hours) -> timedelta:
    """Over how long the starts of many tenants are spread, in whole minutes."""
    return timedelta(minutes=hours.length.total_seconds() * _NIGHT_USED // 60)


def _rounded(took: timedelta) -> str:
    return durations.text(timedelta(seconds=max(1, round(took.total_seconds()))))
