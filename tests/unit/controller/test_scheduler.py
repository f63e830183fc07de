"""When an integration runs by itself, and why not."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from halo_controller.dispatcher import open_run
from halo_controller.nouns import Integration, Run, Trigger
from halo_controller.scheduler import TICK, Due, NotDue, due
from halo_controller.store import integrations, runs
from halo_shared.runs import RunStatus
from tests.support.builders import NOW, REF, RUN_ID, finished, integration_spec
from tests.support.nouns import integration, run
from tests.unit.controller.centre import Centre

QUARTER = timedelta(minutes=15)
SCHEDULED = integration_spec(every=QUARTER)


@pytest.mark.parametrize(
    ("known", "open_run", "decision"),
    [
        (integration(SCHEDULED), None, Due("it is scheduled and has never run")),
        (integration(SCHEDULED, last_opened_at=NOW - QUARTER), None, Due("it runs every 15m")),
        (integration(SCHEDULED, last_opened_at=NOW - 9 * QUARTER), None, Due("it runs every 15m")),
        (
            integration(SCHEDULED, last_opened_at=NOW - timedelta(minutes=14)),
            None,
            NotDue("it runs every 15m, next at 12:01:00 UTC", NOW + timedelta(minutes=1)),
        ),
        (integration(SCHEDULED, enabled=False), None, NotDue("it is disabled")),
        (
            integration(integration_spec()),
            None,
            NotDue("it has no schedule and runs only when somebody asks for it"),
        ),
        (
            integration(integration_spec(every=QUARTER, group=None)),
            None,
            NotDue("it is assigned to no group of agents"),
        ),
        (
            integration(SCHEDULED, last_opened_at=NOW - QUARTER),
            run(RunStatus.HELD),
            NotDue(f"run {RUN_ID} is still held"),
        ),
    ],
)
def test_whether_it_is_due(known: Integration, open_run: Run | None, decision: Due | NotDue) -> None:
    assert due(known, open_run, NOW) == decision


async def opened(centre: Centre) -> list[Run]:
    async with centre.database.read() as db:
        return sorted(await runs.every(db), key=lambda each: each.queued_at)


async def test_it_opens_what_is_due_and_again_only_when_that_has_ended(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)

    await centre.scheduler.tick()
    await centre.scheduler.tick()
    (first,) = await opened(centre)
    assert (first.trigger, first.reason) == (Trigger.SCHEDULE, "it is scheduled and has never run")

    centre.clock.move(QUARTER)
    await centre.scheduler.tick()
    assert await opened(centre) == [first]  # it is still open

    async with centre.database.write() as db:
        await runs.save(
            db, first.model_copy(update={"status": RunStatus.FAILED, "ended_at": centre.clock.now()})
        )
    await centre.scheduler.tick()
    assert [each.reason for each in await opened(centre)] == [first.reason, "it runs every 15m"]


async def test_a_run_by_hand_counts_for_the_schedule(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    by_hand = await centre.leased()
    centre.clock.move(timedelta(minutes=10))
    await centre.inbox.take(finished(by_hand))

    await centre.scheduler.tick()
    assert await opened(centre) == [await centre.run(by_hand.id)]

    centre.clock.move(timedelta(minutes=5))
    await centre.scheduler.tick()
    assert len(await opened(centre)) == 2


async def test_what_is_disabled_is_left_alone(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED, enabled=False)

    await centre.scheduler.tick()

    assert await opened(centre) == []


async def test_a_person_who_is_quicker_wins(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)

    async with centre.overtaking(centre.scheduler.tick()) as db:
        by_hand = await open_run(db, REF, Trigger.PERSON, "at once, please", NOW)

    assert await opened(centre) == [by_hand]


async def test_the_loop_looks_every_second(centre: Centre) -> None:
    await centre.set_up("one", spec=integration_spec(every=timedelta(seconds=10)))
    async with centre.database.write() as db:
        await integrations.opened(db, REF, NOW)
    loop = asyncio.create_task(centre.scheduler.run())
    await centre.clock.asleep()

    await centre.clock.advance(10 - TICK)
    assert await opened(centre) == []
    await centre.clock.advance(TICK)
    (only,) = await opened(centre)
    assert only.queued_at == NOW + timedelta(seconds=10)

    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
