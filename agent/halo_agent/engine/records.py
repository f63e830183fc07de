"""Records as the engine sees them: values that never do anything."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from halo_shared.entities import EntityKind

Value = str | int | float | bool | tuple[str, ...] | None
"""What an attribute may hold; several values are a tuple."""


@dataclass(frozen=True, slots=True)
class Place:
    """The client and site a record belongs to, by the names that Halo shows."""

    client: str
    site: str


class Role(StrEnum):
    """How one record belongs to another."""

    CLIENT = "client"
    SITE = "site"
    MANAGER = "manager"
    """Whom a user reports to."""
    PARENT = "parent"
    """What an asset is a part of."""
    USER = "user"
    """Who uses an asset; an asset may have several."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Another record of the same tool that this one belongs to."""

    role: Role
    kind: EntityKind
    """Of the record that is referred to."""
    value: str
    attribute: str | None = None
    """The attribute of that record that holds the value; None when the value is its id."""


@dataclass(frozen=True, slots=True)
class Software:
    """A program that is installed on an asset."""

    name: str
    version: str = ""
    publisher: str = ""

    @property
    def line(self) -> str:
        """As one text, which is how a target takes and shows it; Halo has no place for a publisher."""
        return "\t".join(part.replace("\t", " ") for part in (self.name, self.version))


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record as its tool knows it."""

    kind: EntityKind
    id: str
    """The tool's own identity: stable over renames and moves, and never an attribute that people edit."""
    name: str
    """What people call it, for messages."""
    attributes: Mapping[str, Value]
    active: bool = True
    """False when the tool itself says that it is out of use, as for a disabled account."""
    place: Place | None = None
    """Where the connector's own scope puts it, as an OU that stands for a site; asked before the rules of the mapping."""
    references: tuple[Reference, ...] = ()
    software: tuple[Software, ...] | None = None
    """None when the tool does not say; an empty tuple says that there is none."""


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that its tool holds but that could not be read: listed, never dropped in silence."""

    kind: EntityKind
    place: str
    """Where to look, as in `assets.xlsx row 17`."""
    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that a delta proves to be deleted, or to have left the scope."""

    kind: EntityKind
    id: str
    reason: str
    """As in `deleted in the directory`; people read it."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A line for the run's log, as why everything was read although only changes were asked for."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A source's last word: only now is it proved that everything was read."""

    full: bool
    """Whether what was not seen does not exist. A delta, or a read with gaps, says False; a source that was asked for
    changes and had to read everything says True."""
    cursor: str | None = None


Fields = Mapping[str, Value]
"""Halo field to value, by Halo's own names; an asset's own fields are `fields.<name>`."""


@dataclass(frozen=True, slots=True)
class PlaceIds:
    """A place by Halo's ids."""

    client_id: int
    site_id: int


@dataclass(frozen=True, slots=True)
class Placing:
    """A place that a record may belong to, and what says so."""

    place: Place
    by: Literal["connector", "table", "rule", "name", "default"]
    reason: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What Halo should hold for one source record."""

    kind: EntityKind
    source_id: str
    """The source's id in the form in which ids are compared."""
    name: str
    active: bool
    always: Fields
    """Written whenever they differ."""
    on_create: Fields
    """Written only while creating."""
    when_empty: Fields
    """Written only where Halo holds nothing."""
    identity: tuple[str, str]
    """The Halo field that holds the source's id, and that id as the source writes it."""
    place: Place | None = None
    """Where a new record goes, by name; `client_id` and `site_id` among the fields say it by Halo's ids."""
    asset_type: str | None = None
    placings: tuple[Placing, ...] = ()
    """Where it may belong, the most certain first: the first that Halo has decides."""
    references: tuple[Reference, ...] = ()
    """Those that are not among the fields yet."""
    placed: str = ""
    """What said where it belongs, once that is settled; for people."""
    hash: str = ""
    """The same for the same wish, so that an unchanged record needs no look at Halo."""

    def __post_init__(self) -> None:
        if not self.hash:
            object.__setattr__(self, "hash", digest(self))


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """One record as Halo holds it."""

    kind: EntityKind
    id: int
    name: str
    active: bool
    fields: Fields


NO_WISH: Final = ""
"""The hash of no wish at all: no record is unchanged against it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A source's record and Halo's record are the same one; kept after the first match."""

    kind: EntityKind
    source_id: str
    halo_id: int | None
    """None while the record is out of use at its source and not in Halo, so that it need not be looked for again."""
    hash: str
    """Of the wish that was last fulfilled; NO_WISH when none was, or when it is not known."""
    active: bool
    name: str


@dataclass(frozen=True, slots=True)
class Expected:
    """A reference that waited until both records were in Halo."""

    link: Link
    """Of the record that refers."""
    reference: Reference
    halo_id: int
    """Of the record that is referred to."""


Waiting = tuple[Desired, Link | None]
"""A wish that is not known to be fulfilled, and the link of its record if there is one in Halo."""


def digest(desired: Desired) -> str:
    """A short, stable fingerprint of everything in a wish that reaches Halo."""
    content = (
        desired.active,
        sorted(desired.always.items()),
        sorted(desired.on_create.items()),
        sorted(desired.when_empty.items()),
        desired.identity,
        desired.asset_type,
        [(one.place.client, one.place.site) for one in desired.placings],
        [(one.role, one.kind, one.value, one.attribute) for one in desired.references],
    )
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
