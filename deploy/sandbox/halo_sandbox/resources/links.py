"""External links: which record of another system a Halo record stands for."""

from collections.abc import Mapping

from halo_sandbox import errors
from halo_sandbox.resources.resource import Column, Resource
from halo_sandbox.schema import Document
from halo_sandbox.storage import Selection, Storage, equals

CLIENT, SITE, USER, ASSET = 2, 3, 4, 5

OWNERS: Mapping[int, str] = {CLIENT: "Client", SITE: "Site", USER: "Users", ASSET: "Asset"}


async def settle(storage: Storage, document: Document, sent: Document) -> Document:
    """A link must lead to a record, where its kind is one the sandbox holds."""
    owner = OWNERS.get(document.get("table_id", 0))
    halo_id = document.get("halo_id")
    if owner and halo_id is not None and await storage.get(owner, halo_id) is None:
        raise errors.exception(f"halo_id {halo_id} does not exist in {owner}")
    return {"primary": False, "details_id": 0, **document}


async def links_of(storage: Storage, table_id: int, halo_id: int) -> list[Document]:
    where = (equals("table_id", table_id), equals("halo_id", halo_id))
    return await storage.select("ExternalLink", Selection(where))


EXTERNAL_LINK = Resource(
    path="ExternalLink",
    schema="ExternalLink_List",
    database_table="ExternalLink",
    first_id=70001,
    envelope="links",
    text=("third_party_id", "third_party_secondary_id", "third_party_type", "third_party_desc"),
    numbers=("table_id", "halo_id", "module_id", "details_id"),
    filters=(
        "table_id",
        "halo_id",
        "module_id",
        "details_id",
        "third_party_id",
        "third_party_secondary_id",
        "third_party_type",
        "third_party_desc",
    ),
    searched=("third_party_id", "third_party_desc"),
    columns=(
        Column("table_id", "ELTableId", required=True),
        Column("module_id", "ELModuleId", required=True),
        Column("halo_id", "ELHaloId", required=True),
        Column("third_party_id", "ELThirdPartyId", 1000),
        Column("third_party_desc", "ELThirdPartyDesc", 4000),
        Column("third_party_type", "ELThirdPartyType", 250),
        Column("third_party_url", "ELThirdPartyUrl", 4000),
    ),
    born="date_created",
    stamp="date_updated",
    deletable=True,
    settle=settle,
)
