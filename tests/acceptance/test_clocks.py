"""Somebody sets a clock by hours while a run is at work: it is not ended, and nothing falls due or is kept back."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from halo_sandbox.demo.world import Json, until
from tests.acceptance.afterwards import all_is_well
from tests.acceptance.test_promises import people_in_csv, table
from tests.acceptance.timelines import has_said, in_the_middle
from tests.support.product import Product, product
from tests.support.services import needed
from tests.support.wall_clock import WallClock

pytestmark = pytest.mark.timeout(400)

HOURS = timedelta(hours=9)
"""More than any deadline, lease or pause."""
both_ways = pytest.mark.parametrize("by", [HOURS, -HOURS], ids=["forward", "back"])


@pytest.fixture
async def clocks(broker_url: str, tmp_path: Path) -> AsyncIterator[tuple[Product, Mapping[str, WallClock]]]:
    """A product whose controller and agent have a clock each."""
    with needed():
        clocks = {name: WallClock(tmp_path, name) for name in ("controller", "agent")}
    async with product(broker_url, tmp_path, controller=clocks["controller"].environment) as office:
        with office.having(clocks["agent"].environment):
            await office.installed()
        yield office, clocks


async def scheduled_runs(office: Product) -> list[Json]:
    return [run for run in await office.ask("/runs", limit=100) if run["trigger"] == "schedule"]


@both_ways
async def test_the_controllers_clock_is_set(
    clocks: tuple[Product, Mapping[str, WallClock]], by: timedelta
) -> None:
    office, clock = clocks
    await office.quietly("people", "add", str(office.files["jane"]))
    every_hour = {**people_in_csv(office.folder, table("ann")), "schedule": {"every": "1h"}}
    await office.until_ended(await office.enable(every_hour))
    ref = await in_the_middle(office)
    clock["controller"].set_by(by)
    await has_said(office, "controller", "clock_was_set")
    await asyncio.sleep(11)  # longer than agents pause between two heartbeats
    await office.well_again()

    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1)
    assert len(await scheduled_runs(office)) == 1, "an hour has not passed"
    await people_still_hear(office)


@both_ways
async def test_the_agents_clock_is_set(
    clocks: tuple[Product, Mapping[str, WallClock]], by: timedelta
) -> None:
    office, clock = clocks
    await office.quietly("people", "add", str(office.files["jane"]))
    ref = await in_the_middle(office)
    clock["agent"].set_by(by)
    await asyncio.sleep(11)  # longer than agents pause between two heartbeats
    await office.well_again()

    run = await all_is_well(office, ref)

    assert (run["status"], run["attempt"]) == ("succeeded", 1)
    await people_still_hear(office)


async def people_still_hear(office: Product) -> None:
    """A message of a refused record is written as soon as ever; the mail server's certificate knows one time only."""
    await office.fault(kind="bad_row", row=1, path="/api/users", times=1000)
    await office.run(await office.enable({**people_in_csv(office.folder, table("bob")), "name": "refused"}))
    await until(lambda: _was_written(office))


async def _was_written(office: Product) -> bool:
    return bool(await office.ask("/notifications"))
