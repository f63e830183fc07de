"""Software on assets: written with the asset, read from a list of its own."""

from halo_sandbox.parameters import Parameters
from halo_sandbox.resources.resource import Resource
from halo_sandbox.schema import Document
from halo_sandbox.storage import Condition, Selection, Storage, equals


def narrow(query: Parameters) -> list[Condition]:
    """The rows call the asset `did`, the parameter calls it `device_id`."""
    device = query.integer("device_id")
    return [] if device is None else [equals("did", device)]


ASSET_SOFTWARE = Resource(
    path="AssetSoftware",
    schema="DeviceApplications",
    database_table="DeviceApplications",
    first_id=60001,
    text=("name",),
    numbers=("did",),
    narrow=narrow,
    area="assets",
    needs=("device_id", "licence_id", "user_id", "third_party_id"),
    written=False,
)


async def keep_software(storage: Storage, asset: int, wanted: list[Document]) -> None:
    """Let the asset have exactly this software; what it has already keeps its row."""
    path = ASSET_SOFTWARE.path
    held = {_key(row): row for row in await storage.select(path, Selection((equals("did", asset),)))}
    keys = {_key(row) for row in wanted}
    for key, row in held.items():
        if key not in keys:
            await storage.delete(path, row["id"])
    for row in wanted:
        if _key(row) not in held:
            held[_key(row)] = await storage.insert(path, {**row, "did": asset})


def _key(row: Document) -> tuple[str, str]:
    return (str(row.get("name", "")).casefold(), str(row.get("version", "")))
