"""A ticket in the tenant's Halo: one per incident, with notes, closed on recovery."""

from typing import Any, Final
from urllib.parse import urljoin

import httpx
from pydantic import SecretStr

from halo_controller.notifications.channels import Delivered, NotReached, NotTaken
from halo_controller.notifications.channels.email import plain
from halo_controller.notifications.letters import letter
from halo_controller.notifications.nouns import Notification, Occasion
from halo_controller.notifications.people import Ticket
from halo_shared.integrations import HaloConnection

Json = Any  # Any: what Halo answers

TIMEOUT: Final = 30.0
SCOPE: Final = "read:tickets edit:tickets"
_SUMMARY: Final = 250
_SHOWN: Final = 300


async def send(
    http: httpx.AsyncClient,
    notification: Notification,
    channel: Ticket,
    halo: HaloConnection,
    secret: SecretStr,
) -> Delivered:
    """Open a ticket, note what is new in the one there is, or close it."""
    desk = await _enter(http, channel, halo, secret)
    if not notification.topics:
        number = await desk.open(notification)
        await desk.note(number, "It was only a trial.", close=True)
        return Delivered(f"ticket {number} opened and closed")
    occasion = notification.topics[0].occasion
    known = notification.reference
    if occasion is Occasion.RECOVERED:
        return await _recover(desk, notification, known)
    if not known:
        return _opened(await desk.open(notification))
    try:
        await desk.note(known, plain(letter(notification)))
    except NotTaken as refused:
        # Somebody closed or merged it although it is not over: it would be overlooked there.
        delivered = _opened(await desk.open(notification))
        return Delivered(
            f"{delivered.result}, since ticket {known} takes no note: {refused.message}", delivered.reference
        )
    return Delivered(f"ticket {known} noted", known)


async def _recover(desk: "_Desk", notification: Notification, known: str) -> Delivered:
    if not known:
        return Delivered("there is no ticket to close")
    try:
        await desk.note(known, plain(letter(notification)), close=True)
    except NotTaken as refused:
        return Delivered(f"ticket {known} takes no note any more: {refused.message}", known)
    return Delivered(f"ticket {known} closed", known)


def _opened(number: str) -> Delivered:
    return Delivered(f"ticket {number} opened", number)


class _Desk:
    """One Halo, entered with an application that may work on tickets."""

    def __init__(self, http: httpx.AsyncClient, api: str, token: str, channel: Ticket) -> None:
        self._http = http
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}"}
        self._channel = channel

    async def open(self, notification: Notification) -> str:
        """The number of a new ticket; after an attempt in vain of the one that attempt may have opened."""
        said = letter(notification)
        mark = f"({notification.id})"
        if notification.attempts and (found := await self._find(mark)):
            return found
        ticket = {
            "summary": f"{said.subject[: _SUMMARY - len(mark)]} {mark}",
            "details": plain(said),
            "tickettype_id": self._channel.ticket_type,
            "client_id": self._channel.client,
        }
        made = await self._ask("POST", "Tickets", [{k: v for k, v in ticket.items() if v is not None}])
        first = made[0] if isinstance(made, list) else made
        return str(first["id"])

    async def note(self, ticket: str, text: str, *, close: bool = False) -> None:
        """Add a note for agents; raises NotTaken when the ticket takes none."""
        action: dict[str, Json] = {
            "ticket_id": int(ticket),
            "outcome": "Note",
            "note": text,
            "hiddenfromuser": True,
        }
        if close:
            action["new_status"] = self._channel.closed_status
        await self._ask("POST", "Actions", [action])

    async def _find(self, mark: str) -> str | None:
        found = await self._ask("GET", "Tickets", query={"search": mark, "count": "1"})
        rows = found.get("tickets", ()) if isinstance(found, dict) else found
        return str(rows[0]["id"]) if rows else None

    async def _ask(
        self, method: str, resource: str, body: Json = None, query: dict[str, str] | None = None
    ) -> Json:
        return await _asked(
            self._http, method, f"{self._api}/{resource}", json=body, params=query, headers=self._headers
        )


async def _enter(http: httpx.AsyncClient, channel: Ticket, halo: HaloConnection, secret: SecretStr) -> _Desk:
    api = urljoin(str(halo.url), "/api")
    about = await _asked(http, "GET", f"{api}/authinfo")
    tenant = halo.tenant or about.get("tenant_id")
    form = {
        "grant_type": "client_credentials",
        "client_id": channel.client_id,
        "client_secret": secret.get_secret_value(),
        "scope": SCOPE,
    }
    given = await _asked(
        http,
        "POST",
        f"{str(about['auth_url']).rstrip('/')}/token",
        data=form,
        params={"tenant": tenant} if tenant and halo.kind == "hosted" else None,
    )
    return _Desk(http, api, str(given["access_token"]), channel)


async def _asked(http: httpx.AsyncClient, method: str, url: str, **how: Json) -> Json:
    """What Halo answers; a refusal of the credentials may be mended, one of the request may not."""
    try:
        reply = await http.request(method, url, timeout=TIMEOUT, **how)
    except httpx.HTTPError as error:
        raise NotReached(f"Halo cannot be reached at {url}: {type(error).__name__}.") from error
    if reply.is_success:
        return reply.json()
    said = f"{method} {url}: {reply.status_code} {reply.text[:_SHOWN]}".strip()
    if reply.status_code in (401, 403) or url.endswith("/token"):
        raise NotReached(
            f"Halo lets nobody in with this application, or it may not work on tickets: {said}. Check "
            "client_id and client_secret of the channel, and that it may read and edit tickets."
        )
    if reply.status_code in (408, 429) or reply.is_server_error:
        raise NotReached(f"Halo does not answer well: {said}")
    raise NotTaken(f"Halo refuses it: {said}")
