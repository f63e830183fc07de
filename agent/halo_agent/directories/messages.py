"""What is said to a directory and what it answers (RFC 4511): bytes in, values out, no line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from halo_agent.directories import ber

VERSION: Final = 3
START_TLS: Final = "1.3.6.1.4.1.1466.20037"
NOTICE_OF_DISCONNECTION: Final = 0
"""The message id of what a directory says unasked."""

BIND: Final = 0x60
BIND_ANSWER: Final = 0x61
UNBIND: Final = 0x42
SEARCH: Final = 0x63
ENTRY: Final = 0x64
SEARCH_DONE: Final = 0x65
REFERENCE: Final = 0x73
EXTENDED: Final = 0x77
CONTROLS: Final = 0xA0
PASSWORD: Final = 0x80
SASL: Final = 0xA3
SASL_ANSWER: Final = 0x87
REFERRAL: Final = 0xA3


class Scope(IntEnum):
    """How far below its base a search looks."""

    BASE = 0
    CHILDREN = 1
    SUBTREE = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the directory gave it."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]
    """By name in lower case, options such as `;range=0-1499` included."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last word about one request."""

    code: int
    text: str
    controls: Mapping[str, bytes] = field(default_factory=dict)
    credentials: bytes = b""
    """The directory's turn in a SASL dialogue."""


def message(number: int, operation: bytes, controls: Sequence[bytes] = ()) -> bytes:
    """A request as it is sent."""
    said = [ber.element(CONTROLS, *controls)] if controls else []
    return ber.element(ber.SEQUENCE, ber.integer(number), operation, *said)


def simple_bind(name: str, password: str) -> bytes:
    """Sign in with a name and a password."""
    return ber.element(BIND, ber.integer(VERSION), ber.octets(name), ber.octets(password, PASSWORD))


def sasl_bind(mechanism: str, token: bytes) -> bytes:
    """Our turn in a SASL dialogue."""
    said = ber.element(SASL, ber.octets(mechanism), ber.octets(token))
    return ber.element(BIND, ber.integer(VERSION), ber.octets(""), said)


def start_tls() -> bytes:
    """Ask to go on inside TLS."""
    return ber.element(EXTENDED, ber.octets(START_TLS, 0x80))


def unbind() -> bytes:
    """Say goodbye."""
    return ber.element(UNBIND)


def search(base: str, scope: Scope, encoded_filter: bytes, attributes: Sequence[str]) -> bytes:
    """Ask for entries; limits of size and time are the directory's own, and aliases stay what they are."""
    return ber.element(
        SEARCH,
        ber.octets(base),
        ber.integer(scope, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(0),
        ber.integer(0),
        ber.boolean(value=False),
        encoded_filter,
        ber.element(ber.SEQUENCE, *map(ber.octets, attributes)),
    )


def parts_of(data: bytes) -> tuple[int, ber.Element, Mapping[str, bytes]]:
    """Number, operation and controls of one message."""
    _, begin, end = ber.header(data, 0)
    number, operation, *rest = ber.elements(data, begin, end)
    controls: dict[str, bytes] = {}
    for found in rest:
        if found[0] == CONTROLS:
            controls.update(_control(data, one) for one in ber.elements(data, found[1], found[2]))
    return ber.number(data, number), operation, controls


def entry(data: bytes, operation: ber.Element) -> Entry:
    """The entry that a message holds. This is where the time of a large read is spent."""
    name, attributes = ber.elements(data, operation[1], operation[2])
    found = {}
    for _, begin, end in ber.elements(data, attributes[1], attributes[2]):
        kind, values = ber.elements(data, begin, end)
        found[data[kind[1] : kind[2]].decode().lower()] = [
            data[first:last] for _, first, last in ber.elements(data, values[1], values[2])
        ]
    return Entry(data[name[1] : name[2]].decode(), found)


def answer(data: bytes, operation: ber.Element, controls: Mapping[str, bytes]) -> Answer:
    """How the directory ended a request."""
    code, _, text, *rest = ber.elements(data, operation[1], operation[2])
    credentials = next((ber.content(data, one) for one in rest if one[0] == SASL_ANSWER), b"")
    said = ber.content(data, text).decode(errors="replace").rstrip("\0\n")
    return Answer(ber.number(data, code), said, controls, credentials)


def _control(data: bytes, found: ber.Element) -> tuple[str, bytes]:
    kind, *rest = ber.elements(data, found[1], found[2])
    value = next((ber.content(data, one) for one in rest if one[0] == ber.OCTETS), b"")
    return ber.content(data, kind).decode(), value
