"""The controls by which a search is read page by page, sees what was deleted, or gives only what was changed."""

from dataclasses import dataclass
from typing import Final

from halo_agent.directories import ber
from halo_agent.directories.messages import Answer

PAGED: Final = "1.2.840.113556.1.4.319"
SHOW_DELETED: Final = "1.2.840.113556.1.4.417"
EXTENDED_DN: Final = "1.2.840.113556.1.4.529"
DIRSYNC: Final = "1.2.840.113556.1.4.841"

VALUES_ONE_BY_ONE: Final = -0x80000000
"""DirSync names the members that joined and left a group, rather than all who are in it."""
DIRSYNC_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Changes:
    """How far a DirSync search came."""

    cookie: bytes
    more: bool


def paged(size: int, cookie: bytes = b"") -> bytes:
    """The next page of a search."""
    return control(PAGED, ber.element(ber.SEQUENCE, ber.integer(size), ber.octets(cookie)))


def next_page(answer: Answer) -> bytes:
    """The cookie that asks for the next page; empty behind the last."""
    value = answer.controls.get(PAGED)
    if value is None:
        return b""
    _, begin, end = ber.header(value, 0)
    _, cookie = ber.elements(value, begin, end)
    return ber.content(value, cookie)


def extended_dn() -> bytes:
    """Give every DN together with the GUID of its object: `<GUID=…>;<SID=…>;CN=…`."""
    return control(EXTENDED_DN, ber.element(ber.SEQUENCE, ber.integer(1)))


def show_deleted() -> bytes:
    """Find deleted objects as well."""
    return control(SHOW_DELETED)


def dirsync(cookie: bytes) -> bytes:
    """What was changed since this cookie; all for an empty one."""
    value = ber.element(
        ber.SEQUENCE, ber.integer(VALUES_ONE_BY_ONE), ber.integer(DIRSYNC_BYTES), ber.octets(cookie)
    )
    return control(DIRSYNC, value)


def changes(answer: Answer) -> Changes:
    """How far this search came."""
    value = answer.controls.get(DIRSYNC, b"")
    if not value:
        raise ber.Malformed("an answer to DirSync without a cookie")
    _, begin, end = ber.header(value, 0)
    more, _, cookie = ber.elements(value, begin, end)
    return Changes(ber.content(value, cookie), more=bool(ber.number(value, more)))


def control(kind: str, value: bytes | None = None) -> bytes:
    """A control without which the request must not be answered."""
    said = [ber.octets(value)] if value is not None else []
    return ber.element(ber.SEQUENCE, ber.octets(kind), ber.boolean(value=True), *said)
