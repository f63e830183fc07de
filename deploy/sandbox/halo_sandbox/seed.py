"""The rows a sandbox starts with: those of a seed file, or a small company with two kinds of machine."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from halo_sandbox import schema
from halo_sandbox.errors import Refusal
from halo_sandbox.resources import RESOURCES
from halo_sandbox.resources.writes import Writer
from halo_sandbox.storage import Selection, Storage
from halo_shared import files
from halo_shared.clock import Clock
from halo_shared.errors import SettingsInvalid

Rows = list[dict[str, Any]]


class Seed(BaseModel):
    """Rows as they would be posted, in an order in which each finds what it points at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asset_groups: Rows = []
    fields: Rows = []
    asset_types: Rows = []
    clients: Rows = []
    sites: Rows = []
    users: Rows = []
    agents: Rows = []
    tickets: Rows = []
    assets: Rows = []
    external_links: Rows = []


RESOURCE_OF = {
    "asset_groups": "assetgroup",
    "fields": "field",
    "asset_types": "assettype",
    "clients": "client",
    "sites": "site",
    "users": "users",
    "agents": "agent",
    "tickets": "tickets",
    "assets": "asset",
    "external_links": "externallink",
}

# The first id of a resource is known, so rows can point at each other.
_FIELD = RESOURCES["field"].first_id
_GROUP = RESOURCES["assetgroup"].first_id


def _machine(name: str) -> dict[str, object]:
    """An asset type known by its serial number, with its model as second key."""
    return {
        "name": name,
        "assetgroup_id": _GROUP,
        "fields": [{"id": n, "field_id": _FIELD + n - 1} for n in range(1, 6)],
        "keyfield_id": 1,
        "keyfield2_id": 2,
    }


DEFAULT = Seed(
    asset_groups=[{"name": "Computers"}],
    fields=[
        {"kind": "T", "name": name}
        for name in ("Serial Number", "Model", "Manufacturer", "Operating System", "MAC Address")
    ],
    asset_types=[_machine("Workstation"), _machine("Server")],
    clients=[{"name": "Acme"}],
)


async def plant(file: Path | None, storage: Storage, clock: Clock) -> None:
    """Write the seed into an empty database; leave one that is in use as it is."""
    for resource in RESOURCES.values():
        if await storage.count(resource.path, Selection()):
            return
    rows = files.load(file, Seed) if file else DEFAULT
    for name, path in RESOURCE_OF.items():
        await _plant(name, path, getattr(rows, name), Writer(RESOURCES[path], storage, clock))


async def _plant(name: str, path: str, rows: Rows, writer: Writer) -> None:
    if not rows:
        return
    try:
        read = schema.read_rows(RESOURCES[path].schema, rows)
        async with writer.storage.transaction():
            for row in read:
                await writer.save(row)
    except Refusal as refusal:
        raise SettingsInvalid(f"seed: {name}: Halo would refuse this: {refusal.body}") from refusal
