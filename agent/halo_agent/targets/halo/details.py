"""What belongs to a record and is kept elsewhere in Halo: an asset's software, a user's tickets, which agent we are."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from halo_agent.engine.records import TargetRecord, Value
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.errors import NotFound
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.resources import AGENT, ASSET_SOFTWARE, OPEN_TICKETS, SOFTWARE, TICKET
from halo_shared.entities import EntityKind

IS_ME = "is_me"
"""Our name for the agent that the application logs in as: a sync must not disable itself."""


class Details:
    """Completes records that are read one by one."""

    def __init__(self, client: HaloClient, lists: Lists, *, open_tickets: bool) -> None:
        self._client = client
        self._lists = lists
        self.minds_tickets = open_tickets
        """Whether a user with open tickets must not be retired; only then are they looked up."""
        self._me: int | None = None
        self._asking = asyncio.Lock()

    async def complete(self, record: TargetRecord, beside: Collection[str]) -> TargetRecord:
        """The record with what is asked for apart. Software costs a request for each asset, so it is read if wanted."""
        match record.kind:
            case EntityKind.ASSETS if SOFTWARE in beside:
                return _with(record, SOFTWARE, await self.software(record.id))
            case EntityKind.USERS if self.minds_tickets and OPEN_TICKETS not in record.fields:
                return _with(record, OPEN_TICKETS, await self.open_tickets(record.id))
            case EntityKind.TECHNICIANS:
                return _with(record, IS_ME, record.id == await self.me())
            case _:
                return record

    async def software(self, asset: int) -> tuple[str, ...]:
        """What is installed, in the lines in which the engine compares it; Halo keeps no publisher."""
        rows = await self._lists.all(ASSET_SOFTWARE, {"device_id": asset})
        return tuple(sorted(f"{row.get('name') or ''}\t{row.get('version') or ''}" for row in rows))

    async def open_tickets(self, user: int) -> int:
        """How many tickets of this user are not closed."""
        return (await self._lists.page(TICKET, {"user_id": user, "open_only": "true"})).count

    async def me(self) -> int:
        """The agent that the application logs in as; zero where Halo does not say."""
        async with self._asking:
            if self._me is None:
                try:
                    self._me = wire.id_of(wire.single(await self._client.get(f"{AGENT.path}/me"), AGENT))
                except NotFound:
                    self._me = 0
            return self._me


def _with(record: TargetRecord, name: str, value: Value) -> TargetRecord:
    return replace(record, fields={**record.fields, name: value})
