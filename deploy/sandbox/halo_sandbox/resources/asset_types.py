"""What assets are made of: fields, types that hold them, groups of types."""

from collections.abc import Mapping

from halo_sandbox import errors
from halo_sandbox.resources.resource import Column, Resource
from halo_sandbox.schema import Document
from halo_sandbox.storage import Storage

KEY_NAMES: Mapping[str, str] = {
    "keyfield_id": "keyfield_name",
    "keyfield2_id": "keyfield2_name",
    "keyfield3_id": "keyfield3_name",
}


async def settle_type(storage: Storage, document: Document, sent: Document) -> Document:
    """Number the entries of the field list and name their fields and the key fields."""
    entries = document.get("fields", [])
    fields = await storage.many("Field", (entry.get("field_id") for entry in entries))
    settled = []
    for number, entry in enumerate(entries, 1):
        field = fields.get(int(entry.get("field_id", 0)))
        if field is None:
            raise errors.exception(f"field_id {entry.get('field_id')} does not exist in Field")
        settled.append({"id": float(number), **entry, "field_name": field["name"]})
    names = {int(entry["id"]): entry["field_name"] for entry in settled}
    keys = {shown: names.get(document.get(key, 0), "") for key, shown in KEY_NAMES.items()}
    return {**document, "fields": settled, **keys}


FIELD = Resource(
    path="Field",
    schema="Field",
    database_table="FIELD",
    first_id=51,
    text=("name", "kind"),
    filters=("kind",),
    columns=(
        Column("kind", "Ykind", 1, required=True),
        Column("name", "Yname", 4000, required=True),
        Column("validate", "Yvalidate", 1),
    ),
    area="assets",
    edit_area="admin",
)

ASSET_TYPE = Resource(
    path="AssetType",
    schema="Xtype",
    database_table="XTYPE",
    first_id=131,
    text=("name",),
    numbers=("assetgroup_id",),
    filters=("assetgroup_id",),
    columns=(Column("name", "tdesc", 100, required=True),),
    references={"assetgroup_id": "AssetGroup"},
    area="assets",
    edit_area="admin",
    settle=settle_type,
)

ASSET_GROUP = Resource(
    path="AssetGroup",
    schema="Generic",
    database_table="GENERIC",
    first_id=31,
    text=("name",),
    columns=(Column("name", "gdesc", 4000, required=True),),
    area="assets",
    edit_area="admin",
)
