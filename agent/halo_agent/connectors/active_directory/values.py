"""How Active Directory writes its values: GUIDs, SIDs, times, flags and DNs. Pure."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from typing import Final
from uuid import UUID

from halo_agent.directories.messages import Entry

NEVER: Final = (0, 0x7FFFFFFFFFFFFFFF)
EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
TICKS: Final = 10_000_000
"""Of 100 nanoseconds, in a second."""
EXTENDED: Final = re.compile(r"<GUID=([0-9A-Fa-f-]{36})>;(?:<SID=[^>]*>;)?(.*)", re.DOTALL)
PART: Final = re.compile(r"(?:[^,\\]|\\.)+", re.DOTALL)
HEXPAIR: Final = re.compile(rb"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)


class Account(IntFlag):
    """The bits of userAccountControl, and of msDS-User-Account-Control-Computed, that mean something here."""

    DISABLED = 0x2
    LOCKED = 0x10
    PASSWORD_NEVER_EXPIRES = 0x10000
    PASSWORD_EXPIRED = 0x800000


def text(entry: Entry, name: str) -> str:
    """The only value, or the first; nothing when there is none."""
    return next(iter(texts(entry, name)), "")


def texts(entry: Entry, name: str) -> tuple[str, ...]:
    """The values that are text and say something; a photo does not."""
    return decoded(entry.attributes.get(name.lower(), ()))


def decoded(values: Iterable[bytes]) -> tuple[str, ...]:
    """Those of the values that are text and say something."""
    found = []
    for value in values:
        try:
            one = value.decode()
        except UnicodeDecodeError:
            continue
        if one.strip() and "\0" not in one:
            found.append(one)
    return tuple(found)


def guid(entry: Entry) -> str | None:
    """The object's identity; None where the account may not see it."""
    value = next(iter(entry.attributes.get("objectguid", ())), b"")
    return str(UUID(bytes_le=value)) if len(value) == 16 else None


def relative_id(sid: bytes) -> int:
    """The last part of a SID, which is the object's number in its domain."""
    return int.from_bytes(sid[-4:], "little")


def flags(entry: Entry, name: str) -> Account:
    """The bits of an attribute that holds flags."""
    return Account(int(text(entry, name) or 0) & sum(Account))


def file_time(value: str) -> datetime | None:
    """A moment in hundreds of nanoseconds since 1601; None for never."""
    ticks = int(value or 0)
    if ticks in NEVER:
        return None
    try:
        return EPOCH + timedelta(seconds=ticks // TICKS)
    except OverflowError:  # later than any calendar
        return None


def as_file_time(moment: datetime) -> int:
    """The same the other way round."""
    return int((moment - EPOCH).total_seconds()) * TICKS


def generalized(value: str) -> datetime:
    """A moment as in 20261126011103.0Z."""
    return datetime.strptime(value.partition(".")[0].rstrip("Z"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def guid_of_dn(dn: str) -> str | None:
    """The GUID in an extended DN."""
    found = EXTENDED.match(dn)
    return found[1].lower() if found else None


def plain_dn(dn: str) -> str:
    """A DN as people know it."""
    found = EXTENDED.match(dn)
    return found[2] if found else dn


def split_dn(dn: str) -> tuple[str, ...]:
    """The parts of a plain DN, as they are written."""
    return tuple(PART.findall(dn))


def parent_dn(dn: str) -> str:
    """The DN of what an object is in."""
    return ",".join(split_dn(dn)[1:])


def dn_parts(dn: str) -> tuple[str, ...]:
    """The names in a plain DN, from the object upwards, as people write them."""
    return tuple(_unescaped(part.partition("=")[2]) for part in split_dn(dn))


def unit_names(dn: str) -> tuple[str, ...]:
    """The names of the units and containers an object is in, from the domain downwards."""
    above = [part for part in split_dn(dn)[1:] if not part.upper().startswith("DC=")]
    return tuple(_unescaped(part.partition("=")[2]) for part in reversed(above))


def dns_name(base: str) -> str:
    """The DNS name of the domain with this DN."""
    return ".".join(dn_parts(base)).casefold()


def fingerprint(values: Sequence[bytes]) -> str:
    """The same for the same values in any order; empty for none."""
    if not values:
        return ""
    return hashlib.blake2b(b"".join(sorted(values)), digest_size=8).hexdigest()


def _unescaped(name: str) -> str:
    def one(match: re.Match[bytes]) -> bytes:
        return bytes.fromhex(match[1].decode()) if match[1] else match[2]

    return HEXPAIR.sub(one, name.encode()).decode(errors="replace")
