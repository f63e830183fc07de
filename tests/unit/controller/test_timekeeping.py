"""The machine's clock is set: what counts elapsed time is moved with it."""

from datetime import datetime, timedelta

import pytest

from halo_controller import steering
from halo_controller.hosting.nouns import Hosting, Size
from halo_controller.nouns import AgentState
from halo_controller.scheduling.nouns import Fate
from halo_controller.store import agents, hostings, integrations, runs, schedules
from halo_controller.store.database import Database
from halo_controller.timekeeping import SteadyClock, Timekeeper
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.runs import Mode, RunStatus
from halo_shared.schedules import Schedule
from tests.support import builders
from tests.support.builders import REF
from tests.support.clock import SettableClock
from tests.unit.controller.centre import Centre

HOURS = timedelta(hours=3)
both_ways = pytest.mark.parametrize("by", [HOURS, -HOURS], ids=["forward", "back"])


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def steady(clock: SettableClock) -> SteadyClock:
    return SteadyClock(clock)


def test_it_goes_on_when_the_machines_clock_is_set_until_it_follows(
    clock: SettableClock, steady: SteadyClock
) -> None:
    began = steady.now()
    clock.set_by = HOURS
    clock.move(7)

    assert (steady.now() - began, steady.behind) == (timedelta(seconds=7), HOURS)

    steady.follow()
    assert (steady.now(), steady.behind) == (clock.now(), timedelta())


async def set_clock(clock: SettableClock, steady: SteadyClock, database: Database, by: timedelta) -> None:
    """By so much, and a timekeeper that leads sees it."""
    keeper = Timekeeper(steady)
    with keeper.moving(database):
        clock.set_by = by
        await keeper.tick()
    assert steady.now() == clock.now()


async def test_a_clock_that_drifts_is_followed_and_nothing_is_moved(
    clock: SettableClock, steady: SteadyClock, centre: Centre
) -> None:
    await centre.set_up("one")
    run = await centre.leased()

    await set_clock(clock, steady, centre.database, timedelta(seconds=3))

    assert await centre.run(run.id) == run


@both_ways
async def test_a_run_and_its_agent_have_as_much_time_left_as_before(
    clock: SettableClock, steady: SteadyClock, centre: Centre, by: timedelta
) -> None:
    await centre.set_up("one")
    before = await centre.leased()
    assert before.deadline
    assert before.lease_until

    await set_clock(clock, steady, centre.database, by)
    await centre.reconciler.tick()

    after = await centre.run(before.id)
    assert (after.status, after.started_at) == (RunStatus.RUNNING, before.started_at)
    assert (after.deadline, after.lease_until) == (before.deadline + by, before.lease_until + by)
    async with centre.database.read() as db:
        agent = await agents.get(db, "one")
    assert agent.state(clock.now()) is AgentState.ONLINE


@both_ways
async def test_an_interval_counts_on_and_a_clock_on_the_wall_is_obeyed(
    clock: SettableClock, steady: SteadyClock, centre: Centre, by: timedelta
) -> None:
    schedule = Schedule.model_validate({"every": "10m", "full": {"cron": "0 4 * * *"}})
    await centre.set_up("one", spec=builders.integration_spec().model_copy(update={"schedule": schedule}))
    await centre.open()
    await centre.scheduler.tick()
    before = await planned(centre)

    await set_clock(clock, steady, centre.database, by)

    after = await planned(centre)
    assert after[Mode.DELTA] == before[Mode.DELTA] + by
    assert after[Mode.FULL] == before[Mode.FULL]


async def test_a_clock_that_is_set_over_a_start_of_the_wall_clock_loses_none(
    clock: SettableClock, steady: SteadyClock, centre: Centre
) -> None:
    schedule = Schedule.model_validate({"every": "10m", "full": {"cron": "0 14 * * *"}})
    await centre.set_up("one", spec=builders.integration_spec().model_copy(update={"schedule": schedule}))
    await centre.scheduler.tick()
    async with centre.database.write() as db:
        (first,) = await runs.every(db)
        await steering.cancel(db, first, "not wanted", steady.now())

    await set_clock(clock, steady, centre.database, HOURS)
    await centre.scheduler.tick()

    async with centre.database.read() as db:
        started = [one for one in await schedules.passed(db, REF) if one.mode is Mode.FULL]
    assert [(one.at.hour, one.fate) for one in started] == [(14, Fate.OPENED)]


@both_ways
async def test_the_interval_that_a_host_decided_counts_on_too(
    clock: SettableClock, steady: SteadyClock, centre: Centre, by: timedelta
) -> None:
    await centre.set_up("one")
    async with centre.database.write() as db:
        hosted = (await integrations.get(db, REF)).spec.model_copy(update={"group": HOSTED_GROUP})
        await integrations.change(db, REF, hosted, clock.now())
        await hostings.save(db, REF, Hosting(size=Size.SMALL))
    await centre.scheduler.tick()
    before = await planned(centre)

    await set_clock(clock, steady, centre.database, by)

    after = await planned(centre)
    assert after[Mode.DELTA] == before[Mode.DELTA] + by
    assert after[Mode.RECONCILE] == before[Mode.RECONCILE]


@both_ways
async def test_an_interval_that_the_hours_put_off_comes_when_they_end(
    clock: SettableClock, steady: SteadyClock, centre: Centre, by: timedelta
) -> None:
    schedule = Schedule.model_validate({"every": "10m", "window": {"from": "20:00", "to": "23:00"}})
    await centre.set_up("one", spec=builders.integration_spec().model_copy(update={"schedule": schedule}))
    await centre.scheduler.tick()
    before = await planned(centre)
    assert before[Mode.DELTA].hour == 20

    await set_clock(clock, steady, centre.database, by)
    await centre.scheduler.tick()

    assert await planned(centre) == before


async def test_who_does_not_lead_follows_and_moves_nothing(
    clock: SettableClock, steady: SteadyClock, centre: Centre
) -> None:
    await centre.set_up("one")
    run = await centre.leased()
    clock.set_by = HOURS

    await Timekeeper(steady).tick()

    assert steady.now() == clock.now()
    assert await centre.run(run.id) == run


async def planned(centre: Centre) -> dict[Mode, datetime]:
    async with centre.database.read() as db:
        return {one.mode: one.at for one in await schedules.of(db, REF)}
