r"""Filters as people write them (RFC 4515) in the form in which they travel: `(&(mail=*)(!(cn=a\2ab)))`."""

import re
from typing import Final

from halo_agent.directories import ber

AND: Final = 0xA0
OR: Final = 0xA1
NOT: Final = 0xA2
EQUAL: Final = 0xA3
SUBSTRINGS: Final = 0xA4
AT_LEAST: Final = 0xA5
AT_MOST: Final = 0xA6
PRESENT: Final = 0x87
ALIKE: Final = 0xA8
EXTENSIBLE: Final = 0xA9

ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2})")
STRAY: Final = re.compile(r"\\(?![0-9A-Fa-f]{2})")
ITEM: Final = re.compile(
    r"(?P<attribute>[A-Za-z0-9.;-]*)(?P<dn>:dn)?(?::(?P<rule>[A-Za-z0-9.-]+))?(?P<kind>:=|>=|<=|~=|=)"
)
ORDERED: Final = {">=": AT_LEAST, "<=": AT_MOST, "~=": ALIKE, "=": EQUAL}
NESTED: Final = {"&": AND, "|": OR}
DEEPEST: Final = 50


class FilterInvalid(ValueError):
    """This is not a filter."""


def compiled(text: str) -> bytes:
    """The filter as it is sent; raises FilterInvalid with what is the matter."""
    encoded, end = _filter(text, 0, 0)
    if end != len(text):
        raise FilterInvalid(f"'{text[end:]}' stands behind the filter's last parenthesis")
    return encoded


def escaped(value: str | bytes) -> str:
    """A value as it may stand in a filter."""
    data = value.encode() if isinstance(value, str) else value
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@ =,"
    return "".join(chr(byte) if byte in plain else f"\\{byte:02x}" for byte in data)


def _filter(text: str, position: int, depth: int) -> tuple[bytes, int]:
    if not text.startswith("(", position):
        raise FilterInvalid(f"a '(' is missing before '{text[position:]}'")
    if depth > DEEPEST:
        raise FilterInvalid(f"parentheses go deeper than {DEEPEST}")
    position += 1
    sign = text[position : position + 1]
    if sign in NESTED:
        parts, position = _list(text, position + 1, depth)
        encoded = ber.element(NESTED[sign], *parts)
    elif sign == "!":
        part, position = _filter(text, position + 1, depth + 1)
        encoded = ber.element(NOT, part)
    else:
        end = text.find(")", position)
        end = len(text) if end < 0 else end
        encoded, position = _item(text[position:end]), end
    if not text.startswith(")", position):
        raise FilterInvalid(f"a ')' is missing behind '{text[:position]}'")
    return encoded, position + 1


def _list(text: str, position: int, depth: int) -> tuple[list[bytes], int]:
    parts = []
    while text.startswith("(", position):
        part, position = _filter(text, position, depth + 1)
        parts.append(part)
    if not parts:
        raise FilterInvalid(f"nothing is joined behind '{text[:position]}'")
    return parts, position


def _item(text: str) -> bytes:
    found = ITEM.match(text)
    if found is None:
        raise FilterInvalid(f"'{text}' compares nothing: write (attribute=value)")
    attribute, rule, kind = found["attribute"], found["rule"], found["kind"]
    value = text[found.end() :]
    if kind == ":=":
        return _extensible(attribute, rule, value, with_dn=bool(found["dn"]))
    if rule or found["dn"] or not attribute:
        raise FilterInvalid(f"'{text}' compares nothing: write (attribute=value)")
    if kind == "=" and value == "*":
        return ber.octets(attribute, PRESENT)
    if kind == "=" and "*" in value:
        return _substrings(attribute, value)
    return ber.element(ORDERED[kind], ber.octets(attribute), ber.octets(_value(value)))


def _extensible(attribute: str, rule: str | None, value: str, *, with_dn: bool) -> bytes:
    parts = [ber.octets(rule, 0x81)] if rule else []
    parts += [ber.octets(attribute, 0x82)] if attribute else []
    if not parts:
        raise FilterInvalid(f"':={value}' says neither attribute nor rule")
    parts.append(ber.octets(_value(value), 0x83))
    parts += [ber.boolean(value=True, tag=0x84)] if with_dn else []
    return ber.element(EXTENSIBLE, *parts)


def _substrings(attribute: str, value: str) -> bytes:
    first, *middle, last = value.split("*")
    parts = [ber.octets(_value(first), 0x80)] if first else []
    parts += [ber.octets(_value(part), 0x81) for part in middle if part]
    parts += [ber.octets(_value(last), 0x82)] if last else []
    return ber.element(SUBSTRINGS, ber.octets(attribute), ber.element(ber.SEQUENCE, *parts))


def _value(text: str) -> bytes:
    if STRAY.search(text):
        raise FilterInvalid(f"'{text}': a backslash is written \\5c")
    if "(" in text:
        raise FilterInvalid(f"'{text}': a parenthesis inside a value is written \\28 or \\29")
    return ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())
