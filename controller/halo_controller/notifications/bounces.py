"""E-mails that come back: which message of ours could not be delivered, as RFC 3464 says it. Pure."""

import email
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final

HEADER: Final = "X-Halo-Notification"
"""Carries a message's id, and so comes back with what could not be delivered."""
MOST_SAID: Final = 500
"""Letters of what a mail server says that are kept."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail server's word on one message of ours."""

    notification: str
    recipient: str
    permanent: bool
    """False when it is tried on."""
    said: str


def bounce_in(raw: bytes) -> Bounce | str:
    """The bounce that this e-mail is, or why it is none of ours; whatever comes, nothing is raised."""
    message = email.message_from_bytes(raw)
    if message.get_content_type() != "multipart/report":
        return "it is no report"
    parts = list(message.walk())
    fates = [block for part in parts for block in _blocks(part) if block.get("Action")]
    if not fates:
        return "it says nothing of a delivery"
    name = next((found for part in parts if (found := _id_in(part))), None)
    if name is None:
        return "it is about no message of this controller"
    fate = fates[0]
    status, said = _text(fate, "Status"), _after_type(_text(fate, "Diagnostic-Code"))
    return Bounce(
        notification=name,
        recipient=_after_type(_text(fate, "Final-Recipient")),
        permanent=_text(fate, "Action").casefold() == "failed",
        said=" ".join(f"{status} {said}".split())[:MOST_SAID],
    )


def _blocks(part: Message) -> Iterator[Message]:
    """What a delivery status says, of the message and of each recipient."""
    payload = part.get_payload()
    if part.get_content_type() == "message/delivery-status" and isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))


def _id_in(part: Message) -> str | None:
    """The id on the message that was returned, whole or by its headers."""
    if part.get_content_type() == "text/rfc822-headers":
        body = part.get_payload(decode=True)
        part = email.message_from_bytes(body if isinstance(body, bytes) else b"")
    return _text(part, HEADER) or None


def _text(message: Message, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _after_type(value: str) -> str:
    """`rfc822; jane@acme.example` without its first word, which says what follows."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon else kind
