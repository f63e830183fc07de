"""Where messages are handed to their channels: the mail server, the secrets and the connections that these need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from halo_controller.notifications.channels import (
    Delivered,
    NotReached,
    NotTaken,
    email,
    other,
    slack,
    teams,
    tickets,
    webhook,
)
from halo_controller.notifications.channels.email import MailServer
from halo_controller.notifications.channels.posting import post
from halo_controller.notifications.letters import letter
from halo_controller.notifications.nouns import Notification
from halo_controller.notifications.people import Chat, Email, Other, Ticket, Webhook
from halo_controller.notifications.return_box import ReturnBox
from halo_shared.clock import Clock
from halo_shared.integrations import HaloConnection
from halo_shared.secrets import LocalSecrets


class Postroom:
    """Delivers one message through its channel."""

    def __init__(
        self,
        mail: MailServer | None,
        secrets: LocalSecrets,
        http: httpx.AsyncClient,
        clock: Clock,
        returns: ReturnBox | None = None,
    ) -> None:
        self._mail = mail
        self._secrets = secrets
        self._http = http
        self._clock = clock
        self.returns = returns
        """Where e-mails come back; None when nobody looks."""

    async def deliver(self, notification: Notification, halo: HaloConnection | None = None) -> Delivered:
        """Hand it over; raises a TransientError when it may be tried again, another error when it may not.

        A ticket needs the Halo that it is opened in.
        """
        match notification.channel:
            case Email(address=address):
                return await email.send(self._server(), notification, address)
            case Webhook() as hook:
                return await self._webhook(notification, hook)
            case Chat(kind=kind, url=reference):
                payload = slack.payload if kind == "slack" else teams.payload
                return await post(
                    self._http, self._secret(reference), payload(letter(notification)), shown=reference
                )
            case Other(url=reference):
                url = self._secrets.resolve(reference)
                return await other.send(letter(notification), url, shown=reference)
            case Ticket() as desk:
                return await self._ticket(notification, desk, halo)

    async def _ticket(
        self, notification: Notification, channel: Ticket, halo: HaloConnection | None
    ) -> Delivered:
        if halo is None:
            raise NotTaken("The tenant is gone in whose Halo the ticket would be.")
        secret = self._secrets.resolve(channel.client_secret)
        return await tickets.send(self._http, notification, channel, halo, secret)

    async def _webhook(self, notification: Notification, hook: Webhook) -> Delivered:
        url = str(hook.url)
        secret = self._secrets.resolve(hook.secret) if hook.secret else None
        return await webhook.send(
            self._http,
            notification,
            self._secret(url) if url.startswith("secret://") else url,
            secret,
            self._clock.now(),
            shown=hook.label,
        )

    def _secret(self, reference: str) -> str:
        return self._secrets.resolve(reference).get_secret_value()

    def _server(self) -> MailServer:
        if self._mail is None:
            raise NotReached(
                "This controller knows no mail server. Name one with HALO_CONTROLLER_MAIL_URL, as in "
                "smtp://USER:PASSWORD@mail.example:587, and restart it; the message waits."
            )
        return self._mail


@asynccontextmanager
async def open_postroom(
    mail: MailServer | None, secrets: LocalSecrets, clock: Clock, returns: ReturnBox | None = None
) -> AsyncIterator[Postroom]:
    """A postroom whose connections are closed with the block."""
    async with httpx.AsyncClient() as http:
        yield Postroom(mail, secrets, http, clock, returns)
