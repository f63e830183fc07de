"""BER as LDAP uses it (RFC 4511, 5.1): definite lengths, and tags of one byte."""

from collections.abc import Iterator
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
OCTETS: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
SET: Final = 0x31

LONG: Final = 0x80
"""The bit of a length byte that says that the length itself follows in so many bytes."""
LONGEST: Final = 4
"""Bytes of a length: no answer is larger than four gigabytes."""

Element = tuple[int, int, int]
"""Tag, and where its content begins and ends."""


class Malformed(ValueError):
    """What came over the line is not BER."""


def element(tag: int, *parts: bytes) -> bytes:
    """One element of these contents."""
    content = b"".join(parts)
    size = len(content)
    if size < LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, LONG | len(length))) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A whole number."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def octets(value: str | bytes, tag: int = OCTETS) -> bytes:
    """A text or bytes."""
    return element(tag, value.encode() if isinstance(value, str) else value)


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:
    """Yes or no."""
    return element(tag, b"\xff" if value else b"\x00")


def whole(data: bytes | bytearray, start: int = 0) -> int | None:
    """Where the element that begins here ends; None while bytes of it are missing."""
    if len(data) < start + 2:
        return None
    size = data[start + 1]
    begin = start + 2
    if size & LONG:
        count = size & ~LONG
        if not 0 < count <= LONGEST:
            raise Malformed(f"a length of {count} bytes")
        if len(data) < begin + count:
            return None
        size = int.from_bytes(data[begin : begin + count])
        begin += count
    end = begin + size
    return end if end <= len(data) else None


def header(data: bytes, position: int) -> Element:
    """The element that begins here."""
    try:
        tag, size = data[position], data[position + 1]
        position += 2
        if size & LONG:
            count = size & ~LONG
            size = int.from_bytes(data[position : position + count])
            position += count
    except IndexError as error:
        raise Malformed("an element without an end") from error
    if position + size > len(data):
        raise Malformed("an element that is longer than what it is part of")
    return tag, position, position + size


def elements(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Element]:
    """The elements of a content, one after the other."""
    end = len(data) if end is None else end
    while begin < end:
        found = header(data, begin)
        begin = found[2]
        if begin > end:
            raise Malformed("an element that is longer than what it is part of")
        yield found


def number(data: bytes, found: Element) -> int:
    """The value of an integer or enumerated element."""
    return int.from_bytes(data[found[1] : found[2]], signed=True)


def content(data: bytes, found: Element) -> bytes:
    """The bytes of an element."""
    return data[found[1] : found[2]]
