"""A list is read to its end, or it is said that it was not."""

from collections.abc import Awaitable, Callable, Sequence

import httpx
import pytest

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.paging import Lists, Page, read_to_the_end
from halo_agent.targets.halo.resources import ASSET_TYPE, CLIENT
from halo_shared.errors import IncompleteRead, TargetUnavailable
from tests.unit.agent.targets.support import scripted

Turn = Callable[[int], Awaitable[Page]]


def page(ids: Sequence[int], count: int) -> Page:
    return Page([{"id": id_} for id_ in ids], count)


def book(*pages: Page) -> Turn:
    async def turn(number: int) -> Page:
        return pages[number - 1]

    return turn


async def whole(turn: Turn) -> list[wire.Row]:
    return [row async for rows in read_to_the_end(turn, "Users", set()) for row in rows]


@pytest.mark.parametrize(
    "pages",
    [
        [page([], 0)],
        [page([1, 2], 2)],
        [page([1, 2], 3), page([3], 3)],
        [page([1], 3), page([2, 3], 3)],  # a short page is no end while rows are missing
        [page([1, 2], 3), page([2, 3], 3)],  # a row that slid onto the next page
        [page([1, 2], 3), page([3, 4], 5), page([5], 5)],  # a list that grows under the reading
    ],
)
async def test_all_that_halo_counts_is_read_once(pages: list[Page]) -> None:
    found = [row["id"] for row in await whole(book(*pages))]

    assert found == list(range(1, pages[-1].count + 1))


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([page([1, 2], 4), page([], 4)], "Halo gave 2 of 4 records of Users; page 2 brought no new one"),
        ([page([1, 2], 4), page([1, 2], 4)], "Halo gave 2 of 4 records"),
        ([page([1, 2], 4), page([3], 3)], "shrank from 4 to 3"),
    ],
)
async def test_what_was_not_read_is_counted(pages: list[Page], said: str) -> None:
    with pytest.raises(IncompleteRead, match=said):
        await whole(book(*pages))


def answers(*bodies: object) -> Callable[[httpx.Request], httpx.Response]:
    waiting = iter(bodies)
    return lambda _: httpx.Response(200, json=next(waiting))


async def test_a_list_that_changed_is_read_once_more() -> None:
    halo = answers(
        {"record_count": 4, "clients": [{"id": 1}]},
        {"record_count": 3, "clients": [{"id": 2}]},
        {"record_count": 3, "clients": [{"id": 1}, {"id": 2}, {"id": 3}]},
    )
    async with scripted(halo) as there:
        rows = await Lists(there.client, 100).all(CLIENT)

    assert [row["id"] for row in rows] == [1, 2, 3]


async def test_a_list_that_never_holds_still_is_incomplete() -> None:
    halo = answers(
        *({"record_count": count, "clients": [{"id": count}]} for count in (3, 2, 3, 2)),
    )
    async with scripted(halo) as there:
        with pytest.raises(IncompleteRead):
            await Lists(there.client, 100).all(CLIENT)


async def test_a_bare_array_is_whole() -> None:
    async with scripted(answers([{"id": 131}, {"id": 132.0}])) as there:
        rows = await Lists(there.client, 1).all(ASSET_TYPE)

    assert [wire.id_of(row) for row in rows] == [131, 132]


async def test_a_list_without_a_count_proves_nothing() -> None:
    async with scripted(lambda _: httpx.Response(200, json={"clients": [{"id": 1}]})) as there:
        with pytest.raises(IncompleteRead, match="how many clients"):
            await Lists(there.client, 100).all(CLIENT)


@pytest.mark.parametrize(
    "body", ["nothing", {}, {"clients": None}, {"clients": [1]}, {"clients": [{"name": "x"}]}]
)
async def test_what_is_no_list_is_not_taken_for_one(body: object) -> None:
    async with scripted(lambda _: httpx.Response(200, json=body)) as there:
        with pytest.raises(TargetUnavailable, match="not a list"):
            await Lists(there.client, 100).all(CLIENT)
