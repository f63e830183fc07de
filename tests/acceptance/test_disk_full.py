"""The agent's disk is full for a while: the run says so, no event is lost, and then all is well without a hand."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from halo_sandbox.demo.world import Json
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.timelines import in_the_middle
from tests.support.disk import SmallDisk, small_disk
from tests.support.product import Product, product
from tests.support.services import needed

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def cramped(broker_url: str, tmp_path: Path) -> AsyncIterator[tuple[Product, SmallDisk]]:
    """A product whose agent keeps its data on a small disk."""
    with needed(), small_disk(tmp_path / "agent") as disk:
        async with product(broker_url, tmp_path) as office:
            await office.installed()
            yield office, disk


def says_what_to_do(run: Json, disk: SmallDisk) -> None:
    assert run["status"] == "failed"
    failure = run["failure"]
    assert (failure["code"], failure["error_class"]) == ("DiskFull", "transient")
    # Which of its files finds the disk full first is chance.
    assert f"The disk that holds {disk.folder}/" in failure["message"]
    assert "is full. Make room on it" in failure["message"]


def is_whole(disk: SmallDisk) -> None:
    with closing(sqlite3.connect(disk.folder / "links.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_run_begins_on_a_full_disk(cramped: tuple[Product, SmallDisk]) -> None:
    office, disk = cramped
    ref = await office.enable(office.people.integration)
    disk.fill()

    run = await office.run(ref)

    says_what_to_do(run, disk)
    assert await office.held("users") == [], "nothing was written that could not be remembered"
    (incident,) = await office.ask("/incidents")
    assert incident["cause"]["code"] == "DiskFull"
    is_whole(disk)

    disk.make_room()
    await all_is_well(office, ref)
    assert await office.ask("/incidents") == []


async def test_the_disk_is_full_in_the_middle_of_a_run(cramped: tuple[Product, SmallDisk]) -> None:
    """What was written and could not be remembered is found again in Halo, not created twice."""
    office, disk = cramped
    ref = await in_the_middle(office)
    disk.fill()
    await office.well_again()

    says_what_to_do(await office.until_ended(ref), disk)
    is_whole(disk)

    disk.make_room()
    await all_is_well(office, ref)
