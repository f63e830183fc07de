"""Organizations, locations and devices of NinjaOne: always all of them, since it tells no changes."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from halo_agent.connectors import CheckStep, Secrets
from halo_agent.connectors.ninjaone import reader as reading
from halo_agent.connectors.ninjaone.auth import NinjaAuth
from halo_agent.connectors.ninjaone.client import NinjaClient
from halo_agent.connectors.ninjaone.reader import InstanceReader
from halo_agent.connectors.ninjaone.records import Names, Record
from halo_agent.connectors.ninjaone.refusals import SCOPE
from halo_agent.connectors.ninjaone.scope import chosen
from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, Remark
from halo_agent.http import HttpClient
from halo_shared.clock import Clock, SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import ConfigurationError
from halo_shared.runs import Mode

SHOWN: Final = 5
"""Names that a check shows of many."""


@asynccontextmanager
async def open_source(settings: NinjaOneSettings, secrets: Secrets) -> AsyncIterator["NinjaOneSource"]:
    """A source that connects and signs in anew for each read and each check."""
    yield NinjaOneSource(settings, secrets, SystemClock())


class NinjaOneSource:
    """Reads what one instance holds."""

    def __init__(self, settings: NinjaOneSettings, secrets: Secrets, clock: Clock) -> None:
        self._settings = settings
        self._secrets = secrets
        self._clock = clock

    async def read(self, wanted: Wanted) -> AsyncGenerator[SourceItem, None]:
        """Everything of one kind; a reader that fails on its way never says that it has finished."""
        async with self._connected() as client:
            found = self._records(InstanceReader(client, self._settings), wanted)
            if wanted.mode is Mode.DELTA:
                yield Remark(
                    f"All {wanted.kind} are read, though only changes were asked for: NinjaOne tells none."
                )
            async with aclosing(found) as records:
                async for record in records:
                    yield record
        yield Finished(full=True)

    async def check(self) -> AsyncGenerator[CheckStep, None]:
        """The address, the sign-in, and each thing that is to be read."""
        async with self._connected() as client:
            reader = InstanceReader(client, self._settings)
            status = await client.answers()
            host = urlsplit(self._settings.instance).netloc
            yield CheckStep("address", f"{host} answers, and refuses a stranger (status {status})")
            token = await client.auth.token()
            minutes = f"{token.life / 60:.0f} minutes"
            signed_in = f"signed in as {self._settings.client_id} with the scope {SCOPE}, for {minutes}"
            yield CheckStep("sign-in", signed_in)
            everything = await reader.organizations()
            belonging = chosen(everything, self._settings.organizations)
            counted = f"{len(belonging):,} of {len(everything):,} are read: {_some(belonging)}"
            yield CheckStep(reading.ORGANIZATIONS, counted)
            yield CheckStep(reading.LOCATIONS, _may(await reader.probe(reading.LOCATIONS)))
            async with aclosing(self._check_devices(reader)) as steps:
                async for step in steps:
                    yield step

    async def _check_devices(self, reader: InstanceReader) -> AsyncGenerator[CheckStep, None]:
        scope = await reader.scope()
        filtered = {"df": scope.filter} if scope.filter else {}
        found = _may(await reader.probe(reading.DEVICES, **filtered))
        yield CheckStep("devices", f"{found}; asked for by: {scope.filter or 'nothing, so all are read'}")
        reports = {
            reading.LAST_USERS: self._settings.last_user.link,
            reading.SOFTWARE: self._settings.software,
        }
        for report in (report for report, is_wanted in reports.items() if is_wanted):
            rows = await reader.probe_report(report, scope)
            yield CheckStep(report, f"may be read, {rows:,} rows on the first page")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[NinjaClient]:
        """A client whose connections end with the block."""
        seconds = self._settings.timeout.total_seconds()
        async with HttpClient("source", "NinjaOne", timeout=seconds) as http:
            auth = NinjaAuth(http, self._settings, self._secrets, self._clock)
            yield NinjaClient(http, self._settings.instance, auth, self._clock)

    def _records(self, reader: InstanceReader, wanted: Wanted) -> AsyncGenerator[Record, None]:
        match wanted.kind:
            case EntityKind.CLIENTS:
                return reader.clients()
            case EntityKind.SITES:
                return reader.sites()
            case EntityKind.ASSETS:
                return reader.assets(wanted.attributes, self._since())
        raise ConfigurationError(
            f"The ninjaone connector reads clients, sites and assets: take {wanted.kind} out of 'entities'."
        )

    def _since(self) -> datetime | None:
        """When a device must have been in contact, to count as in use."""
        limit = self._settings.devices.inactive_after
        return self._clock.now() - limit if limit else None


def _may(rows: list[object]) -> str:
    first = rows[0] if rows else None
    if not isinstance(first, dict):
        return "may be read, and has none"
    return f"may be read; first of all: {first.get('displayName') or first.get('systemName') or first.get('name')}"


def _some(names: Names) -> str:
    shown = ", ".join(list(names.values())[:SHOWN])
    return f"{shown} ..." if len(names) > SHOWN else shown
