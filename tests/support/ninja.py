"""A stand-in NinjaOne with a small estate, and the connector's settings that read it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
from halo_agent.connectors.ninjaone.source import NinjaOneSource, open_source
from halo_agent.engine.ports import Wanted
from halo_shared.entities import EntityKind
from halo_shared.runs import Mode
from tests.support.ninjaone.estate import Estate
from tests.support.ninjaone.identity import Application
from tests.support.ninjaone.server import Ninja
from tests.support.sources import SECRET, Read, Secrets

CLIENT: Final = "halo-connector"


def populate(instance: Ninja, *, devices: int = 6) -> Estate:
    """Two organizations with three locations, and so many workstations at them in turn; an application may read it."""
    instance.identity.applications[CLIENT] = Application(CLIENT, SECRET)
    estate = instance.estate
    estate.organization(1, "Acme")
    estate.organization(2, "Globex")
    estate.location(11, 1, "Main Office")
    estate.location(12, 1, "Harbour")
    estate.location(21, 2, "Main Office")
    estate.roles[201] = {"id": 201, "name": "Laptop", "nodeClass": "WINDOWS_WORKSTATION"}
    estate.roles[202] = {"id": 202, "name": "File server", "nodeClass": "WINDOWS_SERVER"}
    for number in range(1, devices + 1):
        location = (11, 12, 21)[number % 3]
        estate.device(number, organizationId=location // 10, locationId=location)
    return estate


def settings(instance: Ninja, /, **changes: Any) -> NinjaOneSettings:  # Any: as a file would say it
    """Settings that read the stand-in."""
    said: Mapping[str, Any] = {
        "instance": instance.url,
        "client_id": CLIENT,
        "client_secret": "secret://ninjaone",
        **changes,
    }
    return NinjaOneSettings.model_validate(said)


@asynccontextmanager
async def source(instance: Ninja, /, **changes: Any) -> AsyncIterator[NinjaOneSource]:
    """The connector, opened over the stand-in."""
    async with open_source(settings(instance, **changes), Secrets(ninjaone=SECRET)) as opened:
        yield opened


async def read(opened: NinjaOneSource, kind: EntityKind = EntityKind.ASSETS, *attributes: str) -> Read:
    """Everything of one kind."""
    wanted = Wanted(kind, Mode.FULL, None, frozenset(attributes or ("serialOrName",)))
    return Read([item async for item in opened.read(wanted)])
