"""Assets: at a site, of a type, with the fields of that type."""

from collections.abc import Mapping, Sequence

from halo_sandbox import errors
from halo_sandbox.resources import links
from halo_sandbox.resources.clients import with_links
from halo_sandbox.resources.resource import Column, Resource, View
from halo_sandbox.resources.software import keep_software
from halo_sandbox.schema import Document
from halo_sandbox.storage import Storage

# Which property of the asset shows which key field of its type.
KEYS: Mapping[str, str] = {
    "key_field": "keyfield_id",
    "key_field2": "keyfield2_id",
    "key_field3": "keyfield3_id",
}


async def settle(storage: Storage, document: Document, sent: Document) -> Document:
    placed = {**document, **await _place(storage, document, sent), **await _users(storage, sent)}
    parent = placed.get("parent_id")
    if parent and (parent == placed.get("id") or await storage.get("Asset", parent) is None):
        raise errors.exception(f"parent_id {parent} does not exist in Asset, or is the asset itself")
    # Software has rows of its own.
    placed.pop("software", None)
    kind = await storage.get("AssetType", placed.get("assettype_id"))
    if kind is None:
        return placed
    fields = type_fields(kind, placed.get("fields", []))
    return {**placed, "fields": fields, **_keys(kind, fields)}


async def _users(storage: Storage, sent: Document) -> Document:
    """The users of an asset are those that were sent, each of whom must exist."""
    if "users" not in sent:
        return {}
    ids = [user.get("id", 0) for user in sent["users"]]
    known = await storage.many("Users", ids)
    for identity in ids:
        if identity not in known:
            raise errors.exception(f"user {identity} does not exist in Users")
    return {"users": [{"id": identity} for identity in dict.fromkeys(ids)]}


async def follow(storage: Storage, document: Document, sent: Document) -> Document:
    """Software that is sent is what the asset has from now on."""
    if "software" in sent:
        await keep_software(storage, document["id"], sent["software"])
    return document


async def _place(storage: Storage, document: Document, sent: Document) -> Document:
    """The site decides the client; an asset sent to another client alone goes to its main site."""
    site = await storage.get("Site", document.get("site_id"))
    moved = "site_id" not in sent and "client_id" in sent
    if moved and (site is None or site["client_id"] != sent["client_id"]):
        client = await storage.get("Client", sent["client_id"])
        return {"site_id": client and client["main_site_id"]}
    return {"client_id": int(site["client_id"])} if site else {}


def type_fields(kind: Document, values: list[Document]) -> list[Document]:
    """Every field of the type with the value sent for it, by id or by name; others are dropped."""
    fields = []
    for info in kind.get("fields", []):
        identity, name = int(info["field_id"]), info["field_name"]
        value = next(
            (
                one.get("value")
                for one in reversed(values)
                if one.get("id") == identity or _same(one.get("name"), name)
            ),
            None,
        )
        shown = "" if value is None else str(value)
        fields.append({"id": identity, "name": name, "value": shown, "display": shown})
    return fields


def _same(sent: str | None, name: str) -> bool:
    return sent is not None and sent.lower() == name.lower()


def _keys(kind: Document, fields: list[Document]) -> Document:
    """Key fields are derived: the type names an entry of its field list, the entry names a field."""
    entries = {int(info["id"]): int(info["field_id"]) for info in kind.get("fields", [])}
    values = {field["id"]: field["value"] for field in fields}
    return {shown: values.get(entries.get(kind.get(key, 0), 0), "") for shown, key in KEYS.items()}


async def present(storage: Storage, documents: Sequence[Document], view: View) -> list[Document]:
    sites = await storage.many("Site", (asset["site_id"] for asset in documents))
    clients = await storage.many("Client", (asset["client_id"] for asset in documents))
    kinds = await storage.many("AssetType", (asset["assettype_id"] for asset in documents))
    shown = []
    for asset in documents:
        joined: Document = {
            "site_name": sites[asset["site_id"]]["name"],
            "client_name": clients[asset["client_id"]]["name"],
            "assettype_name": kinds[asset["assettype_id"]]["name"],
        }
        left_out = () if view.detail or view.asset_fields else ("fields",)
        if view.detail or view.users:
            joined["users"] = await _shown_users(storage, asset)
        else:
            left_out = (*left_out, "users")
        kept = {name: value for name, value in asset.items() if name not in left_out}
        shown.append(await with_links(storage, links.ASSET, {**kept, **joined}, view))
    return shown


async def _shown_users(storage: Storage, asset: Document) -> list[Document]:
    known = await storage.many("Users", (user["id"] for user in asset.get("users", [])))
    return [
        {name: user.get(name) for name in ("id", "name", "emailaddress", "site_id", "inactive")}
        for user in known.values()
    ]


ASSET = Resource(
    path="Asset",
    schema="Device",
    database_table="DEVICE",
    first_id=20001,
    envelope="assets",
    text=(
        "inventory_number",
        "key_field",
        "key_field2",
        "key_field3",
        "lansweeper_id",
        "intune_id",
        "third_party_id_string",
    ),
    numbers=("inactive", "site_id", "client_id", "assettype_id", "parent_id", "ninjarmm_id"),
    filters=("site_id", "client_id", "assettype_id", "inventory_number"),
    searched=("inventory_number", "key_field", "key_field2", "key_field3"),
    advanced=("inventory_number", "key_field", "lansweeper_id", "intune_id", "ninjarmm_id"),
    columns=(
        Column("assettype_id", "Dtype", required=True),
        Column("site_id", "Dsite", required=True),
        Column("inventory_number", "dinvno", 4000),
        Column("lansweeper_id", "DLansweeperId", 100),
        Column("intune_id", "DIntuneId", 100),
        Column("ninja_url", "DNinjaRMMUrl", 500),
    ),
    references={"site_id": "Site", "client_id": "Client", "assettype_id": "AssetType"},
    merged=("fields", "customfields"),
    stamp="dlastupdate",
    link_table=links.ASSET,
    area="assets",
    settle=settle,
    follow=follow,
    present=present,
)
