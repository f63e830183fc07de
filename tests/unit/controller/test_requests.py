"""What agents ask, and what they hear."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from halo_controller.leasing import LEASE
from halo_controller.nouns import NOT_REGISTERED, AgentState
from halo_controller.steering import cancel
from halo_controller.store import agents, announcements, integrations, strangers
from halo_shared.entities import EntityKind
from halo_shared.errors import UnsupportedVersion
from halo_shared.identifiers import IntegrationRef
from halo_shared.messages.base import OLDEST_VERSION, PROTOCOL_VERSION
from halo_shared.messages.codec import Envelope
from halo_shared.messages.commands import (
    Cancel,
    LeaseGranted,
    LeaseRefused,
    LeasesRenewed,
    Rejected,
    RenewedLease,
    Welcome,
)
from halo_shared.messages.requests import REQUESTS, ConnectorSpec, Heartbeat, HeldLease, Hello
from halo_shared.runs import Mode, RunStatus
from halo_shared.topology import REQUESTS_QUEUE, TO_CONTROLLER, agent_queue
from halo_shared.transport.consuming import serve_batches
from tests.support.builders import (
    NOW,
    OTHER_SESSION,
    REF,
    RUN_ID,
    SESSION,
    finished,
    heartbeat,
    hello,
    integration_spec,
    lease_request,
    tenant_spec,
)
from tests.support.clock import eventually
from tests.unit.controller.centre import Centre


async def test_a_hello_is_welcomed(centre: Centre) -> None:
    await centre.set_up("one")

    greeting = hello()

    assert await centre.ask(greeting) == [
        Welcome(session=SESSION, group="site", heartbeat_seconds=10),
        LeasesRenewed(session=SESSION, ask=greeting.ask),
    ]


async def test_what_an_agent_says_of_itself_is_kept(centre: Centre) -> None:
    await centre.set_up("one")
    connector = ConnectorSpec(
        name="ldap", title="Directory", entities=(EntityKind.USERS,), settings_schema={"type": "object"}
    )

    await centre.ask(hello().model_copy(update={"connectors": (connector,)}))
    centre.clock.move(timedelta(seconds=10))
    await centre.ask(heartbeat())

    async with centre.database.read() as db:
        (known,) = await announcements.every(db)
    assert (known.session, known.version, known.slots, known.connectors) == (
        SESSION,
        "0.1.0",
        2,
        (connector,),
    )
    assert (known.seen_at, known.free_slots, known.spooled, known.doing) == (
        NOW + timedelta(seconds=10),
        1,
        3,
        ("sender: asleep",),
    )
    assert known.state(centre.clock.now()) is AgentState.ONLINE


@pytest.mark.parametrize("says", [hello, heartbeat])
async def test_an_agent_that_was_removed_is_told_so(
    centre: Centre, says: Callable[[], Hello | Heartbeat]
) -> None:
    await centre.set_up("one")
    async with centre.database.write() as db:
        await agents.remove(db, "one")

    (said,) = await centre.ask(says())

    assert said == Rejected(
        session=SESSION,
        code="NotRegistered",
        message="The controller does not know an agent 'one'. Register it there with: "
        "halo-controller agents add one --group GROUP",
    )


async def test_an_unknown_agent_is_logged_and_shown(centre: Centre) -> None:
    await centre.set_up("one")

    with capture_logs() as lines:
        await centre.answerer.answer(hello("stranger"))

    assert lines == [
        {"event": "agent_unknown", "agent": "stranger", "request": "hello", "log_level": "warning"}
    ]
    async with centre.database.read() as db:
        assert [(one.name, one.why) for one in await strangers.every(db)] == [("stranger", NOT_REGISTERED)]


async def test_a_heartbeat_of_an_unknown_session_is_asked_for_a_hello(centre: Centre) -> None:
    await centre.set_up("one")
    await centre.ask(hello(session=OTHER_SESSION))

    (said,) = await centre.ask(heartbeat(session=SESSION))

    assert said == Rejected(
        session=SESSION,
        code="SayHello",
        message="The controller does not know this session; say hello first.",
    )
    async with centre.database.read() as db:
        assert (await agents.get(db, "one")).session == OTHER_SESSION


async def test_a_lease_comes_with_all_that_an_attempt_needs(centre: Centre) -> None:
    await centre.set_up("one", spec=integration_spec(deadline=timedelta(hours=2)))
    async with centre.database.write() as db:
        fence = await integrations.next_fence(db, REF)
        await integrations.read_up_to(db, [(REF, fence, {EntityKind.USERS: "usn:17"})])
    opened = await centre.open()
    await centre.publisher.publish_some()
    await centre.ask(hello())
    request = lease_request(opened.id)

    (granted,) = await centre.ask(request)

    assert isinstance(granted, LeaseGranted)
    assert (granted.ask, granted.run, granted.fence, granted.attempt) == (
        request.ask,
        opened.id,
        fence + 1,
        1,
    )
    assert (granted.lease_seconds, granted.deadline, granted.requests_per_minute) == (
        7200,
        NOW + timedelta(hours=2),
        50,
    )
    assignment = granted.assignment
    assert (assignment.tenant, assignment.halo) == ("acme", tenant_spec().halo)
    assert assignment.integration == integration_spec(deadline=timedelta(hours=2))
    assert (assignment.mode, assignment.cursors, assignment.approved) == (
        Mode.DELTA,
        {EntityKind.USERS: "usn:17"},
        (),
    )


async def test_the_attempts_of_a_tenant_share_its_request_budget(centre: Centre) -> None:
    await centre.set_up("one")
    async with centre.database.write() as db:
        await integrations.add(db, "acme", integration_spec("assets"), NOW)
        await integrations.switch(db, IntegrationRef("acme", "assets"), enabled=True)
    await centre.leased()
    second = await centre.open(IntegrationRef("acme", "assets"))

    (granted,) = await centre.ask(lease_request(second.id))

    assert isinstance(granted, LeaseGranted)
    assert granted.requests_per_minute == 25  # of 50


async def test_a_leased_run_is_running(centre: Centre) -> None:
    await centre.set_up("one", "two")

    leased = await centre.leased("one")

    assert (leased.status, leased.agent, leased.session) == (RunStatus.RUNNING, "one", SESSION)
    assert (leased.fence, leased.attempt, leased.started_at, leased.lease_until) == (1, 1, NOW, NOW + LEASE)
    (attempt,) = await centre.attempts(leased.id)
    assert (attempt.number, attempt.fence, attempt.agent, attempt.granted_at) == (1, 1, "one", NOW)
    assert (attempt.ended_at, attempt.end) == (None, None)


async def test_the_definition_travels_as_it_is_now(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()
    async with centre.database.write() as db:
        await integrations.change(db, REF, integration_spec(connector="spreadsheet"), NOW)
    await centre.ask(hello())

    (granted,) = await centre.ask(lease_request(opened.id))

    assert isinstance(granted, LeaseGranted)
    assert granted.assignment.integration.connector == "spreadsheet"


async def test_an_agent_that_missed_the_answer_gets_the_same_fence(centre: Centre) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    centre.clock.move(timedelta(seconds=5))

    (again,) = await centre.ask(lease_request(leased.id))

    assert isinstance(again, LeaseGranted)
    assert (again.fence, again.attempt, again.lease_seconds) == (1, 1, 40)
    assert len(await centre.attempts(leased.id)) == 1
    assert await centre.run(leased.id) == leased


async def test_another_agent_is_refused(centre: Centre) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    await centre.ask(hello("two", OTHER_SESSION))
    request = lease_request(leased.id, "two", OTHER_SESSION)

    (refused,) = await centre.ask(request)

    assert refused == LeaseRefused(
        ask=request.ask,
        run=leased.id,
        code="LeasedElsewhere",
        message=f"Agent one works on run {leased.id} (attempt 1).",
    )


async def test_two_agents_that_ask_at_once(centre: Centre) -> None:
    await centre.set_up("one", "two")
    opened = await centre.open()
    await centre.ask(hello("one", SESSION))
    await centre.ask(hello("two", OTHER_SESSION))

    await asyncio.gather(
        centre.answerer.answer(lease_request(opened.id, "one", SESSION)),
        centre.answerer.answer(lease_request(opened.id, "two", OTHER_SESSION)),
    )
    await centre.publisher.publish_some()

    said = [*await centre.heard("one"), *await centre.heard("two")]
    assert sorted(command.kind for command in said) == ["lease_granted", "lease_refused"]


class TestTogether:
    """Requests that came while the ones before were answered."""

    async def test_each_is_answered_in_its_turn(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        opened = await centre.open()
        before, asked = hello("one"), lease_request(opened.id)
        other = hello("two", OTHER_SESSION)

        await centre.answerer.answer(before, other, hello("stranger"), asked, heartbeat())
        await centre.publisher.publish_some()

        welcome, renewed, granted, beaten = await centre.heard("one")
        assert (welcome.kind, renewed.kind, beaten.kind) == ("welcome", "leases_renewed", "leases_renewed")
        assert isinstance(granted, LeaseGranted)
        assert (granted.ask, granted.run, granted.fence) == (asked.ask, opened.id, 1)
        assert [command.kind for command in await centre.heard("two")] == ["welcome", "leases_renewed"]
        run = await centre.run(opened.id)
        assert (run.status, run.unheld_since) == (RunStatus.RUNNING, NOW)

    async def test_one_that_asks_twice_is_granted_once(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        first = await centre.leased("one")
        await centre.inbox.take(finished(first))
        opened = await centre.open()

        await centre.answerer.answer(lease_request(opened.id), lease_request(opened.id))
        await centre.publisher.publish_some()

        granted = [one for one in await centre.heard("one") if isinstance(one, LeaseGranted)]
        assert [(one.fence, one.previous_fence, one.attempt) for one in granted] == [(2, 1, 1), (2, 1, 1)]
        (again,) = await centre.ask(lease_request(opened.id))
        assert isinstance(again, LeaseGranted)
        assert (again.fence, again.previous_fence) == (2, 1)

    async def test_of_two_agents_the_first_has_it(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        opened = await centre.open()

        await centre.answerer.answer(
            hello("one"),
            hello("two", OTHER_SESSION),
            lease_request(opened.id, "two", OTHER_SESSION),
            lease_request(opened.id, "one"),
        )
        await centre.publisher.publish_some()

        assert (await centre.heard("two"))[-1].kind == "lease_granted"
        refused = (await centre.heard("one"))[-1]
        assert isinstance(refused, LeaseRefused)
        assert refused.code == "LeasedElsewhere"

    async def test_they_share_the_budget(self, centre: Centre) -> None:
        await centre.set_up("one")
        async with centre.database.write() as db:
            await integrations.add(db, "acme", integration_spec("assets"), NOW)
            await integrations.switch(db, IntegrationRef("acme", "assets"), enabled=True)
        people, assets = await centre.open(), await centre.open(IntegrationRef("acme", "assets"))
        await centre.ask(hello())

        await centre.answerer.answer(lease_request(people.id), lease_request(assets.id))
        await centre.publisher.publish_some()

        granted = [one for one in await centre.heard("one") if isinstance(one, LeaseGranted)]
        assert [one.requests_per_minute for one in granted] == [50, 25]


async def test_an_agent_of_another_group_is_refused(centre: Centre) -> None:
    await centre.set_up("one")
    async with centre.database.write() as db:
        await agents.add(db, "stray", "other", NOW)
    opened = await centre.open()
    await centre.answerer.answer(hello("stray"))

    await centre.answerer.answer(lease_request(opened.id, "stray"))

    last = (await centre.waiting())[-1]
    assert b'"code":"OtherGroup"' in last.envelope.body
    assert (await centre.run(opened.id)).status is RunStatus.QUEUED


async def test_a_run_that_has_ended_is_refused(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased))

    (refused,) = await centre.ask(lease_request(leased.id))

    assert isinstance(refused, LeaseRefused)
    assert (refused.code, refused.message) == (
        "RunNotWaiting",
        f"Run {leased.id} is succeeded; there is nothing to start.",
    )


async def test_a_run_that_nobody_knows_is_refused(centre: Centre) -> None:
    await centre.set_up("one")
    await centre.ask(hello())

    (refused,) = await centre.ask(lease_request(RUN_ID))

    assert isinstance(refused, LeaseRefused)
    assert refused.code == "RunUnknown"


async def test_a_process_that_is_gone_gets_no_lease(centre: Centre) -> None:
    """Its request may still wait in the queue when the next process of the same agent says hello."""
    await centre.set_up("one")
    opened = await centre.open()
    await centre.ask(hello(session=OTHER_SESSION))

    (refused,) = await centre.ask(lease_request(opened.id, session=SESSION))

    assert isinstance(refused, LeaseRefused)
    assert refused.code == "SessionUnknown"
    assert (await centre.run(opened.id)).attempt == 0


async def test_a_heartbeat_prolongs_the_lease(centre: Centre) -> None:
    await centre.set_up("one", "two")
    leased = await centre.leased("one")
    centre.clock.move(timedelta(seconds=30))

    beat = heartbeat(held=[HeldLease(run=leased.id, fence=1)])

    assert await centre.ask(beat) == [
        LeasesRenewed(
            session=SESSION,
            ask=beat.ask,
            renewed=(RenewedLease(run=leased.id, fence=1, lease_seconds=45, requests_per_minute=50),),
        )
    ]
    assert (await centre.run(leased.id)).lease_until == NOW + timedelta(seconds=75)


async def test_a_renewal_cuts_the_budget_anew_among_those_who_run_now(centre: Centre) -> None:
    await centre.set_up("one", "two")
    first = await centre.leased("one")
    async with centre.database.write() as db:
        await integrations.add(db, REF.tenant, integration_spec(name="assets"), NOW)
        await integrations.switch(db, IntegrationRef(REF.tenant, "assets"), enabled=True)
    await centre.leased("two", ref=IntegrationRef(REF.tenant, "assets"))

    (renewed,) = await centre.ask(heartbeat(held=[HeldLease(run=first.id, fence=1)]))

    assert isinstance(renewed, LeasesRenewed)
    assert [one.requests_per_minute for one in renewed.renewed] == [25]


async def test_a_lease_ends_with_the_deadline_at_the_latest(centre: Centre) -> None:
    await centre.set_up("one", "two", spec=integration_spec(deadline=timedelta(minutes=1)))
    leased = await centre.leased("one")
    centre.clock.move(timedelta(seconds=40))

    (renewed,) = await centre.ask(heartbeat(held=[HeldLease(run=leased.id, fence=1)]))

    assert isinstance(renewed, LeasesRenewed)
    assert [one.lease_seconds for one in renewed.renewed] == [20]


async def test_a_hello_with_the_lease_keeps_it_for_the_new_session(centre: Centre) -> None:
    """The controller forgot the session, not the run: its database came from a backup."""
    await centre.set_up("one")
    leased = await centre.leased()

    _, renewed = await centre.ask(hello(session=OTHER_SESSION, held=[HeldLease(run=leased.id, fence=1)]))
    await centre.reconciler.tick()

    assert isinstance(renewed, LeasesRenewed)
    assert [one.run for one in renewed.renewed] == [leased.id]
    assert (await centre.run(leased.id)).status is RunStatus.RUNNING


async def test_what_is_no_longer_the_agents_is_revoked(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    (renewed,) = await centre.ask(
        heartbeat(held=[HeldLease(run=leased.id, fence=9), HeldLease(run=RUN_ID, fence=1)])
    )

    assert isinstance(renewed, LeasesRenewed)
    assert (renewed.renewed, renewed.revoked) == ((), (leased.id, RUN_ID))


async def test_a_cancel_is_said_again_with_each_heartbeat(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    async with centre.database.write() as db:
        await cancel(db, leased, "not wanted", NOW)
    await centre.publisher.publish_some()

    first = await centre.heard("one")
    second = await centre.ask(heartbeat(held=[HeldLease(run=leased.id, fence=1)]))

    wanted = Cancel(run=leased.id, reason="not wanted")
    assert list(first) == [wanted]
    assert wanted in second


async def test_what_is_not_understood_is_buried(centre: Centre) -> None:
    await centre.set_up("one")
    await centre.transport.publish(Envelope("1", "hello", b'{"protocol": 1, "kind": "hi"}'), TO_CONTROLLER)
    loop = asyncio.create_task(
        serve_batches(centre.transport, REQUESTS_QUEUE, REQUESTS, centre.answerer.answer, prefetch=1)
    )

    await eventually(lambda: len(centre.transport.buried()) == 1)

    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
    (buried,) = centre.transport.buried()
    assert buried.why.startswith("Unreadable: A message is not valid")
    assert centre.transport.unsettled == 0


class TestVersions:
    """Agents of the version before are answered in theirs; of others are told so, and shown."""

    async def test_an_agent_of_the_version_before_is_answered_in_its_own(self, centre: Centre) -> None:
        await centre.set_up("one")
        older = hello().model_copy(update={"protocol": OLDEST_VERSION})

        welcome, renewed = await centre.ask(older)

        assert (welcome.protocol, renewed.protocol) == (OLDEST_VERSION, OLDEST_VERSION)
        async with centre.database.read() as db:
            assert (await agents.get(db, "one")).protocol == OLDEST_VERSION

    async def test_jobs_are_understood_by_the_oldest_agent_of_the_group(self, centre: Centre) -> None:
        await centre.set_up("one")
        await centre.open()
        await centre.publisher.publish_some()

        assert [job.protocol for job in await centre.jobs()] == [OLDEST_VERSION]

    @pytest.mark.parametrize("spoken", [0, PROTOCOL_VERSION + 1])
    async def test_an_agent_of_another_version_is_told_and_shown_and_not_buried(
        self, centre: Centre, spoken: int
    ) -> None:
        await centre.set_up("one")
        told: list[Rejected] = []
        body = b'{"protocol": %d, "kind": "hello", "agent": "one", "in": "words of its own"}' % spoken

        assert await centre.answerer.refuse(body, UnsupportedVersion("It speaks otherwise."))
        await centre.publisher.publish_some()

        async with centre.transport.consume(agent_queue("one"), prefetch=1) as deliveries:
            delivery = await anext(aiter(deliveries))
            told.append(Rejected.model_validate_json(delivery.body))
            await delivery.done()
        (said,) = told
        assert (said.code, said.message) == ("UnsupportedVersion", "It speaks otherwise.")
        assert said.protocol == min(spoken, PROTOCOL_VERSION)
        async with centre.database.read() as db:
            assert [(one.name, one.why) for one in await strangers.every(db)] == [
                ("one", "It speaks otherwise.")
            ]

    async def test_it_is_a_stranger_no_more_once_it_says_hello_in_words_we_know(self, centre: Centre) -> None:
        await centre.set_up("one")
        await centre.answerer.refuse(b'{"protocol": 0, "agent": "one"}', UnsupportedVersion())

        await centre.answerer.answer(hello())

        async with centre.database.read() as db:
            assert await strangers.every(db) == []

    async def test_its_request_is_settled_and_not_buried(self, centre: Centre) -> None:
        await centre.set_up("one")
        body = b'{"protocol": 99, "kind": "hello", "agent": "one"}'
        await centre.transport.publish(Envelope("1", "hello", body), TO_CONTROLLER)
        answerer = centre.answerer
        loop = asyncio.create_task(
            serve_batches(
                centre.transport,
                REQUESTS_QUEUE,
                REQUESTS,
                answerer.answer,
                prefetch=1,
                foreign=answerer.refuse,
            )
        )

        async def told() -> bool:
            return len(await centre.waiting()) == 1 and centre.transport.unsettled == 0

        await eventually(told)

        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        assert centre.transport.buried() == []

    async def test_what_does_not_even_name_an_agent_is_for_a_person(self, centre: Centre) -> None:
        assert not await centre.answerer.refuse(b'{"protocol": 99}', UnsupportedVersion())


class TestDraining:
    async def test_a_drained_agent_hears_it_and_gets_no_new_lease(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        opened = await centre.open()
        await centre.ask(hello())
        async with centre.database.write() as db:
            await agents.drain(db, "one", draining=True)

        (renewed,) = await centre.ask(heartbeat())
        (refused,) = await centre.ask(lease_request(opened.id))

        assert isinstance(renewed, LeasesRenewed)
        assert renewed.drain
        assert isinstance(refused, LeaseRefused)
        assert (refused.code, refused.again_after) == ("Draining", 1.0)

    async def test_it_keeps_what_it_has(self, centre: Centre) -> None:
        await centre.set_up("one")
        leased = await centre.leased()
        async with centre.database.write() as db:
            await agents.drain(db, "one", draining=True)

        (renewed,) = await centre.ask(heartbeat(held=[HeldLease(run=leased.id, fence=leased.fence)]))

        assert isinstance(renewed, LeasesRenewed)
        assert [one.run for one in renewed.renewed] == [leased.id]
