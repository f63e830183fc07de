"""How far each directory was read: what the next delta starts from."""

import hashlib
from collections.abc import Collection, Mapping

from pydantic import Field, ValidationError

from halo_shared.runs import Frozen


class Place(Frozen):
    """Where the reading of one directory stands."""

    delta: str
    """Microsoft's own link to what changes from here on."""
    groups: dict[str, str] = Field(default_factory=dict)
    """Fingerprint of the members of each group that matters, by its id."""


class Cursor(Frozen):
    """Where the reading of every directory stands, by tenant."""

    directories: dict[str, Place]

    @property
    def text(self) -> str:
        """As the controller keeps it."""
        return self.model_dump_json()


def parse(text: str | None) -> Cursor | None:
    """The cursor in this text; None when there is none that this program understands."""
    if text is None:
        return None
    try:
        return Cursor.model_validate_json(text)
    except ValidationError:
        return None


def fingerprint(members: Collection[str]) -> str:
    """The same for the same members."""
    return hashlib.blake2b("\n".join(sorted(members)).encode(), digest_size=16).hexdigest()


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The groups whose members are no longer the same."""
    return sorted(group for group in before.keys() | now.keys() if before.get(group) != now.get(group))
