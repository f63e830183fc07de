"""Who leads, decided by PostgreSQL's own clock, and what a leader of the past may no longer write."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from halo_controller.errors import LeadershipLost
from halo_controller.store import leadership, tenants
from halo_controller.store.database import Database, open_database
from tests.support.builders import NOW

TERM = timedelta(seconds=60)
OVER = timedelta(0)


@pytest.fixture
async def one(postgres_url: str) -> AsyncIterator[Database]:
    async with open_database(postgres_url) as database:
        yield database


@pytest.fixture
async def other(postgres_url: str) -> AsyncIterator[Database]:
    """As another controller has it open."""
    async with open_database(postgres_url) as database:
        yield database


def under(database: Database, epoch: int) -> Database:
    return database.guarded(partial(leadership.check, epoch=epoch))


async def test_one_leads_until_its_term_is_over(one: Database, other: Database) -> None:
    first, second = uuid4(), uuid4()
    async with one.write() as db:
        assert await leadership.claim(db, first, "one", TERM) == (first, "one", 1)
    async with other.write() as db:
        assert await leadership.claim(db, second, "two", TERM) == (first, "one", 1)
    async with one.write() as db:
        assert (await leadership.claim(db, first, "one", OVER)).epoch == 1
    async with other.write() as db:
        assert await leadership.claim(db, second, "two", TERM) == (second, "two", 2)
    async with one.read() as db:
        assert await leadership.current(db) == (second, "two", 2)


async def test_of_many_that_claim_at_once_one_leads(one: Database, other: Database) -> None:
    async def claiming(database: Database) -> object:
        async with database.write() as db:
            return await leadership.claim(db, uuid4(), "somebody", TERM)

    answers = await asyncio.gather(*(claiming(database) for database in (one, other) * 4))

    assert len(set(answers)) == 1


async def test_what_a_leader_of_the_past_wants_to_write_is_refused(one: Database, other: Database) -> None:
    for holder in (uuid4(), uuid4()):
        async with one.write() as db:
            await leadership.claim(db, holder, "somebody", OVER)

    with pytest.raises(LeadershipLost, match="epoch 2, ours was 1"):
        async with under(one, 1).write() as db:
            await tenants.add_group(db, "late", "", NOW)
    async with under(other, 2).write() as db:
        assert await tenants.every_group(db) == []


async def test_nobody_takes_over_in_the_middle_of_a_transaction(one: Database, other: Database) -> None:
    first, second = uuid4(), uuid4()
    async with one.write() as db:
        await leadership.claim(db, first, "one", OVER)

    async def take_over() -> int:
        async with other.write() as db:
            return (await leadership.claim(db, second, "two", TERM)).epoch

    async with under(one, 1).write() as db:
        taking_over = asyncio.create_task(take_over())
        done, _ = await asyncio.wait({taking_over}, timeout=0.5)
        assert not done
        await tenants.add_group(db, "in-time", "", NOW)
    assert await taking_over == 2


async def test_whoever_resigns_lets_another_lead_at_once(one: Database, other: Database) -> None:
    first, second = uuid4(), uuid4()
    async with one.write() as db:
        await leadership.claim(db, first, "one", TERM)
    async with one.write() as db:
        await leadership.resign(db, first)
    async with other.write() as db:
        assert (await leadership.claim(db, second, "two", TERM)).holder == second
