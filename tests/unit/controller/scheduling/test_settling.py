"""Whatever the schedule, the runs and the absences of the controller: each moment has one fate, and one only."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from halo_controller.nouns import Run, Tenant
from halo_controller.scheduling.due import LATE
from halo_controller.scheduling.nouns import THOROUGH, Fate, Past, Planned
from halo_controller.scheduling.occurrences import upcoming
from halo_controller.scheduling.outlook import coming
from halo_controller.scheduling.planning import beginnings
from halo_controller.scheduling.settling import Settled, past_of
from halo_controller.scheduling.situation import Situation
from halo_shared.identifiers import new_run_id
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.runs import Mode, RunStatus
from halo_shared.schedules import CatchUp, Overlap
from tests.support.builders import NOW, REF, integration_spec, tenant_spec
from tests.support.nouns import integration, run

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
AMSTERDAM: Final = "Europe/Amsterdam"
NIGHT: Final = datetime(2026, 3, 28, 20, tzinfo=ZoneInfo(AMSTERDAM)).astimezone(NOW.tzinfo)
"""Before the clocks are put forward."""
CRONS: Final = ("*/15 * * * *", "0 * * * *", "30 2 * * *", "0 2,14 * * *")
WINDOWS: Final = (None, {"from": "22:00", "to": "06:00"}, {"from": "08:00", "to": "18:00"})


@dataclass(slots=True)
class World:
    """One integration, its planned moments, and what became of those that passed."""

    situation: Situation
    planned: dict[Mode, Planned] = field(default_factory=dict)
    passed: list[Past] = field(default_factory=list)
    runs: list[tuple[datetime, Mode]] = field(default_factory=list)
    run_until: datetime = NIGHT
    ticks: list[datetime] = field(default_factory=list)

    def begin(self) -> None:
        self.planned = {one.mode: one for one in beginnings(self.situation)}

    def tick(self, now: datetime, takes: timedelta) -> None:
        """As the scheduler does it; a run that is opened now takes so long."""
        self.ticks.append(now)
        open_run = self.situation.open_run
        if open_run and (now >= self.run_until or open_run.cancel_reason):
            open_run = None
        self.situation = replace(self.situation, now=now, open_run=open_run)
        due = [one for one in self.planned.values() if one.at <= now]
        for planned in sorted(due, key=lambda one: THOROUGH.index(one.mode)):
            self.settle(planned, takes)

    def settle(self, planned: Planned, takes: timedelta) -> None:
        settled, now = Settled(), self.situation.now
        settled.add(planned, self.situation)
        for replaced in settled.replaced:
            cancelled = replaced.model_copy(update={"cancel_reason": "its schedule starts the next one"})
            self.situation = replace(self.situation, open_run=cancelled)
        for start in settled.starts:
            self.passed.append(past_of(start.planned, Fate.OPENED, start.reason, start.planned.at))
            self.runs.append((now, start.planned.mode))
            self.run_until = now + takes
            self.situation = replace(
                self.situation,
                open_run=opened(start.planned.mode, now),
                integration=self.situation.integration.model_copy(update={"last_opened_at": now}),
            )
        self.passed += [*settled.passed, *settled.overtaken]
        self.planned |= {one.mode: one for one in settled.upcoming}
        for _, mode in settled.over:
            del self.planned[mode]


def opened(mode: Mode, now: datetime) -> Run:
    return run(RunStatus.RUNNING, id=new_run_id(), mode=mode, queued_at=now)


def world(schedule: dict[str, Any]) -> World:  # Any: as a file would say it
    spec = IntegrationSpec.model_validate(
        integration_spec().model_dump(by_alias=True) | {"schedule": schedule}
    )
    owner = TenantSpec.model_validate(tenant_spec().model_dump() | {"zone": AMSTERDAM})
    made = World(Situation(integration(spec), Tenant(spec=owner, created_at=NIGHT), NIGHT))
    made.begin()
    return made


def moments(of: World, mode: Mode, since: datetime, until: datetime) -> list[datetime]:
    """All that the series has in this time."""
    timing = of.situation.timing(mode)
    assert timing is not None
    found = upcoming(timing, REF, since, of.situation.zone)
    return [one.at for one in takewhile(lambda one: one.at <= until, found)]


def was_there(of: World, moment: datetime) -> bool:
    """Whether the controller looked soon after it came; what it catches up with one by one it may miss for all that."""
    schedule = of.situation.schedule
    one_by_one = schedule is not None and schedule.catch_up is CatchUp.ALL
    return not one_by_one and any(moment <= tick <= moment + LATE / 2 for tick in of.ticks)


def told(of: World, mode: Mode) -> Iterator[datetime]:
    """The moments that have a row, each as often as it has one."""
    for past in of.passed:
        if past.mode is mode:
            within = moments(of, mode, past.at - timedelta.resolution, past.until)
            assert len(within) == past.times, past
            assert past.fate is not Fate.MISSED or not any(was_there(of, at) for at in within), past
            yield from within


schedules = st.fixed_dictionaries(
    {
        "cron": st.sampled_from(CRONS),
        "full": st.sampled_from([None, {"cron": "0 2 * * *"}, {"cron": "7 */6 * * *"}]),
        "window": st.sampled_from(WINDOWS),
        "overlap": st.sampled_from(Overlap),
        "catch_up": st.sampled_from(CatchUp),
        "catch_up_within": st.sampled_from(["1h", "12h"]),
    }
)
steps = st.lists(
    st.tuples(
        st.sampled_from([MINUTE, MINUTE, 7 * MINUTE, 15 * MINUTE, 5 * HOUR, 30 * HOUR]),
        st.sampled_from([MINUTE, 20 * MINUTE, 3 * HOUR]),
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None, max_examples=50)
@given(schedule=schedules, steps=steps)
def test_each_moment_of_a_clock_has_one_row(
    schedule: dict[str, Any],  # Any: as a file would say it
    steps: list[tuple[timedelta, timedelta]],
) -> None:
    at_work, now = world(schedule), NIGHT
    for away, takes in steps:
        now += away
        at_work.tick(now, takes)
        while any(one.at <= now and not one.waiting for one in at_work.planned.values()):
            now += timedelta(seconds=1)
            at_work.tick(now, takes)

    for mode, planned in at_work.planned.items():
        rows = list(told(at_work, mode))
        assert rows == moments(at_work, mode, NIGHT, planned.at - timedelta.resolution)
    assert len(at_work.runs) == len({at for at, _ in at_work.runs}), "two runs were open at one moment"


@settings(deadline=None)
@given(
    schedule=schedules.map(lambda one: one | {"overlap": Overlap.SKIP}),
    interval=st.sampled_from([None, "7m", "2h", "1d"]),
)
def test_what_is_previewed_is_what_happens(
    schedule: dict[str, Any],  # Any: as a file would say it
    interval: str | None,
) -> None:
    """With a controller that is at work, and runs that take no time."""
    if interval:
        schedule |= {"cron": None, "every": interval}
    at_work, end = world(schedule), NIGHT + 30 * HOUR
    preview = coming(at_work.situation, list(at_work.planned.values()))
    promised = [(one.at, one.mode) for one in takewhile(lambda one: one.at <= end, preview) if one.will_run]

    now = NIGHT
    while now <= end:
        at_work.tick(now, timedelta(seconds=30))
        now += LATE

    assert at_work.runs == promised
