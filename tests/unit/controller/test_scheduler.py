"""When an integration runs by itself, and what is written down where it does not."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from sqlalchemy import event
from sqlalchemy.engine import Engine

from halo_controller import scheduler
from halo_controller.consequences import follow
from halo_controller.defining import redefine
from halo_controller.dispatcher import open_run
from halo_controller.nouns import Explaining, Run, Trigger
from halo_controller.scheduler import TICK
from halo_controller.scheduling.nouns import Fate, Past, Pause, Standing
from halo_controller.scheduling.occurrences import offset_of
from halo_controller.scheduling.standing import STEPS
from halo_controller.store import integrations, runs, schedules, standings, tenants
from halo_shared.errors import CredentialRefused, SourceUnavailable
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import IntegrationSpec
from halo_shared.messages.base import Failure
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode, RunStatus
from tests.support.builders import NOW, REF, finished, integration_spec, tenant_spec
from tests.support.rest import PEOPLE, an_api
from tests.unit.controller.centre import Centre

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
SCHEDULED = integration_spec(every=QUARTER)


def scheduled(**schedule: Any) -> IntegrationSpec:  # Any: as a file would say it
    return IntegrationSpec.model_validate(
        integration_spec().model_dump(by_alias=True) | {"schedule": schedule}
    )


async def opened(centre: Centre) -> list[Run]:
    async with centre.database.read() as db:
        return sorted(await runs.every(db), key=lambda each: each.queued_at)


async def passed(centre: Centre) -> Sequence[Past]:
    async with centre.database.read() as db:
        return [one for one in await schedules.passed(db, REF) if one.fate is not Fate.OPENED]


async def end(centre: Centre, run: Run, status: RunStatus = RunStatus.SUCCEEDED) -> None:
    async with centre.database.write() as db:
        await runs.save(db, run.model_copy(update={"status": status, "ended_at": centre.clock.now()}))


async def later(centre: Centre, span: timedelta) -> None:
    centre.clock.move(span)
    await centre.scheduler.tick()


async def test_it_opens_what_is_due_and_not_beside_a_run_that_is_open(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)

    await centre.scheduler.tick()
    await centre.scheduler.tick()
    (first,) = await opened(centre)
    assert (first.trigger, first.reason) == (Trigger.SCHEDULE, "it is scheduled and has never run")

    await later(centre, QUARTER)
    assert await opened(centre) == [first]
    await later(centre, QUARTER)
    (skipped,) = await passed(centre)
    assert (skipped.times, skipped.reason) == (2, f"run {first.id} is still queued")

    await end(centre, first)
    await later(centre, QUARTER)
    assert [each.reason for each in await opened(centre)] == [first.reason, "it runs every 15m"]


async def test_one_start_waits_where_the_schedule_says_so(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="15m", overlap="queue"))
    await centre.scheduler.tick()
    (first,) = await opened(centre)

    await later(centre, QUARTER)
    await later(centre, 2 * QUARTER)
    assert await opened(centre) == [first]
    await end(centre, first)
    await centre.scheduler.tick()

    assert [each.reason for each in await opened(centre)][1:] == [
        "it runs every 15m, waiting since 2026-01-05 12:15 UTC"
    ]
    assert await passed(centre) == []


async def test_a_run_that_is_open_makes_room_where_the_schedule_says_so(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="15m", overlap="replace"))
    await centre.scheduler.tick()

    await later(centre, QUARTER)
    (first,) = await opened(centre)
    assert first.status is RunStatus.CANCELLED
    await centre.scheduler.tick()

    assert len(await opened(centre)) == 2


async def test_a_run_by_hand_counts_for_an_interval(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    by_hand = await centre.leased()
    centre.clock.move(timedelta(minutes=10))
    await centre.inbox.take(finished(by_hand))

    await centre.scheduler.tick()
    assert await opened(centre) == [await centre.run(by_hand.id)]

    await later(centre, timedelta(minutes=5))
    assert len(await opened(centre)) == 2


async def test_what_is_disabled_or_paused_is_left_alone(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED, enabled=False)
    await centre.scheduler.tick()
    assert await opened(centre) == []

    async with centre.database.write() as db:
        await integrations.switch(db, REF, enabled=True)
        pause = Pause(since=NOW, who="ann", reason="the directory is moved")
        await standings.save(db, REF, Standing(pause=pause))
    await centre.scheduler.tick()

    assert await opened(centre) == []
    assert [one.reason for one in await passed(centre)] == ["it is paused: the directory is moved"]


async def test_a_person_who_is_quicker_wins(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)

    async with centre.overtaking(centre.scheduler.tick()) as db:
        by_hand = await open_run(db, REF, Trigger.PERSON, "at once, please", NOW)

    assert await opened(centre) == [by_hand]


async def test_the_loop_looks_every_second(centre: Centre) -> None:
    await centre.set_up("one", spec=integration_spec(every=timedelta(seconds=10)))
    async with centre.database.write() as db:
        await integrations.opened(db, {REF}, NOW)
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


async def test_the_thorough_cycle_comes_before_the_quick_one_and_reads_everything(centre: Centre) -> None:
    await centre.set_up(
        "one", spec=scheduled(cron="0 * * * *", full={"cron": "0 2 * * *"}, reconcile={"cron": "0 3 1 * *"})
    )
    await centre.scheduler.tick()

    centre.clock.move(timedelta(hours=14))  # to two in the morning
    await centre.scheduler.tick()
    await centre.scheduler.tick()
    modes = [run.mode for run in await opened(centre)]

    assert modes == [Mode.FULL]


@pytest.mark.parametrize(
    ("catch_up", "reasons", "missed"),
    [
        ("none", [], 5),
        ("latest", ["it runs by cron '0 * * * *', caught up from 2026-01-05 17:00 UTC"], 4),
        ("all", ["it runs by cron '0 * * * *', caught up from 2026-01-05 16:00 UTC"], 3),
    ],
)
async def test_what_was_missed_is_caught_up_with_as_the_schedule_says(
    centre: Centre, catch_up: str, reasons: list[str], missed: int
) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 * * * *", catch_up=catch_up, catch_up_within="90m"))
    async with centre.database.write() as db:
        await integrations.opened(db, {REF}, NOW)
    await centre.scheduler.tick()

    await later(centre, timedelta(hours=5, minutes=10))
    for _ in range(3):
        await centre.scheduler.tick()

    assert [run.reason for run in await opened(centre)][:1] == reasons
    assert sum(one.times for one in await passed(centre) if one.fate is Fate.MISSED) == missed


async def test_blackouts_of_the_tenant_hold_in_its_zone(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="30 * * * *"))
    office = {"name": "office hours", "hours": {"from": "08:00", "to": "18:00"}}
    async with centre.database.write() as db:
        spec = tenant_spec().model_dump() | {"zone": "America/New_York", "blackouts": [office]}
        await tenants.change(db, type(tenant_spec()).model_validate(spec))
        await integrations.opened(db, {REF}, NOW)
    await centre.scheduler.tick()

    for _ in range(12):
        await later(centre, timedelta(hours=1))
        for run in await opened(centre):
            if not run.status.ended:
                await end(centre, run)

    hours = {run.queued_at.astimezone(ZoneInfo("America/New_York")).hour for run in await opened(centre)}
    assert hours
    assert not hours & set(range(8, 18))
    assert any("office hours" in one.reason for one in await passed(centre))


async def test_a_passing_failure_is_tried_again_and_a_success_clears_it(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 2 * * *"))
    leased = await centre.leased()
    failure = Failure.of(SourceUnavailable(), Redactor())
    await centre.inbox.take(finished(leased, RunStatus.FAILED, failure=failure))

    await later(centre, timedelta(minutes=2))

    retried = (await opened(centre))[-1]
    assert retried.trigger is Trigger.RETRY
    assert retried.reason.startswith("retry 1, since the run before failed: The tool to read from")


async def test_a_mistake_pauses_after_three_and_a_new_definition_clears_it(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    failure = Failure.of(CredentialRefused(), Redactor())
    for _ in range(3):
        await centre.inbox.take(finished(await centre.leased(), RunStatus.FAILED, failure=failure))

    async with centre.database.read() as db:
        standing = await standings.of(db, REF)
    assert standing.pause is not None
    assert "3 runs in a row failed" in standing.pause.reason
    texts = [event.text for event, _ in await centre.told()]
    assert sum(text.startswith("Paused: 3 runs in a row") for text in texts) == 1


async def test_a_change_is_planned_anew(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 2 * * *"))
    async with centre.database.write() as db:
        await integrations.opened(db, {REF}, NOW)
    await centre.scheduler.tick()

    async with centre.database.write() as db:
        await integrations.change(db, REF, scheduled(cron="0 5 * * *"), NOW)
    await centre.scheduler.tick()

    async with centre.database.read() as db:
        (planned,) = await schedules.of(db, REF)
    assert planned.at.hour == 5


async def test_an_interval_is_caught_up_with_once_and_does_not_wait_for_another(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="15m", catch_up="all"))
    await centre.scheduler.tick()
    await end(centre, (await opened(centre))[0])

    await later(centre, timedelta(hours=2, minutes=2))
    await centre.scheduler.tick()

    assert [run.reason for run in await opened(centre)][1:] == [
        "it runs every 15m, caught up from 2026-01-05 14:00 UTC"
    ]
    assert [(one.fate, one.times) for one in await passed(centre)] == [(Fate.MISSED, 7)]


async def test_what_was_disabled_was_not_missed(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    await centre.scheduler.tick()
    await end(centre, (await opened(centre))[0])
    for enabled in (False, True):
        centre.clock.move(timedelta(days=2))
        async with centre.database.write() as db:
            await integrations.switch(db, REF, enabled=enabled)

    await centre.scheduler.tick()

    assert [run.reason for run in await opened(centre)][1:] == ["it runs every 15m"]
    assert await passed(centre) == []


async def test_a_start_that_a_pause_forbids_is_not_looked_at_again_each_second(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    async with centre.database.write() as db:
        await standings.save(db, REF, Standing(pause=Pause(since=NOW, who="ann", reason="a move")))

    for _ in range(5):
        await later(centre, timedelta(seconds=1))

    (skipped,) = await passed(centre)
    assert skipped.times == 1


async def test_an_interval_of_a_day_that_falls_into_a_blackout_runs_when_that_ends(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="1d", window={"from": "20:00", "to": "23:00"}))
    office = {"name": "office hours", "hours": {"from": "08:00", "to": "21:00"}}
    async with centre.database.write() as db:
        spec = tenant_spec().model_dump() | {"blackouts": [office]}
        await tenants.change(db, type(tenant_spec()).model_validate(spec))
    await centre.scheduler.tick()
    await later(centre, timedelta(hours=8, minutes=59))
    assert await opened(centre) == []

    await later(centre, timedelta(minutes=1))

    (run,) = await opened(centre)
    assert run.queued_at.hour == 21
    assert [(one.times, one.reason) for one in await passed(centre)] == [
        (1, "it may start from 20:00 to 23:00 only (UTC)")
    ]


async def test_an_interval_that_was_missed_in_a_blackout_runs_as_soon_as_it_may(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="1d"))
    office = {"name": "office hours", "hours": {"from": "08:00", "to": "18:00"}}
    async with centre.database.write() as db:
        spec = tenant_spec().model_dump() | {"blackouts": [office]}
        await tenants.change(db, type(tenant_spec()).model_validate(spec))
        await integrations.opened(db, {REF}, NOW)
    await centre.scheduler.tick()

    await later(centre, timedelta(days=1, hours=6, minutes=5))

    (run,) = await opened(centre)
    assert run.reason == "it runs every 1d, caught up from 2026-01-06 12:00 UTC"


async def test_the_first_starts_of_intervals_are_spread(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="15m", spread="1h"))
    await centre.scheduler.tick()

    async with centre.database.read() as db:
        (planned,) = await schedules.of(db, REF)
    assert planned.at == NOW + offset_of(REF, timedelta(hours=1))
    assert await opened(centre) == []


async def failed_in_full(centre: Centre) -> None:
    """The cycle that reads everything has failed for a passing reason, and waits for its retry."""
    await centre.set_up("one", spec=scheduled(cron="0 2 * * *"))
    leased = await centre.leased()
    async with centre.database.write() as db:
        await runs.save(db, leased.model_copy(update={"mode": Mode.FULL}))
    failure = Failure.of(SourceUnavailable(), Redactor())
    await centre.inbox.take(finished(leased, RunStatus.FAILED, failure=failure))


async def test_a_retry_reads_as_the_run_that_failed(centre: Centre) -> None:
    await failed_in_full(centre)

    await later(centre, timedelta(minutes=2))

    assert [run.mode for run in await opened(centre)] == [Mode.FULL, Mode.FULL]


async def test_a_retry_that_something_stands_in_the_way_of_is_written_down_and_spent(centre: Centre) -> None:
    await failed_in_full(centre)
    await centre.scheduler.tick()
    centre.clock.move(timedelta(minutes=2))

    async with centre.overtaking(centre.scheduler.tick()) as db:
        await integrations.switch(db, REF, enabled=False)

    (skipped,) = await passed(centre)
    assert (skipped.mode, skipped.fate) == (Mode.FULL, Fate.SKIPPED)
    assert skipped.reason.startswith("retry 1, since the run before failed: The tool")
    assert "'acme/people' is disabled" in skipped.reason
    async with centre.database.read() as db:
        assert (await standings.of(db, REF)).retry_at is None


async def test_a_retry_of_what_a_person_paused_is_let_pass_also_without_a_schedule(centre: Centre) -> None:
    await centre.set_up("one")
    paused = Pause(since=NOW, who="bob", reason="holidays")
    async with centre.database.write() as db:
        await standings.save(db, REF, Standing(failures=1, retry_at=NOW, pause=paused))

    await centre.scheduler.tick()

    assert await opened(centre) == []
    (skipped,) = await passed(centre)
    assert skipped.reason.endswith("It was let pass: it is paused: holidays")


def test_a_start_to_count_from_is_refused_where_nothing_counts_from_it() -> None:
    with pytest.raises(ValidationError, match="only a calendar rule"):
        scheduled(every="15m", starting="2026-01-06T00:00:00")


async def test_a_daily_clock_that_is_slowed_down_to_once_a_day_is_probed_each_day(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 2 * * *"))
    await centre.scheduler.tick()
    down = Failure.of(SourceUnavailable(), Redactor())
    slow = Standing(recent=(False,) * 10, failures=10, slow_step=len(STEPS))
    async with centre.database.write() as db:
        await standings.save(db, REF, slow)

    centre.clock.move(timedelta(hours=14))  # to two in the morning
    for _ in range(3):
        await centre.scheduler.tick()
        run = (await opened(centre))[-1].model_copy(update={"status": RunStatus.FAILED, "failure": down})
        centre.clock.move(timedelta(hours=1))
        await end(centre, run, RunStatus.FAILED)
        async with centre.database.write() as db:
            await follow(db, [run], centre.clock.now())
        centre.clock.move(timedelta(hours=23))

    assert [run.queued_at.day for run in await opened(centre)] == [6, 7, 8]
    assert await passed(centre) == []


async def test_many_that_are_due_together_share_transactions(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "AT_ONCE", 2)
    await centre.set_up("one", spec=SCHEDULED)
    async with centre.database.write() as db:
        for number in range(4):
            spec = SCHEDULED.model_copy(update={"name": f"people-{number}"})
            await integrations.add(db, REF.tenant, spec, centre.clock.now())
            await integrations.switch(db, IntegrationRef(REF.tenant, spec.name), enabled=True)
    await later(centre, QUARTER)
    for run in await opened(centre):
        await end(centre, run)
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    event.listen(Engine, "commit", note)
    try:
        await later(centre, QUARTER)
    finally:
        event.remove(Engine, "commit", note)

    assert len(await opened(centre)) == 10
    assert len(commits) == 3 + 2  # five in twos, and two looks


async def became(centre: Centre) -> list[tuple[str, int, str]]:
    """What became of the moments that have passed: the first, how many, and the fate, the oldest first."""
    async with centre.database.read() as db:
        rows = reversed(await schedules.passed(db, REF, 200))
    return [(f"{one.at:%d %H:%M}", one.times, one.fate.value) for one in rows]


async def minutes_go_by(centre: Centre, minutes: int) -> None:
    """Every run ends within the minute in which it was opened."""
    for _ in range(minutes):
        await later(centre, MINUTE)
        await centre.scheduler.tick()  # what was opened just now is seen to be open
        for run in await opened(centre):
            if not run.status.ended:
                await end(centre, run)


async def test_all_that_was_missed_runs_one_after_the_other(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 * * * *", catch_up="all"))
    await centre.scheduler.tick()

    centre.clock.move(timedelta(hours=5, minutes=10))
    await minutes_go_by(centre, 10)

    assert await became(centre) == [(f"05 {hour}:00", 1, "opened") for hour in range(13, 18)]


async def test_a_clock_s_moments_that_come_while_one_waits_are_let_pass(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="*/15 * * * *", overlap="queue", catch_up="all"))
    await centre.scheduler.tick()
    await later(centre, QUARTER)
    (first,) = await opened(centre)
    for _ in range(3):
        await later(centre, QUARTER)
    await end(centre, first)
    await later(centre, MINUTE)

    assert await became(centre) == [
        ("05 12:15", 1, "opened"),
        ("05 12:30", 1, "opened"),
        ("05 12:45", 2, "skipped"),
    ]
    assert [one.reason for one in await passed(centre)] == ["the start of 12:30 UTC was still waiting"]


async def test_a_start_that_waited_until_its_hours_were_over_was_not_missed(centre: Centre) -> None:
    window = {"from": "12:00", "to": "13:00"}
    await centre.set_up("one", spec=scheduled(cron="*/15 * * * *", overlap="queue", window=window))
    await centre.scheduler.tick()
    await later(centre, QUARTER)
    (first,) = await opened(centre)
    await later(centre, QUARTER)
    await later(centre, 2 * QUARTER)
    await end(centre, first)
    await later(centre, MINUTE)

    assert await became(centre) == [
        ("05 12:15", 1, "opened"),
        ("05 12:30", 1, "skipped"),
        ("05 12:45", 2, "skipped"),
    ]


async def test_an_interval_that_waited_and_was_pushed_back_waits_no_more(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="15m", overlap="queue"))
    await centre.scheduler.tick()
    (first,) = await opened(centre)
    await later(centre, QUARTER)
    await end(centre, first)
    async with centre.database.write() as db:
        await open_run(db, REF, Trigger.PERSON, "at once, please", centre.clock.now())
    await centre.scheduler.tick()

    async with centre.database.read() as db:
        (planned,) = await schedules.of(db, REF)
    assert (planned.at, planned.waiting) == (NOW + 2 * QUARTER, False)


async def test_what_reads_less_does_not_cancel_what_reads_everything(centre: Centre) -> None:
    await centre.set_up(
        "one", spec=scheduled(cron="0 * * * *", full={"cron": "0 13 * * *"}, overlap="replace")
    )
    await centre.scheduler.tick()

    await later(centre, timedelta(hours=1))
    await later(centre, timedelta(hours=1))

    assert [(run.mode, run.status) for run in await opened(centre)] == [(Mode.FULL, RunStatus.QUEUED)]


async def test_what_reads_everything_waits_for_what_reads_less(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 * * * *", full={"cron": "5 13 * * *"}))
    await centre.scheduler.tick()
    await later(centre, timedelta(hours=1))
    (delta,) = await opened(centre)

    await later(centre, timedelta(minutes=5))
    await end(centre, delta)
    await later(centre, MINUTE)

    assert [run.mode for run in await opened(centre)] == [Mode.DELTA, Mode.FULL]
    assert await passed(centre) == []


async def test_a_start_waits_for_a_run_that_only_explains(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 * * * *", overlap="replace"))
    await centre.scheduler.tick()
    async with centre.database.write() as db:
        asked = Explaining(preview=True)
        preview = await open_run(db, REF, Trigger.PERSON, "to see", centre.clock.now(), explaining=asked)
    await later(centre, timedelta(hours=1))
    assert await opened(centre) == [preview]

    await end(centre, preview)
    await later(centre, MINUTE)

    assert len(await opened(centre)) == 2
    assert await passed(centre) == []


async def test_of_what_was_missed_the_latest_is_caught_up_with_that_might_have_run(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 3,9 * * *"))
    office = {"name": "office hours", "hours": {"from": "08:00", "to": "18:00"}}
    async with centre.database.write() as db:
        spec = tenant_spec().model_dump() | {"blackouts": [office]}
        await tenants.change(db, type(tenant_spec()).model_validate(spec))
    await centre.scheduler.tick()

    centre.clock.move(timedelta(days=2, hours=7))
    await minutes_go_by(centre, 3)

    assert await became(centre) == [
        ("06 03:00", 2, "missed"),
        ("07 03:00", 1, "opened"),
        ("07 09:00", 1, "skipped"),
    ]


async def test_what_others_are_counted_with_is_as_new_as_the_last_of_them(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    moments = [(Mode.DELTA, "a pause"), (Mode.FULL, "a holiday"), (Mode.DELTA, "a pause")]
    async with centre.database.write() as db:
        for minutes, (mode, reason) in enumerate(moments):
            at = NOW + minutes * MINUTE
            past = Past(
                tenant=REF.tenant,
                integration=REF.name,
                mode=mode,
                at=at,
                until=at,
                fate=Fate.SKIPPED,
                reason=reason,
            )
            await schedules.record(db, past)

    assert [(one.mode, one.times) for one in await passed(centre)] == [(Mode.DELTA, 2), (Mode.FULL, 1)]


async def test_another_definition_forgets_failures_and_another_time_does_not(centre: Centre) -> None:
    await centre.set_up("one", spec=SCHEDULED)
    slow = Standing(recent=(False,) * 10, failures=10, slow_step=1)

    async def after(spec: IntegrationSpec) -> Standing:
        async with centre.database.write() as db:
            await standings.save(db, REF, slow)
            await redefine(db, REF, spec, NOW)
            return await standings.of(db, REF)

    assert await after(SCHEDULED.model_copy(update={"group": "other"})) == Standing()
    assert await after(SCHEDULED.model_copy(update={"group": "other", "schedule": None})) == slow


async def test_a_full_cycle_that_counts_an_interval_comes_when_it_would_have_come(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(every="15m", full={"every": "7d"}))
    await centre.scheduler.tick()
    centre.clock.move(timedelta(days=6))
    await minutes_go_by(centre, 20)
    async with centre.database.write() as db:
        await integrations.switch(db, REF, enabled=False)
        await integrations.switch(db, REF, enabled=True)
    await centre.scheduler.tick()

    async with centre.database.read() as db:
        at = {one.mode: one.at for one in await schedules.of(db, REF)}
    assert at[Mode.FULL] == NOW + timedelta(days=7)


async def test_what_was_to_be_tried_again_is_not_once_it_was_disabled(centre: Centre) -> None:
    await failed_in_full(centre)
    async with an_api(centre.database, centre.transport) as api:
        await api.post(f"{PEOPLE}/disable")
        centre.clock.move(timedelta(days=20))
        await api.post(f"{PEOPLE}/enable")

    await centre.scheduler.tick()

    assert len(await opened(centre)) == 1


async def test_what_comes_as_the_controller_is_back_was_not_missed(centre: Centre) -> None:
    await centre.set_up("one", spec=scheduled(cron="0 * * * *", catch_up="none"))
    await centre.scheduler.tick()

    await later(centre, timedelta(hours=5))
    await centre.scheduler.tick()

    assert await became(centre) == [("05 13:00", 4, "missed"), ("05 17:00", 1, "opened")]
