"""Actions: what was done to a ticket; one may move the ticket to another status, and a closed ticket takes none."""

from typing import Final

from halo_sandbox import errors
from halo_sandbox.resources.resource import Column, Resource
from halo_sandbox.schema import Document
from halo_sandbox.storage import Storage

CLOSED: Final = 9
"""Halo's own status of this name."""


async def settle(storage: Storage, document: Document, sent: Document) -> Document:
    ticket = await storage.get("Tickets", document.get("ticket_id"))
    if ticket is None:
        raise errors.exception(f"Ticket {document.get('ticket_id')} does not exist")
    if ticket.get("hasbeenclosed"):
        raise errors.exception(f"Ticket {ticket['id']} is closed and takes no action")
    if not (document.get("outcome") or document.get("outcome_id")):
        raise errors.exception("An action needs an outcome")
    return document


async def follow(storage: Storage, document: Document, sent: Document) -> Document:
    if status := sent.get("new_status"):
        ticket = await storage.get("Tickets", document["ticket_id"])
        await storage.replace(
            "Tickets", {**(ticket or {}), "status_id": status, "hasbeenclosed": status == CLOSED}
        )
    return document


ACTIONS = Resource(
    path="Actions",
    schema="Actions",
    database_table="ACTIONS",
    first_id=95001,
    envelope="actions",
    numbers=("ticket_id",),
    filters=("ticket_id",),
    columns=(Column("ticket_id", "Faultid", required=True), Column("note", "note", required=True)),
    area="tickets",
    settle=settle,
    follow=follow,
)
