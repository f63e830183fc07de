"""Reading lists to their end, and proving that it was the end."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.client import HaloClient, Params
from halo_agent.targets.halo.resources import ID, Resource
from halo_shared import logs
from halo_shared.errors import IncompleteRead

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list."""

    rows: Sequence[wire.Row]
    count: int
    """How many rows Halo says the whole list has."""

    @property
    def whole(self) -> bool:
        """Whether the list has no more than this page."""
        return len(self.rows) >= self.count


class Lists:
    """Halo's lists, page by page or as a whole."""

    def __init__(self, client: HaloClient, page_size: int) -> None:
        self._client = client
        self.page_size = page_size

    async def page(self, resource: Resource, params: Params | None = None, *, number: int = 1) -> Page:
        """One page, the oldest records first; new ones come on at the end."""
        paged: Params = {
            "pageinate": "true",
            "page_size": self.page_size,
            "page_no": number,
            "order": ID,
        }
        bare = resource.list_key is None
        asked: Params = {**resource.params, **(params or {}), **({} if bare else paged)}
        body = await self._client.get(resource.path, asked)
        rows = wire.rows(body, resource)
        count = wire.record_count(body)
        if isinstance(body, dict) and count is None:
            raise IncompleteRead(
                f"Halo does not say how many {resource.list_key} there are, so no read is complete."
            )
        return Page(rows, len(rows) if count is None else count)

    async def all(self, resource: Resource, params: Params | None = None) -> list[wire.Row]:
        """Every row of a list. Raises IncompleteRead when that cannot be proved."""
        return [row async for rows in self.stream(resource, params) for row in rows]

    async def stream(
        self, resource: Resource, params: Params | None = None
    ) -> AsyncGenerator[list[wire.Row], None]:
        """Every row of a list, each once, page by page. Raises IncompleteRead when it cannot be proved that it is all.

        A list that changes under the reading is read once more; what was given already is not given again.
        """

        async def turn(number: int) -> Page:
            return await self.page(resource, params, number=number)

        given: set[int] = set()
        try:
            async for rows in read_to_the_end(turn, resource.path, given):
                yield rows
        except IncompleteRead as error:
            log.info("list_read_again", resource=resource.path, why=error.message)
            async for rows in read_to_the_end(turn, resource.path, given):
                yield rows


async def read_to_the_end(
    turn: Callable[[int], Awaitable[Page]], path: str, given: set[int]
) -> AsyncGenerator[list[wire.Row], None]:
    """The rows of all pages, as many as Halo says there are, without those that were given before.

    A list may grow meanwhile, as others and we ourselves write: new records come at its end, and are read too.
    """
    page = await turn(1)
    count, number = page.count, 1
    found = {wire.id_of(row) for row in page.rows}
    yield _fresh(page, given)
    while len(found) < count:
        number += 1
        page = await turn(number)
        if page.count < count:
            raise IncompleteRead(
                f"The list of {path} shrank from {count} to {page.count} records while it was read."
            )
        count = page.count
        before = len(found)
        found.update(wire.id_of(row) for row in page.rows)
        if len(found) == before:
            raise IncompleteRead(
                f"Halo gave {before} of {count} records of {path}; page {number} brought no new one."
            )
        yield _fresh(page, given)


def _fresh(page: Page, given: set[int]) -> list[wire.Row]:
    """The rows of a page that are new; they are given now."""
    rows = {id_: row for row in page.rows if (id_ := wire.id_of(row)) not in given}
    given.update(rows)
    return list(rows.values())
