"""E-mails that come back: which message of ours did not arrive, as RFC 3464 and 6533 say it. Pure."""

import email
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final

from halo_controller.notifications.message_ids import HEADER, Name, name_in

MOST_SAID: Final = 500
"""Letters of what a mail server says that are kept."""
MOST_BLOCKS: Final = 100
"""Recipients of one report that are looked at; a message of ours has one, whom lists and aliases multiply."""

_FATES: Final = {"text/delivery-status", "text/global-delivery-status"}
_RETURNED: Final = {"text/rfc822", "text/rfc822-headers", "text/global", "text/global-headers"}
_WORST_FIRST: Final = ("failed", "delayed")
"""The actions that people want to hear of."""
_ESCAPED: Final = re.compile(r"\\x\{(10[0-9A-F]{4}|[0-9A-F]{1,5})\}", re.IGNORECASE)
"""How RFC 6533 writes a letter that is not ASCII where only ASCII passes."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail server's word on one message of ours."""

    message: Name
    recipient: str
    permanent: bool
    """False when it is tried on."""
    said: str


class _Part(Message):
    """A part of a report, as text whatever it holds: the library does not look into what is encoded."""

    def get_content_type(self) -> str:
        return super().get_content_type().replace("message/", "text/")


def bounce_in(raw: bytes) -> Bounce | str:
    """The bounce that this e-mail is, or why it is none of ours; whatever comes, nothing is raised."""
    parts = _parts(raw)
    if not parts or parts[0].get_content_type() != "multipart/report":
        return "it is no report"
    fate = _worst([block for part in parts if part.get_content_type() in _FATES for block in _blocks(part)])
    if fate is None:
        return "it tells of no delivery that failed or is late"
    name = next(_names(parts), None)
    if name is None:
        return "it is about no message of this controller"
    return Bounce(
        message=name,
        recipient=_address(_text(fate, "Final-Recipient"))[:MOST_SAID],
        permanent=_action(fate) == "failed",
        said=f"{_text(fate, 'Status')} {_after_type(_text(fate, 'Diagnostic-Code'))}".strip()[:MOST_SAID],
    )


def _parts(raw: bytes) -> Sequence[Message]:
    """An e-mail and what it holds; nothing where parts lie in parts without end."""
    try:
        return list(email.message_from_bytes(raw, _class=_Part).walk())
    except RecursionError:
        return ()


def _blocks(part: Message) -> Iterator[Message]:
    """What a delivery status says, of the message and of each recipient."""
    for block in re.split(r"\r?\n[ \t]*\r?\n", _body(part), maxsplit=MOST_BLOCKS):
        yield email.message_from_string(block.lstrip())


def _worst(fates: Sequence[Message]) -> Message | None:
    return next((fate for action in _WORST_FIRST for fate in fates if _action(fate) == action), None)


def _action(fate: Message) -> str:
    return _text(fate, "Action").casefold()


def _names(parts: Sequence[Message]) -> Iterator[Name]:
    """What the message that was returned, whole or by its headers, is called; or else what the report answers."""
    for part in parts:
        if part.get_content_type() in _RETURNED:
            headers = email.message_from_string(_body(part).lstrip())
            if name := name_in(_text(headers, HEADER), _text(headers, "Message-ID")):
                yield name
    if name := name_in("", _text(parts[0], "In-Reply-To")):
        yield name


def _body(part: Message) -> str:
    body = part.get_payload(decode=True)
    return body.decode(errors="replace") if isinstance(body, bytes) else ""


def _text(message: Message, name: str) -> str:
    """A field in one line."""
    return _printable(" ".join(str(message.get(name, "")).split()))


def _printable(text: str) -> str:
    """Without what would steer a terminal, or cannot be kept."""
    return "".join(filter(str.isprintable, text))


def _after_type(value: str) -> str:
    """`rfc822; jane@acme.example` without its first word, which says what follows."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon else kind


def _address(value: str) -> str:
    return _printable(_ESCAPED.sub(lambda letter: chr(int(letter[1], 16)), _after_type(value)))
