"""What is wrong without that a run failed, and the loop that sees it once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from halo_controller.incidents.conditions import SILENT_FOR, Situation, seen
from halo_controller.incidents.freshness import fresh_within
from halo_controller.incidents.nouns import Condition, Incident
from halo_controller.incidents.watch import Watch
from halo_controller.nouns import Integration, Tenant
from halo_controller.scheduling import situation as scheduling
from halo_controller.scheduling.nouns import Pause, Standing
from halo_controller.store import incidents
from halo_shared.certificates import CertificateEnd
from halo_shared.errors import BrokerUnavailable
from halo_shared.messages.codec import Envelope
from halo_shared.messages.events import Level
from halo_shared.runs import RunStatus
from halo_shared.schedules import Schedule
from halo_shared.topology import BURIED, Address, Queue
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import NOW, REF, excess, heartbeat, hello, integration_spec, tenant_spec
from tests.support.nouns import agent, integration, run
from tests.unit.controller.centre import Centre

HOUR = timedelta(hours=1)
HOURLY = integration(integration_spec(every=HOUR))
ACME = Tenant(spec=tenant_spec(), created_at=NOW)


def codes(situation: Situation) -> list[str]:
    return [one.cause.code for one in seen(situation)]


@pytest.mark.parametrize(
    ("last", "stale"), [(NOW - 23 * HOUR, False), (NOW - 25 * HOUR, True), (None, False)]
)
def test_no_success_for_a_day(last: object, stale: bool) -> None:
    situation = Situation(
        now=NOW, tenants=[ACME], integrations=[HOURLY.model_copy(update={"last_success": last})]
    )
    assert (Condition.NO_SUCCESS in codes(situation)) is stale


def test_what_never_succeeded_counts_from_its_definition_or_its_open_run() -> None:
    later = NOW + 25 * HOUR
    assert codes(Situation(now=later, tenants=[ACME], integrations=[HOURLY])) == [Condition.NO_SUCCESS]
    just_begun = run(queued_at=later - HOUR)
    assert codes(Situation(now=later, tenants=[ACME], integrations=[HOURLY], open_runs=[just_begun])) == []


@pytest.mark.parametrize(
    ("known", "limit"),
    [
        (integration(integration_spec(every=15 * HOUR)), 45 * HOUR),
        (HOURLY, 24 * HOUR),
        (integration(integration_spec(every=HOUR).model_copy(update={"fresh_within": 2 * HOUR})), 2 * HOUR),
        (integration(integration_spec()), None),
        (integration(integration_spec(every=HOUR), enabled=False), None),
    ],
)
def test_how_fresh_an_integration_must_be(known: Integration, limit: timedelta | None) -> None:
    assert fresh_within(scheduling.Situation(known, ACME, NOW)) == limit


OFFICE_HOURS = Schedule.model_validate(
    {"every": "1h", "window": {"from": "08:00", "to": "18:00", "days": ["mon", "tue", "wed", "thu", "fri"]}}
)
MONDAY = datetime(2026, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "stale"),
    [
        (MONDAY - 2 * HOUR, False),
        (MONDAY + 9 * HOUR, False),
        (MONDAY + 32 * HOUR, False),
        (MONDAY + 33 * HOUR, True),
    ],
)
def test_nobody_expects_success_where_the_hours_forbid_a_start(now: datetime, stale: bool) -> None:
    spec = integration_spec().model_copy(update={"schedule": OFFICE_HOURS})
    friday = MONDAY - 55 * HOUR
    known = integration(spec).model_copy(update={"last_success": friday})
    situation = Situation(now=now, tenants=[ACME], integrations=[known])
    assert (Condition.NO_SUCCESS in codes(situation)) is stale


def test_a_held_run_says_what_it_waits_for_and_how_to_decide() -> None:
    (one,) = seen(Situation(now=NOW, open_runs=[run(RunStatus.HELD, held_for=(excess(),))]))
    assert one.cause.code == Condition.RUN_HELD
    assert "it would deactivate 212 of 1,200 users in Halo" in one.message
    assert "runs approve" in one.advice


@pytest.mark.parametrize(
    ("standing", "found"),
    [
        (Standing(pause=Pause(since=NOW, who=None, reason="3 runs failed")), [Condition.INTEGRATION_PAUSED]),
        (Standing(pause=Pause(since=NOW, who="bob", reason="holidays")), []),
        (Standing(slow_step=2, failures=9, why="dc1 is away"), [Condition.INTEGRATION_SLOWED]),
        (Standing(failures=1), []),
    ],
)
def test_what_the_scheduler_stopped_by_itself(standing: Standing, found: list[str]) -> None:
    paused = Situation(now=NOW, tenants=[ACME], integrations=[integration()], standings={REF: standing})
    assert codes(paused) == found


def test_what_is_paused_is_not_stale_as_well() -> None:
    pause = Pause(since=NOW, who="bob", reason="holidays")
    later = NOW + 99 * HOUR
    situation = Situation(
        now=later, tenants=[ACME], integrations=[HOURLY], standings={REF: Standing(pause=pause)}
    )
    assert codes(situation) == []


def test_an_agent_is_silent_after_a_while_and_concerns_the_tenant_that_it_serves() -> None:
    serving = [integration(), integration(integration_spec("machines"))]
    just_now = Situation(now=NOW + SILENT_FOR, agents=[agent()], tenants=[ACME], integrations=serving)
    assert codes(just_now) == []

    (one,) = seen(
        Situation(now=NOW + SILENT_FOR + HOUR, agents=[agent()], tenants=[ACME], integrations=serving)
    )
    assert (one.cause.code, one.cause.tenant, one.cause.place) == (Condition.AGENT_SILENT, "acme", "one")


def test_an_agent_that_serves_several_tenants_concerns_the_operators() -> None:
    other = integration().model_copy(update={"tenant": "globex"})
    globex = Tenant(spec=tenant_spec("globex"), created_at=NOW)
    (one,) = seen(
        Situation(
            now=NOW + HOUR,
            agents=[agent()],
            tenants=[ACME, globex],
            integrations=[integration(), other],
        )
    )
    assert one.cause.tenant is None


def test_events_that_an_agent_could_not_keep() -> None:
    (one,) = seen(Situation(now=NOW, agents=[agent().model_copy(update={"dropped": 1_200})]))
    assert (one.cause.code, "1,200" in one.message) == (Condition.EVENTS_DROPPED, True)


def test_buried_messages_and_a_broker_that_does_not_say() -> None:
    assert codes(Situation(now=NOW, buried=2)) == [Condition.MESSAGE_BURIED]
    assert codes(Situation(now=NOW, buried=0)) == []
    assert Situation(now=NOW, buried=None).unknown == {Condition.MESSAGE_BURIED}


@pytest.mark.parametrize(
    ("ends", "level"),
    [
        (date(2026, 6, 1), None),
        (date(2026, 2, 1), Level.WARNING),
        (date(2026, 1, 8), Level.ERROR),
        (date(2025, 12, 1), Level.ERROR),
    ],
)
def test_a_secret_that_ends(ends: date, level: Level | None) -> None:
    tenant = Tenant(spec=tenant_spec().model_copy(update={"secret_expires": ends}), created_at=NOW)
    assert [one.level for one in seen(Situation(now=NOW, tenants=[tenant]))] == ([level] if level else [])


def certificate(days: float, address: str = "dc1.acme.example") -> CertificateEnd:
    return CertificateEnd(of="the directory", address=address, ends=NOW + timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "level"),
    [(22, None), (21, Level.WARNING), (3.1, Level.WARNING), (3, Level.ERROR), (-1, Level.ERROR)],
)
def test_a_certificate_that_ends(days: float, level: Level | None) -> None:
    known = agent().model_copy(update={"certificates": (certificate(days),)})
    assert [one.level for one in seen(Situation(now=NOW, agents=[known]))] == ([level] if level else [])


def test_a_certificate_that_several_agents_see_is_one_cause_and_the_first_end_counts() -> None:
    agents = [
        agent().model_copy(update={"name": name, "certificates": (certificate(days), certificate(9, "dc2"))})
        for name, days in (("one", 12), ("two", 2))
    ]
    found = seen(Situation(now=NOW, agents=agents))
    assert [(one.cause.place, one.level, one.agent) for one in found] == [
        ("the directory at dc1.acme.example", Level.ERROR, "two"),
        ("the directory at dc2", Level.WARNING, "one"),
    ]
    assert found[0].message == (
        f"The certificate of the directory at dc1.acme.example ends on {NOW + timedelta(days=2):%Y-%m-%d}."
    )


def test_a_certificate_that_the_controller_itself_sees_concerns_the_operators() -> None:
    known = agent().model_copy(update={"certificates": (certificate(9),)})
    (one,) = seen(Situation(now=NOW, agents=[known], certificates=[certificate(9)]))
    assert (one.cause.tenant, one.agent) == (None, None)
    assert "once the controller has seen the next one" in one.advice


async def open_incidents(centre: Centre) -> Sequence[Incident]:
    async with centre.database.read() as db:
        return await incidents.every(db)


async def test_the_watch_opens_once_and_ends_what_is_no_longer_so(centre: Centre) -> None:
    await centre.set_up("one")
    await centre.ask(hello())
    watch = Watch(centre.database, centre.transport, centre.clock)
    await watch.tick()
    assert await open_incidents(centre) == []

    centre.clock.move(HOUR)
    for _ in range(3):
        await watch.tick()
    (one,) = await open_incidents(centre)
    assert (one.cause.code, one.errors) == (Condition.AGENT_SILENT, 1)

    await centre.ask(heartbeat())
    await watch.tick()
    assert await open_incidents(centre) == []


async def test_a_broker_that_is_away_ends_no_alarm_about_it(centre: Centre) -> None:
    await centre.set_up()
    await centre.transport.publish(Envelope("1", "sync", b"?"), Address(BURIED.name, ""))
    watch = Watch(centre.database, centre.transport, centre.clock)
    await watch.tick()
    assert [one.cause.code for one in await open_incidents(centre)] == [Condition.MESSAGE_BURIED]

    await Watch(centre.database, Away(), centre.clock).tick()
    assert len(await open_incidents(centre)) == 1


class Away(MemoryTransport):
    """A broker that does not answer."""

    async def depth(self, queue: Queue) -> int | None:
        raise BrokerUnavailable


async def test_events_dropped_are_heard_by_heartbeat_and_forgotten_with_a_new_session(centre: Centre) -> None:
    await centre.set_up("one")
    await centre.ask(hello())
    await centre.ask(heartbeat().model_copy(update={"dropped": 7}))
    watch = Watch(centre.database, centre.transport, centre.clock)
    await watch.tick()
    assert [one.cause.code for one in await open_incidents(centre)] == [Condition.EVENTS_DROPPED]

    await centre.ask(hello())
    await watch.tick()
    assert await open_incidents(centre) == []


async def test_a_certificate_is_heard_of_by_heartbeat_and_over_when_the_next_one_is_seen(
    centre: Centre,
) -> None:
    await centre.set_up("one")
    await centre.ask(hello())
    watch = Watch(centre.database, centre.transport, centre.clock)
    levels = []
    for days in (90, 12, 2, 90):
        await centre.ask(heartbeat().model_copy(update={"certificates": (certificate(days),)}))
        await watch.tick()
        levels.append([one.level for one in await open_incidents(centre)])
    assert levels == [[], [Level.WARNING], [Level.ERROR], []]
