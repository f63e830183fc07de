"""Clients and their sites."""

from collections.abc import Sequence

from halo_sandbox.resources import links
from halo_sandbox.resources.resource import Column, Resource, View
from halo_sandbox.schema import Document
from halo_sandbox.storage import Storage

FIRST_SITE = "Main"


async def add_first_site(storage: Storage, document: Document, sent: Document) -> Document:
    """A new client comes with a site, so that users and assets have somewhere to be."""
    site = await storage.insert(
        "Site",
        {
            "name": sent.get("newclient_sitename") or FIRST_SITE,
            "client_id": float(document["id"]),
            "inactive": False,
            "slastupdate": document["alastupdate"],
        },
    )
    client = {**document, "main_site_id": site["id"], "main_site_name": site["name"]}
    await storage.replace("Client", client)
    return client


async def present_clients(storage: Storage, documents: Sequence[Document], view: View) -> list[Document]:
    return [await with_links(storage, links.CLIENT, document, view) for document in documents]


async def present_sites(storage: Storage, documents: Sequence[Document], view: View) -> list[Document]:
    clients = await storage.many("Client", (site["client_id"] for site in documents))
    shown = []
    for site in documents:
        client = clients[int(site["client_id"])]["name"]
        joined = {"client_name": client, "clientsite_name": f"{client}/{site['name']}"}
        shown.append(await with_links(storage, links.SITE, {**site, **joined}, view))
    return shown


async def with_links(storage: Storage, table_id: int, document: Document, view: View) -> Document:
    """A single record is shown with its external links; lists leave them out."""
    if not view.detail:
        return document
    return {**document, "external_links": await links.links_of(storage, table_id, document["id"])}


CLIENT = Resource(
    path="Client",
    schema="Area",
    database_table="AREA",
    first_id=101,
    envelope="clients",
    text=("name", "azure_tenant_id", "accountsid"),
    numbers=("inactive", "toplevel_id", "ninjarmmid"),
    filters=("toplevel_id",),
    searched=("name",),
    advanced=("name", "accountsid", "ninjarmmid"),
    columns=(Column("name", "aareadesc", 4000, required=True),),
    merged=("customfields",),
    born="datecreated",
    stamp="alastupdate",
    link_table=links.CLIENT,
    area="customers",
    born_with=add_first_site,
    present=present_clients,
)

SITE = Resource(
    path="Site",
    schema="Site",
    database_table="SITE",
    first_id=1001,
    envelope="sites",
    text=("name", "guid", "accountsid"),
    numbers=("inactive", "client_id", "ninjarmmid"),
    filters=("client_id",),
    searched=("name",),
    advanced=("name", "guid", "accountsid", "ninjarmmid"),
    columns=(
        Column("name", "sdesc", 4000, required=True),
        Column("client_id", "Sarea", required=True),
        Column("guid", "SGUID", 255),
    ),
    references={"client_id": "Client"},
    merged=("customfields",),
    born="datecreated",
    stamp="slastupdate",
    link_table=links.SITE,
    area="customers",
    present=present_sites,
)
