"""Users: the people a service desk serves, each at a site."""

from collections.abc import Sequence

from halo_sandbox.parameters import Parameters
from halo_sandbox.resources import links
from halo_sandbox.resources.clients import with_links
from halo_sandbox.resources.resource import Column, Resource, View
from halo_sandbox.resources.tickets import TICKETS, narrow
from halo_sandbox.schema import Document
from halo_sandbox.storage import Selection, Storage, equals


async def settle(storage: Storage, document: Document, sent: Document) -> Document:
    """A user belongs to a site; the client follows from it, whatever was sent."""
    site = await storage.get("Site", document.get("site_id"))
    if site is None:
        return document
    return {**document, "site_id_int": site["id"], "client_id": int(site["client_id"])}


async def present(storage: Storage, documents: Sequence[Document], view: View) -> list[Document]:
    sites = await storage.many("Site", (user["site_id"] for user in documents))
    clients = await storage.many("Client", (user["client_id"] for user in documents))
    shown = []
    for user in documents:
        joined: Document = {
            "site_name": sites[int(user["site_id"])]["name"],
            "client_name": clients[int(user["client_id"])]["name"],
        }
        if view.detail:
            joined["open_ticket_count"] = await open_tickets(storage, user["id"])
        shown.append(await with_links(storage, links.USER, {**user, **joined}, view))
    return shown


async def open_tickets(storage: Storage, user: int) -> int:
    where = (equals("user_id", user), *narrow(Parameters([("open_only", "true")])))
    return await storage.count(TICKETS.path, Selection(where))


USERS = Resource(
    path="Users",
    schema="Users",
    database_table="USERS",
    first_id=5001,
    envelope="users",
    text=(
        "name",
        "firstname",
        "surname",
        "emailaddress",
        "email2",
        "email3",
        "login",
        "azureoid",
        "samaccountname",
        "activedirectory_dn",
        "third_party_guid",
        "oktaid",
    ),
    numbers=("inactive", "site_id", "client_id", "linked_agent_id"),
    filters=("site_id", "client_id"),
    # Not azureoid: Halo's plain search does not look there.
    searched=("name", "firstname", "surname", "emailaddress", "email2", "email3", "login"),
    advanced=("name", "emailaddress", "login", "azureoid", "samaccountname", "oktaid"),
    columns=(
        Column("site_id", "Usite", required=True),
        Column("name", "uusername", 255, required=True),
        Column("firstname", "uFirstName", 200),
        Column("surname", "uLastName", 200),
        Column("samaccountname", "USamAccountName", 250),
        Column("azureoid", "UAzureOID", 1000),
        Column("third_party_sql", "uactsql", 50),
    ),
    references={"site_id": "Site"},
    merged=("customfields",),
    born="datecreated",
    stamp="ulastupdate",
    link_table=links.USER,
    area="customers",
    settle=settle,
    present=present,
)
