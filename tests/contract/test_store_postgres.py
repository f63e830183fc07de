"""PostgreSQL keeps the store's contract; and what only a server can do wrong is said in a sentence."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from halo_controller import steering
from halo_controller.dispatcher import open_run
from halo_controller.errors import Conflict
from halo_controller.hearing import Hearing
from halo_controller.inbox import Inbox
from halo_controller.nouns import Trigger
from halo_controller.publisher import Publisher
from halo_controller.requests import Answerer
from halo_controller.store import agents, events, incidents, integrations, records, runs, standings, tenants
from halo_controller.store.database import Database, open_database
from halo_controller.store.shape import MIGRATIONS
from halo_sandbox.services.postgres import PrivatePostgres
from halo_shared.errors import ConfigurationError, RecordUnreadable, StoreBusy
from halo_shared.messages.base import Failure
from halo_shared.messages.codec import seal, unseal
from halo_shared.messages.events import EVENTS
from halo_shared.messages.requests import HeldLease
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus
from halo_shared.transport.memory import MemoryTransport
from tests.contract.store import StoreContract
from tests.support import builders, nouns
from tests.support import incidents as incident_nouns
from tests.support.builders import NOW, REF
from tests.support.clock import ManualClock, eventually

HELD = HeldLease(run=builders.RUN_ID, fence=1)
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def database(self, postgres_url: str) -> AsyncIterator[Database]:
        async with open_database(postgres_url) as database:
            yield database


async def refusal(url: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        async with open_database(url):
            pass
    return refused.value.message


@pytest.fixture
async def both(postgres_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two controllers' connections to one database, which knows acme/people, enabled."""
    async with open_database(postgres_url) as one, open_database(postgres_url) as two:
        async with one.write() as db:
            await tenants.add(db, builders.tenant_spec(), NOW)
            await tenants.add_group(db, "site", "", NOW)
            await agents.add(db, "one", "site", NOW)
            await integrations.add(db, "acme", builders.integration_spec(group="site"), NOW)
            await integrations.switch(db, REF, enabled=True)
        yield one, two


async def one_waits(database: Database) -> bool:
    """Whether a transaction waits for what another keeps."""
    async with database.read() as db:
        return bool(await db.scalar(WAITING))


class TestRaces:
    """Two controllers at once, each over connections of its own."""

    async def test_one_run_is_opened(self, both: tuple[Database, Database]) -> None:
        async def fire(database: Database) -> str:
            try:
                async with database.write() as db:
                    return (await open_run(db, REF, Trigger.SCHEDULE, "it is due", NOW)).id
            except Conflict as error:
                return error.message

        said = await asyncio.gather(*(fire(both[number % 2]) for number in range(10)))

        (opened,) = [each for each in said if "has an open run" not in each]
        async with both[0].read() as db:
            assert [run.id for run in await runs.every(db)] == [opened]

    async def test_no_two_get_the_same_fence(self, both: tuple[Database, Database]) -> None:
        async def ask(database: Database) -> int:
            async with database.write() as db:
                return await integrations.next_fence(db, REF)

        fences = await asyncio.gather(*(ask(both[number % 2]) for number in range(20)))

        assert sorted(fences) == list(range(1, 21))

    async def test_what_a_writer_read_of_a_run_stays_so_until_it_is_through(
        self, both: tuple[Database, Database]
    ) -> None:
        run = nouns.running()
        async with both[0].write() as db:
            await runs.add(db, run)

        async def count_one(database: Database) -> None:
            async with database.write() as db:
                found = await runs.get(db, run.id)
                await asyncio.sleep(0)  # others have a chance to come between
                await runs.save(db, found.model_copy(update={"requests": found.requests + 1}))

        await asyncio.gather(*(count_one(both[number % 2]) for number in range(20)))

        async with both[0].read() as db:
            assert (await runs.get(db, run.id)).requests == run.requests + 20

    async def test_an_end_that_is_stored_while_a_heartbeat_without_the_run_is_answered_stays(
        self, both: tuple[Database, Database]
    ) -> None:
        run, clock, transport = nouns.running(), ManualClock(), MemoryTransport()
        answerer = Answerer(both[1], Publisher(both[1], transport, clock), Hearing(transport, clock), clock)
        async with both[0].write() as db:
            await runs.add(db, run)
        await answerer.answer(builders.hello().model_copy(update={"held": (HELD,)}))

        async with both[0].write() as db:
            ended = (await runs.get(db, run.id)).model_copy(
                update={"status": RunStatus.SUCCEEDED, "ended_at": NOW, "lease_until": None}
            )
            answering = asyncio.create_task(answerer.answer(builders.heartbeat()))
            await eventually(lambda: one_waits(both[0]))
            await runs.save(db, ended)
        await answering

        async with both[0].read() as db:
            kept = await runs.get(db, run.id)
        assert (kept.status, kept.ended_at, kept.unheld_since) == (RunStatus.SUCCEEDED, NOW, None)

    async def test_an_agent_that_is_granted_a_lease_meanwhile_is_not_forgotten(
        self, both: tuple[Database, Database]
    ) -> None:
        async def forget() -> None:
            async with both[1].write() as db:
                await steering.forget(db, "one")

        async with both[0].write() as db:
            await agents.these(db, {"one"})
            forgetting = asyncio.create_task(forget())
            await eventually(lambda: one_waits(both[0]))
            await runs.add(db, nouns.running())

        with pytest.raises(Conflict, match="Agent 'one' has an open run"):
            await forgetting

    async def test_an_incident_is_opened_once(self, both: tuple[Database, Database]) -> None:
        incident = incident_nouns.incident()

        async def open_it(database: Database, number: int) -> bool:
            async with database.write() as db:
                return await incidents.add(db, incident.model_copy(update={"id": f"{number:08}"}))

        added = await asyncio.gather(*(open_it(both[number % 2], number) for number in range(10)))

        assert added.count(True) == 1

    async def test_events_that_come_to_both_are_stored_once(self, both: tuple[Database, Database]) -> None:
        run = nouns.running()
        said = [builders.logged(run) for _ in range(5)]
        async with both[0].write() as db:
            await runs.add(db, run)

        await asyncio.gather(*(Inbox(both[number % 2], ManualClock()).take(*said) for number in range(6)))

        async with both[0].read() as db:
            assert len(await events.of_run(db, run.id)) == 5

    async def test_a_standing_is_changed_by_one_after_the_other(
        self, both: tuple[Database, Database]
    ) -> None:
        async def fail_once(database: Database) -> None:
            async with database.write() as db:
                before = await standings.of(db, REF)
                await standings.save(db, REF, before.model_copy(update={"failures": before.failures + 1}))

        await asyncio.gather(*(fail_once(both[number % 2]) for number in range(10)))

        async with both[0].read() as db:
            assert (await standings.of(db, REF)).failures == 10

    async def test_two_that_wait_for_each_other_are_told_that_waiting_helps(
        self, both: tuple[Database, Database]
    ) -> None:
        first, second = nouns.running(), nouns.running(tenant="acme", integration="people")
        second = second.model_copy(update={"id": "ffffffffffff", "ended_at": NOW})
        async with both[0].write() as db:
            await runs.add(db, first)
            await runs.add(db, second)
        meet = asyncio.Barrier(2)

        async def take(database: Database, *ids: str) -> None:
            async with database.write() as db:
                await runs.get(db, ids[0])
                await meet.wait()
                await runs.get(db, ids[1])

        ends = await asyncio.gather(
            take(both[0], first.id, second.id), take(both[1], second.id, first.id), return_exceptions=True
        )

        (refused,) = [end for end in ends if end is not None]
        assert isinstance(refused, StoreBusy)
        assert "deadlock" in refused.detail

    async def test_both_may_bring_an_empty_database_up_to_date(self, postgres: PrivatePostgres) -> None:
        url = postgres.create("fresh_twice")

        async def opened() -> None:
            async with open_database(url) as database, database.read() as db:
                assert await tenants.every(db) == []

        await asyncio.gather(opened(), opened())


class TestFaults:
    async def test_what_an_agent_read_in_a_wrong_encoding_is_stored(
        self, both: tuple[Database, Database]
    ) -> None:
        """A text of PostgreSQL takes every character but one, which such a file is full of."""
        run = nouns.running()
        async with both[0].write() as db:
            await runs.add(db, run)
        outcome = builders.outcome().model_copy(update={"name": "J\0a\0n\0e\0"})
        failure = Failure.of(RecordUnreadable("no column 'm\0a\0i\0l\0'"), Redactor())
        said = [
            builders.outcomes(run, outcome),
            builders.finished(run, RunStatus.FAILED, failure=failure),
        ]
        heard = [unseal(seal(one, message_id=str(one.id)).body, EVENTS) for one in said]

        await Inbox(both[0], ManualClock()).take(*heard)

        async with both[0].read() as db:
            assert (await runs.get(db, run.id)).status is RunStatus.FAILED
            (record,) = await records.of_run(db, run.id)
        assert record.outcome.name == "J\ufffda\ufffdn\ufffde\ufffd"

    async def test_a_server_that_restarts_is_busy_and_then_goes_on(self, postgres: PrivatePostgres) -> None:
        url = postgres.create("restarted")
        async with open_database(url) as database:
            await kept(database, "before")
            await asyncio.to_thread(postgres.stop)
            with pytest.raises(StoreBusy):
                await kept(database, "lost")
            with pytest.raises(StoreBusy):
                await kept(database, "lost")
            await asyncio.to_thread(postgres.start)

            await outlasted(database, "after")
            async with database.read() as db:
                assert [one.name for one in await tenants.every_group(db)] == ["after", "before"]

    async def test_a_server_that_stops_in_the_middle_leaves_nothing(self, postgres: PrivatePostgres) -> None:
        url = postgres.create("stopped")
        async with open_database(url) as database:

            async def two() -> None:
                async with database.write() as db:
                    await tenants.add_group(db, "half", "", NOW)
                    await postgres.restart()
                    await tenants.add_group(db, "whole", "", NOW)

            with pytest.raises(StoreBusy):
                await two()
            await outlasted(database, "after")
            async with database.read() as db:
                assert [one.name for one in await tenants.every_group(db)] == ["after"]

    async def test_who_freezes_in_a_transaction_keeps_nobody_else_waiting(
        self, both: tuple[Database, Database]
    ) -> None:
        run = nouns.running()
        async with both[0].write() as db:
            await runs.add(db, run)

        async def freeze() -> None:
            async with both[0].write() as db:
                await runs.get(db, run.id)
                async with both[1].write() as other:  # waits until the server has ended the first
                    await runs.save(other, run.model_copy(update={"requests": 99}))
                await runs.save(db, run)

        with pytest.raises(StoreBusy):
            await freeze()

        async with both[0].read() as db:
            assert (await runs.get(db, run.id)).requests == 99

    async def test_a_fault_that_will_not_pass_is_not_called_busy(self, postgres_url: str) -> None:
        async with open_database(postgres_url) as database:
            with pytest.raises(ProgrammingError, match="nonsense"):
                async with database.read() as db:
                    await db.exec_driver_sql("SELECT * FROM nonsense")

    async def test_an_error_of_the_block_itself_is_not_the_databases(self, postgres_url: str) -> None:
        async def fail(database: Database) -> None:
            async with database.write() as db:
                await tenants.every_group(db)
                raise ConnectionRefusedError("somebody else's")

        async with open_database(postgres_url) as database:
            with pytest.raises(ConnectionRefusedError):
                await fail(database)


class TestOpening:
    async def test_a_wrong_password(self, postgres: PrivatePostgres) -> None:
        url = postgres.url().replace(postgres.password, "wrong-secret")

        said = await refusal(url)

        assert said == (
            f"postgresql://127.0.0.1:{postgres.port}/postgres cannot be used as a database: password authentication "
            'failed for user "halo". Correct HALO_CONTROLLER_DATABASE_URL, as in '
            "postgresql://USER:PASSWORD@HOST/DATABASE, or let the server accept it."
        )

    async def test_a_database_that_is_not_there(self, postgres: PrivatePostgres) -> None:
        assert 'database "nowhere" does not exist' in await refusal(postgres.url("nowhere"))

    async def test_a_server_that_is_not_there(self) -> None:
        with pytest.raises(StoreBusy, match=r"The database postgresql://127\.0\.0\.1:1/halo does not answer"):
            async with open_database("postgresql://halo:secret@127.0.0.1:1/halo"):
                pass

    async def test_the_database_of_a_newer_controller(
        self, postgres: PrivatePostgres, postgres_url: str
    ) -> None:
        name = postgres_url.rpartition("/")[2]
        postgres.sql("UPDATE alembic_version SET version_num = '0999'", name)

        newest = max(each.name[:4] for each in (MIGRATIONS / "versions").glob("0*.py"))
        assert f"(its version is 0999, and this program knows up to {newest})" in await refusal(postgres_url)


async def kept(database: Database, group: str) -> None:
    async with database.write() as db:
        await tenants.add_group(db, group, "", NOW)


async def outlasted(database: Database, group: str) -> None:
    """As every loop does it: look again until it works."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await kept(database, group)
            except StoreBusy:
                await asyncio.sleep(0.1)
