"""Messages to bytes and back."""

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import StrictInt, TypeAdapter, ValidationError

from halo_shared.errors import Unreadable, UnsupportedVersion
from halo_shared.messages.base import PROTOCOL_VERSION, SUPPORTED_VERSIONS, Message
from halo_shared.runs import Frozen

M = TypeVar("M")

_ZERO: Final = rb"\u0000"
_ESCAPED_ZERO: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""The one character that PostgreSQL stores in no text; a tool's file read in a wrong encoding is full of it."""


class _Versioned(Frozen):
    """As much of a message as can be read in any version."""

    protocol: StrictInt


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message ready to travel: what the broker and the outboxes carry without opening it."""

    id: str
    kind: str
    body: bytes
    traceparent: str | None = None
    """The span that it was made in, where it belongs to a trace: W3C's header, beside the message."""


def seal(
    message: Message,
    *,
    message_id: str,
    version: int = PROTOCOL_VERSION,
    traceparent: str | None = None,
) -> Envelope:
    """The message as bytes, with the id by which receivers may know a repeat.

    `version` is what the receiver speaks: what it does not know of the message, it ignores.
    """
    kind = getattr(message, "kind", type(message).__name__)
    spoken = message.model_copy(update={"protocol": version})
    return Envelope(message_id, kind, spoken.model_dump_json().encode(), traceparent)


def unseal(body: bytes, family: TypeAdapter[M]) -> M:
    """The message in these bytes; raises Unreadable or UnsupportedVersion with the reason."""
    _check_version(body)
    if _ZERO in body:
        body = _ESCAPED_ZERO.sub(rb"\1\\ufffd", body)
    try:
        # Parts that people also write in files are strict there; on the wire a newer program may add keys.
        return family.validate_json(body, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the message"
        raise Unreadable(f"A message is not valid: {place}: {first['msg']}", detail=str(error)) from error


def _check_version(body: bytes) -> None:
    try:
        version = _Versioned.model_validate_json(body).protocol
    except ValidationError as error:
        raise Unreadable("A message is not JSON with a protocol version.", detail=repr(body[:200])) from error
    if version not in SUPPORTED_VERSIONS:
        known = ", ".join(str(number) for number in sorted(SUPPORTED_VERSIONS))
        raise UnsupportedVersion(
            f"A message speaks protocol version {version}; this program speaks {known}. Upgrade the older program."
        )
