"""Reading one instance: its organizations, locations and devices, and what is around these."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from halo_agent.connectors.ninjaone import records
from halo_agent.connectors.ninjaone.client import FILTER, NinjaClient
from halo_agent.connectors.ninjaone.records import Names, Record, Surroundings
from halo_agent.connectors.ninjaone.scope import Scope, chosen
from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
from halo_agent.engine.records import Software
from halo_shared.errors import IncompleteRead

ORGANIZATIONS: Final = "organizations"
LOCATIONS: Final = "locations"
DEVICES: Final = "devices-detailed"
ROLES: Final = "roles"
LAST_USERS: Final = "logged-on-users"
SOFTWARE: Final = "software"
TOGETHER: Final = 100
"""Devices whose programs are read and held at a time: so many fill several pages of the report."""


class InstanceReader:
    """One instance as a source of records."""

    def __init__(self, client: NinjaClient, settings: NinjaOneSettings) -> None:
        self._client = client
        self._settings = settings
        self._read_organizations: list[object] = []

    async def organizations(self) -> Names:
        """Every organization by its id; raises IncompleteRead when there is none at all."""
        return records.names(await self._organizations())

    async def scope(self) -> Scope:
        """What belongs to it; organizations are read only where the settings name some."""
        said = self._settings.organizations
        named = said.include or said.exclude
        return Scope(self._settings.devices, chosen(await self.organizations(), said) if named else None)

    async def clients(self) -> AsyncGenerator[Record, None]:
        """Every organization that belongs to it."""
        scope = await self.scope()
        for row in await self._organizations():
            if _within(row, "id", scope):
                yield records.client(row)

    async def sites(self) -> AsyncGenerator[Record, None]:
        """Every location of an organization that belongs to it."""
        scope = await self.scope()
        async with aclosing(self._client.pages(LOCATIONS)) as pages:
            async for page in pages:
                for row in page:
                    if _within(row, "organizationId", scope):
                        yield records.site(row)

    async def assets(
        self, attributes: Collection[str], since: datetime | None
    ) -> AsyncGenerator[Record, None]:
        """Every device that belongs to it, with what these attributes and the settings ask for around it."""
        scope = await self.scope()
        around = await self._around({name.casefold() for name in attributes}, scope)
        async with aclosing(self._client.pages(DEVICES, **_filtered(scope.filter))) as pages:
            async for page in pages:
                wanted = [row for row in page if not isinstance(row, dict) or not scope.leaves_out(row)]
                for some in _by(TOGETHER, wanted):
                    told = (
                        replace(around, software=await self._software(some))
                        if self._settings.software
                        else around
                    )
                    for row in some:
                        yield records.asset(row, told, self._settings.last_user, since)

    async def probe(self, path: str, **asked: str) -> list[object]:
        """One record, to see that reading is allowed."""
        return await self._client.some(path, **asked)

    async def probe_report(self, path: str, scope: Scope) -> int:
        """How many rows the first page of a report has, to see that reading is allowed."""
        async with aclosing(self._client.report(path, **_filtered(scope.filter))) as pages:
            async for page in pages:
                return len(page)
        return 0

    async def _around(self, asked: Collection[str], scope: Scope) -> Surroundings:
        linked = self._settings.last_user.link or records.LAST_USER.casefold() in asked
        return Surroundings(
            console=self._settings.instance,
            organizations=await self.organizations() if records.ORGANIZATION in asked else {},
            locations=records.names(await self._all(LOCATIONS)) if records.LOCATION in asked else {},
            roles=records.names(await self._client.whole(ROLES)) if records.ROLE in asked else {},
            users=await self._last_users(scope) if linked else {},
        )

    async def _last_users(self, scope: Scope) -> Names:
        known: dict[int, tuple[float, str]] = {}
        async with aclosing(self._client.report(LAST_USERS, **_filtered(scope.filter))) as pages:
            async for page in pages:
                records.last_users(page, known)
        return {device: user for device, (_, user) in known.items()}

    async def _software(self, devices: Sequence[object]) -> dict[int, list[Software]]:
        ids = sorted(row["id"] for row in devices if isinstance(row, dict) and isinstance(row.get("id"), int))
        found: dict[int, list[Software]] = {}
        if not ids:
            return found
        async with aclosing(
            self._client.report(SOFTWARE, **_filtered(f"id in ({', '.join(map(str, ids))})"))
        ) as pages:
            async for page in pages:
                for device, one in filter(None, map(records.program, page)):
                    found.setdefault(device, []).append(one)
        return found

    async def _organizations(self) -> list[object]:
        """Read once, since names, scope and records all need them."""
        if not self._read_organizations:
            self._read_organizations = await self._all(ORGANIZATIONS)
        if not self._read_organizations:
            raise IncompleteRead(
                "NinjaOne showed no organization at all, which no instance is without: "
                "look at what the application may read."
            )
        return self._read_organizations

    async def _all(self, path: str) -> list[object]:
        async with aclosing(self._client.pages(path)) as pages:
            return [row async for page in pages for row in page]


def _filtered(expression: str) -> dict[str, str]:
    return {FILTER: expression} if expression else {}


def _within(row: object, name: str, scope: Scope) -> bool:
    """Whether a record belongs to it; one that cannot be read is not left out in silence."""
    if scope.organizations is None or not isinstance(row, dict) or not isinstance(row.get(name), int):
        return True
    return row[name] in scope.organizations


def _by(number: int, rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[at : at + number] for at in range(0, len(rows), number)]
