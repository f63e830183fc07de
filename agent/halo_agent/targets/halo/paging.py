"""Reading lists to their end, and proving that it was the end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.client import HaloClient, Params
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

    async def page(self, resource: wire.Resource, params: Params | None = None, *, number: int = 1) -> Page:
        """One page, the oldest records first; new ones come on at the end."""
        paged: Params = {
            "pageinate": "true",
            "page_size": self.page_size,
            "page_no": number,
            "order": wire.ID,
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

    async def all(self, resource: wire.Resource, params: Params | None = None) -> list[wire.Row]:
        """Every row of a list. Raises IncompleteRead when that cannot be proved."""

        async def turn(number: int) -> Page:
            return await self.page(resource, params, number=number)

        try:
            return await read_to_the_end(turn, resource.path)
        except IncompleteRead as error:
            log.info("list_read_again", resource=resource.path, why=error.message)
            return await read_to_the_end(turn, resource.path)


async def read_to_the_end(turn: Callable[[int], Awaitable[Page]], path: str) -> list[wire.Row]:
    """The rows of all pages, each once, as many as Halo says there are."""
    page = await turn(1)
    count = page.count
    found = {wire.id_of(row): row for row in page.rows}
    number = 1
    while len(found) < count:
        number += 1
        page = await turn(number)
        if page.count != count:
            raise IncompleteRead(
                f"The list of {path} changed from {count} to {page.count} records while it was read."
            )
        before = len(found)
        found |= {wire.id_of(row): row for row in page.rows}
        if len(found) == before:
            raise IncompleteRead(
                f"Halo gave {before} of {count} records of {path}; page {number} brought no new one."
            )
    return list(found.values())
