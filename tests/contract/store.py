"""What every database must keep; subclass it with the fixture of one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.roles import Action as RightTo
from halo_controller.access.roles import Role
from halo_controller.access.tokens import Token
from halo_controller.audit.nouns import Entry, Noun
from halo_controller.errors import Conflict, NotFound
from halo_controller.notifications.message_ids import Opening
from halo_controller.notifications.notifier import trial
from halo_controller.notifications.nouns import Notification, Occasion, Topic
from halo_controller.nouns import AgentState, Attempt, Run, RunProgress
from halo_controller.scheduling.nouns import Standing
from halo_controller.store import (
    agents,
    announcements,
    audit,
    elapsing,
    events,
    incidents,
    integrations,
    notifications,
    outbox,
    runs,
    standings,
    tables,
    tenants,
    tokens,
)
from halo_controller.store.audit import Sought
from halo_controller.store.database import Database
from halo_controller.store.outbox import Posting
from halo_controller.store.shape import migrations
from halo_controller.store.sight import unlimited
from halo_shared.entities import EntityKind
from halo_shared.errors import SourceUnavailable
from halo_shared.identifiers import IntegrationRef, new_run_id
from halo_shared.integrators import Integrator
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import Envelope
from halo_shared.messages.events import Level, Stage
from halo_shared.messages.requests import ConnectorSpec
from halo_shared.redaction import Redactor
from halo_shared.runs import Action, Approval, Mode, RunStatus, Tally
from halo_shared.topology import to_agent, to_group
from tests.support import builders, nouns
from tests.support import incidents as incidents_of
from tests.support.builders import NOW, REF, SESSION

ASSETS = IntegrationRef("acme", "assets")
MINUTE = timedelta(minutes=1)
ENTRY = Entry(
    id=0,
    at=NOW,
    who="jane",
    role=Role.ADMINISTRATOR,
    action=RightTo.INTEGRATIONS_PAUSE,
    noun=Noun.INTEGRATION,
    name=str(REF),
    tenant=REF.tenant,
    before={"enabled": True, "pause": None},
    after={"enabled": True, "pause": {"reason": "the tool is moved"}},
    request="1",
)


class StoreContract:
    """A module that subclasses this brings one fixture: `database`, empty and in today's shape."""

    @pytest.fixture
    async def known(self, database: Database) -> Database:
        """The database with tenant acme, group site with agent one, acme/people and acme/assets."""
        async with database.write() as db:
            await tenants.add(db, builders.tenant_spec(), NOW)
            await tenants.add_group(db, "site", "The site", NOW)
            await agents.add(db, "one", "site", NOW)
            await integrations.add(db, "acme", builders.integration_spec(), NOW)
            await integrations.add(db, "acme", builders.integration_spec("assets"), NOW)
        return database

    # the shape

    async def test_the_migrations_make_exactly_the_tables(self, database: Database) -> None:
        def differences(connection: Connection) -> Sequence[object]:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            found: Sequence[object] = compare_metadata(context, tables.metadata)
            return found

        async with database.read() as db:
            assert await db.run_sync(differences) == []

    async def test_the_migrations_can_be_taken_back_and_made_again(self, database: Database) -> None:
        async def names() -> set[str]:
            async with database.read() as db:
                return set(await db.run_sync(lambda connection: inspect(connection).get_table_names()))

        before = await names()
        async with database.write() as db:
            await db.run_sync(lambda connection: command.downgrade(migrations(connection), "base"))
        assert await names() == {"alembic_version"}

        async with database.write() as db:
            await db.run_sync(lambda connection: command.upgrade(migrations(connection), "head"))
        assert await names() == before == {*tables.metadata.tables, "alembic_version"}

    async def test_what_agents_announced_outlives_the_migrations(self, known: Database) -> None:
        connector = ConnectorSpec(
            name="ldap", title="Directory", entities=(), settings_schema={"a": [1, None]}
        )
        async with known.write() as db:
            (one,) = await agents.every(db)
            await announcements.keep(db, {"digest": (connector,)})
            await agents.keep(db, [(one, one.model_copy(update={"announced": "digest"}))])

            await db.run_sync(lambda connection: command.downgrade(migrations(connection), "0016"))
            await db.run_sync(lambda connection: command.upgrade(migrations(connection), "head"))

            assert [agent.connectors for agent in await announcements.every(db)] == [(connector,)]

    async def test_when_a_run_last_went_through_is_known_after_an_upgrade(self, known: Database) -> None:
        ended: list[tuple[RunStatus, int, dict[str, object]]] = [
            (RunStatus.SUCCEEDED, 0, {}),
            (RunStatus.PARTIAL, 1, {}),
            (RunStatus.FAILED, 2, {}),
            (RunStatus.SUCCEEDED, 3, {"preview": True}),
            (RunStatus.SUCCEEDED, 4, {"only": "jane"}),
        ]
        async with known.write() as db:
            for status, minutes, changes in ended:
                when = {"id": new_run_id(), "ended_at": NOW + minutes * MINUTE}
                await runs.add(db, nouns.run(status, **(when | changes)))

            await db.run_sync(lambda connection: command.downgrade(migrations(connection), "0017"))
            await db.run_sync(lambda connection: command.upgrade(migrations(connection), "head"))

            assert (await integrations.get(db, REF)).last_success == NOW + MINUTE
            assert (await integrations.get(db, ASSETS)).last_success is None

    # transactions

    async def test_a_transaction_that_raises_leaves_nothing(self, database: Database) -> None:
        async def fail() -> None:
            async with database.write() as db:
                await tenants.add(db, builders.tenant_spec(), NOW)
                await tenants.add_group(db, "site", "", NOW)
                raise RuntimeError("half way")

        with pytest.raises(RuntimeError, match="half way"):
            await fail()

        async with database.read() as db:
            assert await tenants.every(db) == []
            assert await tenants.every_group(db) == []

    async def test_a_transaction_that_is_cancelled_leaves_nothing(self, database: Database) -> None:
        async def wait_for_ever() -> None:
            async with database.write() as db:
                await tenants.add_group(db, "site", "", NOW)
                await asyncio.Event().wait()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for_ever(), 0.2)

        async with database.write() as db:
            assert await tenants.every_group(db) == []

    async def test_a_refused_statement_spoils_nothing_of_its_transaction(self, known: Database) -> None:
        async with known.write() as db:
            await tenants.add_group(db, "before", "", NOW)
            with pytest.raises(Conflict):
                await tenants.add_group(db, "site", "", NOW)
            with pytest.raises(Conflict):
                await tenants.add(db, builders.tenant_spec(), NOW)
            with pytest.raises(Conflict):
                await agents.add(db, "one", "site", NOW)
            with pytest.raises(Conflict):
                await integrations.add(db, "acme", builders.integration_spec(), NOW)
            await tenants.add_group(db, "then", "", NOW)

        async with known.read() as db:
            assert [group.name for group in await tenants.every_group(db)] == ["before", "site", "then"]

    async def test_others_read_while_one_writes(self, known: Database) -> None:
        async with asyncio.timeout(5), known.write() as writing:
            await tenants.add_group(writing, "new", "", NOW)
            async with known.read() as reading:
                during = await tenants.every_group(reading)
        async with known.read() as reading:
            after = await tenants.every_group(reading)

        assert ([group.name for group in during], len(after)) == (["site"], 2)

    async def test_a_reader_sees_one_moment(self, known: Database) -> None:
        async with asyncio.timeout(5), known.read() as reading:
            first = await tenants.every_group(reading)
            async with known.write() as writing:
                await tenants.add_group(writing, "new", "", NOW)
            assert await tenants.every_group(reading) == first

    async def test_many_write_at_once(self, database: Database) -> None:
        async def add(number: int) -> None:
            async with database.write() as db:
                await tenants.add_group(db, f"group-{number:02}", "", NOW)

        await asyncio.gather(*(add(number) for number in range(30)))

        async with database.read() as db:
            assert len(await tenants.every_group(db)) == 30

    # time

    @pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
    async def test_times_are_kept_to_the_microsecond_and_come_back_in_utc(
        self, database: Database, zone: timezone
    ) -> None:
        moment = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=zone)

        async with database.write() as db:
            await tenants.add_group(db, "site", "", moment)
            kept = (await tenants.get_group(db, "site")).created_at

        assert (kept, kept.tzinfo) == (moment, UTC)

    async def test_a_time_without_its_zone_is_refused(self, database: Database) -> None:
        async with database.write() as db:
            with pytest.raises(StatementError, match="2026-01-05 12:00:00 has no time zone"):
                await tenants.add_group(db, "site", "", NOW.replace(tzinfo=None))

    # tenants and groups

    async def test_a_tenant(self, database: Database) -> None:
        spec = builders.tenant_spec("acme")
        async with database.write() as db:
            added = await tenants.add(db, spec, NOW)
            await tenants.add(db, builders.tenant_spec("aardvark"), NOW)

        async with database.read() as db:
            assert await tenants.get(db, "acme") == added
            assert (added.spec, added.created_at) == (spec, NOW)
            assert [tenant.spec.name for tenant in await tenants.every(db)] == ["aardvark", "acme"]

    async def test_a_group(self, database: Database) -> None:
        async with database.write() as db:
            added = await tenants.add_group(db, "site", "The site", NOW)
            await tenants.add_group(db, "hosted", "", NOW)

        async with database.read() as db:
            assert await tenants.get_group(db, "site") == added
            assert (added.title, added.created_at) == ("The site", NOW)
            assert [group.name for group in await tenants.every_group(db)] == ["hosted", "site"]

    # agents

    async def test_an_agent_that_was_never_heard(self, known: Database) -> None:
        async with known.read() as db:
            agent = await agents.get(db, "one")
            assert await agents.find(db, "one") == agent
            assert await agents.find(db, "two") is None

        assert (agent.group, agent.created_at, agent.session, agent.announced) == ("site", NOW, None, None)
        assert agent.state(NOW) is AgentState.EXPECTED

    async def test_what_an_agent_says_of_itself(self, known: Database) -> None:
        async with known.write() as db:
            await agents.add(db, "two", "site", NOW)
            registered = await agents.these(db, ["one", "two", "none"])
            greeted = registered["one"].model_copy(
                update={"session": SESSION, "seen_at": NOW, "announced": "a digest", "slots": 2}
            )
            await agents.keep(db, [(registered["one"], greeted), (registered["two"], registered["two"])])
            after_hello = await agents.get(db, "one")
            await agents.drain(db, "one", draining=True)
            seen = greeted.model_copy(update={"seen_at": NOW + MINUTE, "doing": ("sender: asleep",)})
            await agents.keep(db, [(greeted, seen)])
            after_beat = await agents.these(db, ["one", "two", "none"])

        assert list(registered) == ["one", "two"]
        assert after_hello == greeted
        # Written is what changed, and nothing else.
        assert after_beat == {"one": seen.model_copy(update={"draining": True}), "two": registered["two"]}

    async def test_connectors_are_kept_once_and_as_long_as_an_agent_says_so(self, known: Database) -> None:
        connector = ConnectorSpec(
            name="ldap", title="Directory", entities=(EntityKind.USERS,), settings_schema={"a": [1, None]}
        )
        async with known.write() as db:
            await agents.add(db, "two", "site", NOW)
            await agents.add(db, "three", "site", NOW)
            for _ in range(2):
                await announcements.keep(db, {"new": (connector,), "old": ()})
            before = await agents.every(db)
            for agent in before[:2]:
                await agents.keep(db, [(agent, agent.model_copy(update={"announced": "new"}))])
            await announcements.forget_unused(db)

            kept = (await db.scalars(select(tables.announcements.c.digest))).all()
            equipped = await announcements.every(db, "site")

        assert kept == ["new"]
        assert [(one.name, one.connectors) for one in equipped] == [
            ("one", (connector,)),
            ("three", (connector,)),
            ("two", ()),
        ]

    async def test_agents_of_a_group(self, known: Database) -> None:
        async with known.write() as db:
            await tenants.add_group(db, "hosted", "", NOW)
            await agents.add(db, "two", "site", NOW)
            await agents.add(db, "pool", "hosted", NOW)

            assert [agent.name for agent in await agents.every(db)] == ["one", "pool", "two"]
            assert [agent.name for agent in await agents.every(db, "site")] == ["one", "two"]
            assert await agents.count(db, ("site", "hosted", "none")) == {"site": 2, "hosted": 1}

    async def test_an_agent_that_is_forgotten(self, known: Database) -> None:
        async with known.write() as db:
            await agents.remove(db, "one")

            assert await agents.every(db) == []

    # integrations

    async def test_an_integration_is_created_disabled(self, known: Database) -> None:
        async with known.read() as db:
            integration = await integrations.get(db, REF)

        assert (integration.ref, integration.spec) == (REF, builders.integration_spec())
        assert (integration.enabled, integration.fence, integration.mode) == (False, 0, Mode.FULL)
        assert (integration.created_at, integration.changed_at, integration.last_opened_at) == (
            NOW,
            NOW,
            None,
        )

    async def test_integrations_by_tenant_and_by_switch(self, known: Database) -> None:
        async with known.write() as db:
            await tenants.add(db, builders.tenant_spec("other"), NOW)
            await integrations.add(db, "other", builders.integration_spec(), NOW)
            await integrations.switch(db, REF, enabled=True)

            every = [str(one.ref) for one in await integrations.every(db)]
            of_acme = [str(one.ref) for one in await integrations.every(db, "acme")]
            enabled = [str(one.ref) for one in await integrations.every(db, enabled=True)]
            disabled = [str(one.ref) for one in await integrations.every(db, "acme", enabled=False)]

        assert every == ["acme/assets", "acme/people", "other/people"]
        assert of_acme == ["acme/assets", "acme/people"]
        assert (enabled, disabled) == (["acme/people"], ["acme/assets"])

    async def test_another_definition_starts_from_the_beginning(self, known: Database) -> None:
        spec = builders.integration_spec(every=MINUTE, connector="spreadsheet")
        async with known.write() as db:
            fence = await integrations.next_fence(db, REF)
            await integrations.read_up_to(db, [(REF, fence, {EntityKind.USERS: "usn:17"})])
            before = await integrations.get(db, REF)
            await integrations.change(db, REF, spec, NOW + MINUTE)
            after = await integrations.get(db, REF)
            other = await integrations.get(db, ASSETS)

        assert (before.cursors, before.mode) == ({EntityKind.USERS: "usn:17"}, Mode.DELTA)
        assert (after.spec, after.changed_at, after.cursors) == (spec, NOW + MINUTE, {})
        unplanned = nouns.integration(builders.integration_spec("assets"), enabled=False)
        assert other == unplanned.model_copy(update={"planned": False})

    async def test_a_cursor_that_was_read_by_an_old_definition_is_not_kept(self, known: Database) -> None:
        async with known.write() as db:
            fence = await integrations.next_fence(db, REF)
            await integrations.change(db, REF, builders.integration_spec(connector="spreadsheet"), NOW)
            await integrations.read_up_to(db, [(REF, fence, {EntityKind.USERS: "usn:17"})])

            assert (await integrations.get(db, REF)).cursors == {}

    async def test_fences_grow_for_each_integration_by_itself(self, known: Database) -> None:
        async with known.write() as db:
            assert [await integrations.next_fence(db, REF) for _ in range(3)] == [1, 2, 3]
            assert await integrations.next_fence(db, ASSETS) == 1

    async def test_no_two_get_the_same_fence(self, known: Database) -> None:
        async def ask() -> int:
            async with known.write() as db:
                return await integrations.next_fence(db, REF)

        fences = await asyncio.gather(*(ask() for _ in range(20)))

        assert sorted(fences) == list(range(1, 21))

    # runs and attempts

    async def test_a_run_comes_back_as_it_was_kept(self, known: Database) -> None:
        whole = nouns.running(
            cancel_reason="not wanted",
            counts={EntityKind.USERS: Tally(read=5, updated=2)},
            requests=7,
            progress=RunProgress(stage=Stage.APPLY, done=3, total=9),
            failure=Failure.of(SourceUnavailable("The directory is away.", detail="x"), Redactor()),
            held_for=(builders.excess(),),
            approved=(Approval(entity=EntityKind.USERS, action=Action.RETIRE, up_to=9),),
        )
        plain = nouns.run().model_copy(update={"id": new_run_id(), "integration": "assets"})
        async with known.write() as db:
            await runs.add(db, whole)
            await runs.add(db, plain)

        async with known.read() as db:
            assert await runs.find(db, whole.id) == whole
            assert await runs.get(db, plain.id) == plain

    async def test_a_run_is_found_by_the_start_of_its_id(self, known: Database) -> None:
        first = nouns.run(RunStatus.FAILED, id="ab0000000000")
        second = nouns.run(RunStatus.FAILED, id="ab1000000000")
        async with known.write() as db:
            await runs.add(db, first)
            await runs.add(db, second)

            assert await runs.get(db, "ab1") == second
            assert await runs.find(db, "ab1") is None
            with pytest.raises(Conflict, match=r"Several runs start with 'ab'; write more of the id\."):
                await runs.get(db, "ab")
            with pytest.raises(NotFound, match=r"There is no run 'ab%'\. List them with: halo-controller"):
                await runs.get(db, "ab%")

    async def test_a_saved_run_is_changed_and_no_other(self, known: Database) -> None:
        one, other = nouns.run(), nouns.run(id=new_run_id(), integration="assets")
        async with known.write() as db:
            await runs.add(db, one)
            await runs.add(db, other)
            changed = nouns.running(progress=RunProgress(stage=Stage.READ, done=1))
            await runs.save(db, changed)

            assert await runs.get(db, one.id) == changed
            assert await runs.get(db, other.id) == other

    async def test_the_latest_runs_come_first(self, known: Database) -> None:
        ended = [
            nouns.run(RunStatus.FAILED if hour else RunStatus.SUCCEEDED, id=f"{hour:012}", queued_at=NOW + hour * MINUTE)
            for hour in range(4)
        ]  # fmt: skip
        still = nouns.run(id=new_run_id(), integration="assets", queued_at=NOW - MINUTE)
        async with known.write() as db:
            for run in (*ended, still):
                await runs.add(db, run)

            assert await runs.every(db) == [*reversed(ended), still]
            assert await runs.every(db, limit=2) == [ended[3], ended[2]]
            assert await runs.every(db, status=RunStatus.SUCCEEDED) == [ended[0]]
            assert await runs.every(db, integration="assets") == [still]
            assert await runs.every(db, tenant="other") == []
            assert await runs.latest(db) == {REF: ended[3], ASSETS: still}
            assert await runs.latest(db, "other") == {}
            assert await runs.latest(db, ended=True) == {REF: ended[3]}
            assert await runs.still_open(db) == [still]
            assert await runs.open_of(db, {REF, ASSETS}) == {ASSETS: still}

    async def test_the_runs_that_agents_work_on(self, known: Database) -> None:
        async with known.write() as db:
            await tenants.add(db, builders.tenant_spec("other"), NOW)
            await integrations.add(db, "other", builders.integration_spec(), NOW)
            await runs.add(db, nouns.running())
            await runs.add(db, nouns.run(RunStatus.HELD, id=new_run_id(), integration="assets"))
            await runs.add(db, nouns.run(RunStatus.FAILED, id=new_run_id(), integration="assets"))
            elsewhere = nouns.running(id=new_run_id(), tenant="other")
            await runs.add(db, elsewhere)

            assert await runs.count_running(db, ("acme", "other", "none")) == {"acme": 1, "other": 1}
            assert {run for run, _ in await runs.running_on(db, ("one", "two"))} == {
                builders.RUN_ID,
                elsewhere.id,
            }
            assert await runs.running_on(db, ("two",)) == []

    async def test_what_counts_elapsed_time_is_moved_and_what_is_over_is_not(self, known: Database) -> None:
        hours = timedelta(hours=9)
        at_work, over = nouns.running(), nouns.run(RunStatus.FAILED, id=new_run_id(), integration="assets")
        waits = Standing(failures=1, retry_at=NOW + MINUTE)
        incident, recovered = incidents_of.incident(), incidents_of.incident(recovered_at=NOW, id="00000002")
        async with known.write() as db:
            await runs.add(db, at_work)
            await runs.add(db, over)
            await integrations.opened(db, {REF}, NOW)
            await standings.save(db, REF, waits)
            await outbox.put(db, Posting(Envelope("answer", "note", b""), to_agent("one"), expires_at=NOW))
            for one in (incident, recovered):
                assert await incidents.add(db, one)
                await notifications.remember(db, one.id, "jane", Occasion.OPENED, NOW)

            await elapsing.move(db, hours)

            moved = {
                name: getattr(at_work, name) + hours
                for name in ("lease_until", "deadline", "dispatched_at", "queued_at")
            }
            assert await runs.get(db, at_work.id) == at_work.model_copy(update=moved)
            assert await runs.get(db, over.id) == over
            assert (await integrations.get(db, REF)).last_opened_at == NOW + hours
            assert (await standings.of(db, REF)).retry_at == NOW + MINUTE + hours
            assert [one.expires_at for one in await outbox.oldest(db, 9)] == [NOW + hours]
            told = await notifications.told_of(db, [incident.id, recovered.id])
            assert {key[1]: one.at for key, (one,) in told.items()} == {
                incident.id: NOW + hours,
                recovered.id: NOW,
            }
            assert (await incidents.get(db, incident.id)).opened_at == incident.opened_at + hours

    async def test_messages_are_found_by_what_their_e_mails_are_called(self, known: Database) -> None:
        jane = incidents_of.person()
        blank = trial(jane, jane.channels[0], "jane wants it", NOW)

        def told(name: str, occasion: Occasion, *of: str, person: str = "jane") -> Notification:
            topics = tuple(Topic(occasion=occasion, incident=incidents_of.incident(id=each)) for each in of)
            return blank.model_copy(update={"id": name, "person": person, "topics": topics})

        opening, twin = (told(name, Occasion.OPENED, "0000000a") for name in ("00000001", "00000002"))
        others = (
            told("00000003", Occasion.REMINDER, "0000000a"),
            told("00000004", Occasion.OPENED, "0000000a", "0000000b"),
            told("00000005", Occasion.OPENED, "0000000a", person="bob"),
            told("00000006", Occasion.OPENED, "0000000c"),
            told("0000000a", Occasion.OPENED),
        )
        async with known.write() as db:
            for one in (opening, twin, *others):
                await notifications.add(db, one)

            assert await notifications.named(db, Opening("0000000a", "jane")) == [opening, twin]
            assert await notifications.named(db, "00000002") == [twin]
            assert await notifications.named(db, "00000007") == []

    async def test_an_integration_has_one_open_run(self, known: Database) -> None:
        first = nouns.run()
        async with known.write() as db:
            await runs.add(db, first)
            second, over = nouns.run(id=new_run_id()), nouns.run(RunStatus.LOST, id=new_run_id())
            refused = await runs.add(db, second, over)

        assert list(refused) == [second.id]
        assert refused[second.id].message == (
            f"'acme/people' has an open run {first.id} (queued); wait for its end, or stop it with: "
            f"halo-controller runs cancel {first.id}"
        )

    async def test_of_many_that_open_a_run_at_once_one_succeeds(self, known: Database) -> None:
        async def open_one() -> Run:
            run = nouns.run(id=new_run_id())
            async with known.write() as db:
                for in_the_way in (await runs.add(db, run)).values():
                    raise in_the_way
            return run

        results = await asyncio.gather(*(open_one() for _ in range(10)), return_exceptions=True)

        assert sum(isinstance(result, Run) for result in results) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 9

    async def test_the_database_itself_refuses_a_second_open_run(self, known: Database) -> None:
        query = select(tables.runs)
        async with known.write() as db:
            await runs.add(db, nouns.run())
            row = dict((await db.execute(query)).mappings().one())
            with pytest.raises(IntegrityError):
                async with db.begin_nested():
                    await db.execute(insert(tables.runs).values(row | {"id": new_run_id()}))

    async def test_an_ended_run_cannot_be_opened_beside_an_open_one(self, known: Database) -> None:
        ended = nouns.run(RunStatus.FAILED)
        async with known.write() as db:
            await runs.add(db, ended)
            await runs.add(db, nouns.run(id=new_run_id()))
            with pytest.raises(IntegrityError):
                async with db.begin_nested():
                    await runs.save(db, ended.model_copy(update={"ended_at": None}))

    async def test_attempts_in_order(self, known: Database) -> None:
        first, second = nouns.running(), nouns.running(attempt=2, fence=5, agent="two")
        async with known.write() as db:
            await runs.add(db, first)
            await runs.begin_attempts(db, [first], NOW)
            await runs.end_attempts(db, [(first, "lost: it was restarted")], NOW + MINUTE)
            await runs.begin_attempts(db, [second], NOW + 2 * MINUTE)

            assert await runs.attempts_of(db, first.id) == [
                Attempt(
                    number=1,
                    fence=1,
                    agent="one",
                    granted_at=NOW,
                    ended_at=NOW + MINUTE,
                    end="lost: it was restarted",
                ),
                Attempt(number=2, fence=5, agent="two", granted_at=NOW + 2 * MINUTE),
            ]

    async def test_an_attempt_has_one_beginning(self, known: Database) -> None:
        async with known.write() as db:
            await runs.add(db, nouns.running())
            await runs.begin_attempts(db, [nouns.running()], NOW)
            with pytest.raises(IntegrityError):
                async with db.begin_nested():
                    await runs.begin_attempts(db, [nouns.running(fence=2)], NOW)

    # events

    async def test_events_come_back_in_order_and_by_loudness(self, known: Database) -> None:
        run = nouns.running()
        line = builders.logged(run)
        end = builders.finished(run, cursors={EntityKind.USERS: "usn:17"})
        async with known.write() as db:
            await events.add(db, [end, line], superseded=False)
            await events.add(db, [], superseded=False)

            assert await events.of_run(db, run.id) == [line, end]
            assert await events.of_run(db, run.id, Level.WARNING) == [line]
            assert await events.of_run(db, run.id, limit=1) == [line]
            assert await events.of_run(db, new_run_id()) == []

    async def test_an_event_is_stored_once(self, known: Database) -> None:
        event = builders.logged(nouns.running())
        async with known.write() as db:
            other = builders.logged(nouns.running())
            await events.add(db, [event], superseded=True)
            assert await events.known(db, [event.id, other.id]) == [event.id]
            with pytest.raises(IntegrityError):
                async with db.begin_nested():
                    await events.add(db, [other, event], superseded=False)
            assert await events.known(db, [other.id]) == []

    # the outbox

    async def test_the_outbox_is_a_queue(self, database: Database) -> None:
        sealed = [
            Envelope(str(uuid4()), "note", f"{{{number}}}".encode(), f"trace {number}" if number else None)
            for number in range(5)
        ]
        async with database.write() as db:
            for number, envelope in enumerate(sealed):
                run = builders.RUN_ID if number == 0 else None
                await outbox.put(db, Posting(envelope, to_group("site"), run))

            first, second = await outbox.oldest(db, 2)
            assert ([first.envelope, second.envelope], first.to) == (sealed[:2], to_group("site"))
            assert (first.run, second.run) == (builders.RUN_ID, None)
            assert [one.envelope for one in await outbox.oldest(db, 9, after=second.id)] == sealed[2:]
            await outbox.drop(db, [first.id, second.id])
            assert [one.envelope for one in await outbox.oldest(db, 9)] == sealed[2:]
            assert await outbox.count(db) == 3

    async def test_what_is_of_use_for_a_while_only_says_so(self, database: Database) -> None:
        soon = NOW + timedelta(seconds=30)
        async with database.write() as db:
            job = Posting(Envelope("job", "note", b""), to_group("site"))
            answers = [
                Posting(Envelope(text, "note", b""), to_agent("one"), expires_at=soon)
                for text in ("yes", "no")
            ]
            await outbox.put_all(db, [job, *answers])
            await outbox.put_all(db, [])

            waiting = await outbox.oldest(db, 9)

        assert [(one.envelope.id, one.expires_at) for one in waiting] == [
            ("job", None),
            ("yes", soon),
            ("no", soon),
        ]

    async def test_what_is_put_later_is_sent_later_also_when_all_was_sent(self, database: Database) -> None:
        ids = []
        async with database.write() as db:
            for text in ("one", "two"):
                await outbox.put(db, Posting(Envelope(text, "note", b""), to_agent("one")))
                (only,) = await outbox.oldest(db, 9)
                await outbox.drop(db, [only.id])
                ids.append(only.id)

        assert ids[0] < ids[1]

    # tokens

    async def test_a_token_lets_in_whom_it_was_made_for(self, database: Database) -> None:
        old, new = tokens.fresh(), tokens.fresh()
        operator = Token(name="operator", role=Role.OPERATOR, created_at=NOW)
        async with database.write() as db:
            await tokens.put(db, operator, old)
            await tokens.put(db, operator.model_copy(update={"name": "second"}), tokens.fresh())
            assert await tokens.find(db, old) == operator
            await tokens.put(db, operator, new)

            assert await tokens.find(db, new) == operator
            assert await tokens.find(db, old) is None
            assert await tokens.find(db, "") is None
            digests = (await db.scalars(select(tables.tokens.c.digest))).all()
        assert new not in digests

    async def test_a_token_is_for_tenants_that_there_are_and_has_a_name_of_its_own(
        self, known: Database
    ) -> None:
        reader = Token(name="wall", role=Role.READER, tenants=("acme",), created_at=NOW, expires_at=NOW)
        async with known.write() as db:
            await tokens.add(db, reader, "hct_one")
            with pytest.raises(Conflict, match="There is a token 'wall' already"):
                await tokens.add(db, reader, "hct_two")
            with pytest.raises(NotFound, match="There is no tenant 'globex'"):
                await tokens.add(db, reader.model_copy(update={"tenants": ("globex",)}), "hct_three")
            await tokens.used(db, "wall", NOW)

            assert await tokens.find(db, "hct_one") == reader.model_copy(update={"used_at": NOW})
            await tokens.revoke(db, "wall")
            assert await tokens.find(db, "hct_one") is None
            with pytest.raises(NotFound, match="There is no token 'wall'"):
                await tokens.revoke(db, "wall")

    # what is not for everybody's eyes

    async def test_a_limited_connection_shows_what_its_tenants_have(self, known: Database) -> None:
        globex = IntegrationRef("globex", "people")
        run = nouns.run(tenant="globex")
        async with known.write() as db:
            await tenants.add(db, builders.tenant_spec("globex"), NOW)
            await tenants.add_group(db, "away", "", NOW)
            await tenants.add_group(db, "pool", "", NOW, kind=Integrator.HOSTED)
            await agents.add(db, "two", "away", NOW)
            await integrations.add(db, "globex", builders.integration_spec(group="away"), NOW)
            await integrations.change(db, REF, builders.integration_spec(group="site"), NOW)
            await runs.add(db, run)

        async with known.limited_to({"acme"}).read() as db:
            assert [one.spec.name for one in await tenants.every(db)] == ["acme"]
            assert [one.name for one in await tenants.every_group(db)] == ["pool", "site"]
            assert [one.name for one in await agents.every(db)] == ["one"]
            assert {one.tenant for one in await integrations.every(db)} == {"acme"}
            assert await runs.every(db) == []
            for missing, name in (
                (integrations.get(db, globex), "There is no tenant 'globex'. The tenants are: acme."),
                (tenants.get_group(db, "away"), "There is no group 'away'. The groups are: pool, site."),
                (agents.get(db, "two"), "There is no agent 'two'."),
                (runs.get(db, run.id), f"There is no run '{run.id}'."),
            ):
                with pytest.raises(NotFound, match=name):
                    await missing
            async with unlimited(db):
                assert (await runs.get(db, run.id)).tenant == "globex"
            assert await runs.every(db) == []

        async with known.read() as db:
            assert len(await tenants.every(db)) == 2

    # the audit log

    async def test_an_entry_stays_as_it_was_written(self, database: Database) -> None:
        async with database.write() as db:
            first = await audit.add(db, ENTRY)
            second = await audit.add(db, ENTRY.model_copy(update={"tenant": None, "before": None}))
        assert second.id > first.id

        for change in (
            update(tables.audit).values(who="nobody"),
            delete(tables.audit),
            delete(tables.audit).where(tables.audit.c.id == first.id),
        ):
            with pytest.raises(DBAPIError, match="the audit log is only ever added to"):
                async with database.write() as db:
                    await db.execute(change)

        async with database.read() as db:
            assert await audit.every(db, Sought()) == [second, first]
            assert await audit.get(db, first.id) == first
            assert await audit.every(db, Sought(tenant="acme", who="jane", since=NOW)) == [first]
            assert await audit.every(db, Sought(noun=Noun.AGENT)) == []
        async with database.limited_to({"acme"}).read() as db:
            assert await audit.every(db, Sought()) == [first]
            with pytest.raises(NotFound, match=f"There is no entry {second.id} in the audit log"):
                await audit.get(db, second.id)

    # what is refused, and in which words

    @pytest.mark.parametrize(
        ("add", "sentence"),
        [
            (
                lambda db: tenants.add(db, builders.tenant_spec(), NOW),
                "There is a tenant 'acme' already; choose another name.",
            ),
            (
                lambda db: tenants.add_group(db, "site", "", NOW),
                "There is a group 'site' already; choose another name.",
            ),
            (
                lambda db: agents.add(db, "one", "site", NOW),
                "There is an agent 'one' already; choose another name.",
            ),
            (
                lambda db: integrations.add(db, "acme", builders.integration_spec(), NOW),
                "There is an integration 'acme/people' already; change it with: halo-controller integrations update acme FILE",
            ),
        ],
    )
    async def test_a_name_is_taken_once(
        self, known: Database, add: Callable[[AsyncConnection], Awaitable[object]], sentence: str
    ) -> None:
        async with known.write() as db:
            with pytest.raises(Conflict) as refused:
                await add(db)

        assert refused.value.message == sentence

    @pytest.mark.parametrize(
        ("get", "sentence"),
        [
            (lambda db: tenants.get(db, "acne"), "There is no tenant 'acne'. The tenants are: acme."),
            (lambda db: tenants.get_group(db, "sight"), "There is no group 'sight'. The groups are: site."),
            (
                lambda db: agents.add(db, "two", "sight", NOW),
                "There is no group 'sight'. The groups are: site.",
            ),
            (
                lambda db: agents.get(db, "two"),
                "There is no agent 'two'. Register it with: halo-controller agents add two --group GROUP",
            ),
            (
                lambda db: integrations.get(db, IntegrationRef("acme", "pepole")),
                "There is no integration 'acme/pepole'. There are: acme/assets, acme/people.",
            ),
            (
                lambda db: integrations.get(db, IntegrationRef("acne", "people")),
                "There is no tenant 'acne'. The tenants are: acme.",
            ),
            (
                lambda db: integrations.add(db, "acne", builders.integration_spec(), NOW),
                "There is no tenant 'acne'. The tenants are: acme.",
            ),
            (
                lambda db: integrations.next_fence(db, IntegrationRef("acme", "pepole")),
                "There is no integration 'acme/pepole'.",
            ),
            (
                lambda db: runs.get(db, "0123"),
                "There is no run '0123'. List them with: halo-controller runs list",
            ),
        ],
    )
    async def test_what_there_is_not_is_said_with_what_there_is(
        self, known: Database, get: Callable[[AsyncConnection], Awaitable[object]], sentence: str
    ) -> None:
        async with known.write() as db:
            with pytest.raises(NotFound) as refused:
                await get(db)

        assert refused.value.message == sentence

    async def test_an_empty_house_says_so(self, database: Database) -> None:
        async with database.read() as db:
            with pytest.raises(NotFound, match=r"There is no tenant 'acme'\. There are no tenants yet\."):
                await tenants.get(db, "acme")
            with pytest.raises(NotFound, match=r"There is no group 'site'\. There are no groups yet\."):
                await tenants.get_group(db, "site")

    async def test_nothing_stands_without_what_it_belongs_to(self, known: Database) -> None:
        stray = nouns.run(integration="stray")
        async with known.write() as db:
            for statement in (
                insert(tables.agents).values(name="two", group="stray", created_at=NOW),
                insert(tables.integrations).values(
                    tenant="stray", name="a", spec={}, enabled=True, created_at=NOW, changed_at=NOW
                ),
                insert(tables.attempts).values(run=stray.id, number=1, fence=1, agent="one", granted_at=NOW),
            ):
                with pytest.raises(IntegrityError):
                    async with db.begin_nested():
                        await db.execute(statement)
            with pytest.raises(IntegrityError):
                await runs.add(db, stray)
