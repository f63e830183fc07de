"""When a hosted integration runs, and why then."""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from halo_controller.hosting.nouns import UNMEASURED, Classes, Hosting, Override, Size
from halo_controller.hosting.times import measured, times
from halo_controller.nouns import Run, Tenant
from halo_controller.scheduling.due import LetPass, Open, decide
from halo_controller.scheduling.nouns import Planned
from halo_controller.scheduling.planning import next_after, planned_at
from halo_controller.scheduling.situation import Situation
from halo_shared.entities import EntityKind
from halo_shared.hours import Hours
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import TenantSpec
from halo_shared.runs import Mode, RunStatus, Tally
from halo_shared.schedules import Timing
from tests.support.builders import NOW, integration_spec, tenant_spec
from tests.support.nouns import integration, run

MINUTE = timedelta(minutes=1)
CLASSES = Classes()
LONDON = tenant_spec().model_copy(update={"zone": "Europe/London"})
SMALL = Hosting(size=Size.SMALL, reason="run 1 took 1m")
LARGE = Hosting(reason="run 1 took 2h")


def ended(
    took: timedelta, read: int, mode: Mode | None = None, status: RunStatus = RunStatus.SUCCEEDED
) -> Run:
    return run(
        status, started_at=NOW, ended_at=NOW + took, mode=mode, counts={EntityKind.USERS: Tally(read=read)}
    )


def situation(hosting: Hosting, now: datetime, spec: TenantSpec = LONDON) -> Situation:
    owner = Tenant(spec=spec, created_at=NOW)
    return Situation(
        integration(integration_spec(group="hosted")), owner, now, hosted=times(hosting, spec, CLASSES)
    )


def first_after(moment: datetime, name: str, hosting: Hosting = LARGE) -> Planned:
    known = situation(hosting, moment)
    known = Situation(
        known.integration.model_copy(update={"spec": integration_spec(name, group="hosted")}),
        known.tenant,
        moment,
        hosted=known.hosted,
    )
    timing = known.timing(Mode.DELTA)
    assert timing
    found = next_after(moment, timing, known)
    assert found
    return planned_at(IntegrationRef("acme", name), Mode.DELTA, found)


def test_a_small_one_runs_through_the_day_and_says_why() -> None:
    given = times(SMALL, LONDON, CLASSES)

    assert given.schedule.every == CLASSES.every
    assert given.schedule.window is None
    assert given.because == "a small sync runs every 30m: run 1 took 1m"


def test_what_was_never_measured_counts_as_large() -> None:
    given = times(UNMEASURED, LONDON, CLASSES)

    assert given.schedule.window == LONDON.out_of_hours
    assert given.because == (
        "a large sync runs out of hours (20:00 to 06:00, Europe/London): it is not measured yet"
    )


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_a_large_one_starts_out_of_hours_in_its_tenants_zone(zone: str) -> None:
    spec = LONDON.model_copy(update={"zone": zone})
    known = situation(LARGE, NOW, spec)
    timing = known.timing(Mode.DELTA)
    assert timing
    moment = NOW
    for _ in range(300):  # across a change of clocks
        found = next_after(moment, timing, known)
        assert found
        moment = found.at
        assert spec.out_of_hours.end_of(moment, ZoneInfo(zone)), moment.astimezone(ZoneInfo(zone))


def test_a_thousand_do_not_start_together_and_each_keeps_its_minute() -> None:
    starts = [first_after(NOW, f"sync-{number}").at for number in range(1_000)]

    in_a_minute = Counter(start.replace(second=0, microsecond=0) for start in starts)
    assert max(in_a_minute.values()) < 20
    assert max(starts) - min(starts) > timedelta(hours=7)
    tomorrow = first_after(NOW + timedelta(days=1), "sync-7").at
    assert tomorrow == starts[7] + timedelta(days=1)


def test_a_large_one_that_was_missed_all_night_waits_for_the_next_night() -> None:
    planned = first_after(NOW - timedelta(days=1), "people")
    at_noon = situation(LARGE, NOW)

    verdict = decide(planned, at_noon)

    assert isinstance(verdict, LetPass)
    assert "20:00 to 06:00" in verdict.reason


def test_in_its_hours_it_opens_with_the_reason_of_its_class() -> None:
    planned = first_after(NOW, "people")

    verdict = decide(planned, situation(LARGE, planned.at))

    assert verdict == Open(times(LARGE, LONDON, CLASSES).because)


def test_an_override_stands_before_its_class_and_names_who_and_why() -> None:
    said = Override(
        timing=Timing(cron="0 3 * * *"), who="support", at=NOW, reason="their backup runs until two"
    )

    given = times(LARGE.model_copy(update={"override": said}), LONDON, CLASSES)

    assert given.schedule.cron == "0 3 * * *"
    assert given.schedule.window is None
    assert given.because == (
        "support set it to run by cron '0 3 * * *' on 2026-01-05: their backup runs until two"
    )


@pytest.mark.parametrize(
    ("took", "read"), [(11 * MINUTE, 10), (MINUTE, 20_001)], ids=["too long", "too many"]
)
def test_one_heavy_run_makes_it_large(took: timedelta, read: int) -> None:
    after = measured(SMALL, ended(took, read), CLASSES)

    assert after.size is Size.LARGE
    assert after.reason.endswith("more than 10m or 20,000 records is large")


def test_the_first_measured_run_decides_and_later_two_calm_ones_are_needed() -> None:
    light, heavy = ended(MINUTE, 100), ended(MINUTE, 50_000)

    assert measured(UNMEASURED, light, CLASSES).size is Size.SMALL
    large = measured(UNMEASURED, heavy, CLASSES)
    once = measured(large, light, CLASSES)
    assert (once.size, once.reason) == (Size.LARGE, large.reason)
    assert measured(once, light, CLASSES).size is Size.SMALL
    assert measured(measured(once, heavy, CLASSES), light, CLASSES).size is Size.LARGE


def test_what_is_almost_large_does_not_swing() -> None:
    almost = ended(9 * MINUTE, 10)

    large = measured(UNMEASURED, ended(MINUTE, 50_000), CLASSES)
    for _ in range(5):
        large = measured(large, almost, CLASSES)

    assert large.size is Size.LARGE


@pytest.mark.parametrize(
    "told_nothing",
    [
        ended(MINUTE, 50_000, Mode.RECONCILE),
        ended(MINUTE, 50_000, status=RunStatus.FAILED),
        run(RunStatus.CANCELLED),
    ],
    ids=["the weekly comparison", "a failure", "never started"],
)
def test_what_tells_nothing_of_its_size_changes_nothing(told_nothing: Run) -> None:
    assert measured(SMALL, told_nothing, CLASSES) is SMALL


def test_hours_within_a_day_and_some_days_only() -> None:
    weekend = Hours.model_validate({"from": "08:00", "to": "18:00", "days": ["sat"]})
    spec = LONDON.model_copy(update={"out_of_hours": weekend})

    schedule = times(LARGE, spec, CLASSES).schedule

    assert schedule.cron == "0 8 * * sat"
    assert schedule.reconcile
    assert schedule.reconcile.rrule == "FREQ=WEEKLY;BYDAY=SA;BYHOUR=8;BYMINUTE=0"
    assert schedule.spread < weekend.length
