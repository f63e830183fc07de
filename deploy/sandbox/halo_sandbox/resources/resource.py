"""What one Halo resource is: its names, what it refuses, what can be asked of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from halo_sandbox.parameters import Parameters
from halo_sandbox.schema import Document
from halo_sandbox.storage import Condition, Storage, Table


@dataclass(frozen=True, slots=True)
class Column:
    """The database column behind a property, with what it does not take."""

    property: str
    name: str
    length: int | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """How much of a record a reply shows."""

    detail: bool = False
    asset_fields: bool = False
    users: bool = False


Narrow = Callable[[Parameters], list[Condition]]
Settle = Callable[[Storage, Document, Document], Awaitable[Document]]
Present = Callable[[Storage, Sequence[Document], View], Awaitable[list[Document]]]


async def as_sent(storage: Storage, document: Document, sent: Document) -> Document:
    return document


async def as_stored(storage: Storage, documents: Sequence[Document], view: View) -> list[Document]:
    return list(documents)


@dataclass(frozen=True, slots=True)
class Resource:
    """One path of the API. Lists, writes and routes are written once and read this."""

    path: str
    schema: str
    database_table: str
    first_id: int
    """Each resource counts from elsewhere, so that a client that mixes up two kinds of id is found out."""
    envelope: str | None = None
    """Key of the rows in a list; None is a bare array without paging."""
    text: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    advanced: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    """Property to the path of the resource whose id it holds."""
    merged: tuple[str, ...] = ()
    """Lists whose entries are merged by id or name instead of being replaced as a whole."""
    born: str | None = None
    """Property that holds the time of the first write."""
    stamp: str | None = None
    """Property that holds the time of the last write, for `lastupdatefromdate`."""
    link_table: int | None = None
    """Number of this kind of record in ExternalLink.table_id."""
    deletable: bool = False
    off: str = "inactive"
    """Property that takes a record out of use."""
    shown_by: tuple[str, str] = ("includeactive", "includeinactive")
    """Parameters that show records in use, and those out of use."""
    area: str | None = None
    """The area of rights that it belongs to; None is open to whoever has a token."""
    edit_area: str | None = None
    """The area that writing needs, where it is another one."""
    needs: tuple[str, ...] = ()
    """Parameters of which one must be given: without any of them Halo reads until its gateway gives up."""
    written: bool = True
    """Whether it takes a POST."""
    narrow: Narrow | None = None
    """Conditions of parameters that are no plain filters."""
    settle: Settle = as_sent
    """Completes the merged record before it is stored: derived ids, merged lists."""
    born_with: Settle = as_sent
    """What storing a new record brings about elsewhere."""
    follow: Settle = as_sent
    """What storing any record brings about elsewhere."""
    present: Present = as_stored
    """Adds what Halo joins to a record when it shows it."""

    @property
    def table(self) -> Table:
        stamp = (self.stamp,) if self.stamp else ()
        return Table(self.path, (*self.text, *stamp), self.numbers, self.first_id)

    @property
    def retires(self) -> bool:
        return self.off in self.numbers

    def right(self, method: str) -> tuple[str, str] | None:
        """The access and the area that a request needs, as in ("edit", "customers")."""
        if method == "GET":
            return ("read", self.area) if self.area else None
        area = self.edit_area or self.area
        return ("edit", area) if area else None
