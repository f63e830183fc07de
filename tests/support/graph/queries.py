"""The query options of a Graph request, refused where Graph documents that it refuses them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.support.graph.directory import PROPERTIES, Row

MOST_ON_PAGE: Final = 999
MOST_IN_FILTER: Final = 15
MOST_TRACKED: Final = 50
_EXPANDED: Final = "manager($select=id)"


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message}}


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is asked for."""

    select: tuple[str, ...]
    expand: bool
    top: int
    ids: frozenset[str] | None = None
    named: str | None = None


def of_list(collection: str, options: Mapping[str, str]) -> Query:
    """The options of a list."""
    _only(options, {"$select", "$expand", "$top", "$filter", "$skiptoken"})
    expand = options.get("$expand")
    if expand is not None and (collection != "users" or expand != _EXPANDED):
        raise _bad(f"Could not find a property named '{expand}' on type 'microsoft.graph.{collection}'.")
    top = int(options.get("$top", "100"))
    if not 1 <= top <= MOST_ON_PAGE:
        raise _bad(f"Invalid page size specified: '{top}'. Must be between 1 and {MOST_ON_PAGE} inclusive.")
    ids, named = _filtered(options.get("$filter"))
    return Query(_selected(collection, options), expand is not None, top, ids, named)


def of_delta(collection: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """What a new round of changes is to track."""
    for unsupported in ("$top", "$expand", "$orderby", "$search", "$count"):
        if unsupported in options:
            raise _bad(f"{unsupported} is not supported for delta queries on this resource.")
    _only(options, {"$select", "$deltaToken", "$filter"})
    tracked = options.get("$filter", "")
    clauses = tracked.split(" or ") if tracked else []
    if len(clauses) > MOST_TRACKED or not all(re.fullmatch(r"id eq '[^']+'", one) for one in clauses):
        raise _bad("Only filters on 'id' are supported for delta queries.")
    if options.get("$deltaToken", "latest") != "latest":
        raise Refused(400, "badRequest", "The delta token is badly formed.")
    return _selected(collection, options)


def of_cast(options: Mapping[str, str], headers: Mapping[str, str]) -> int:
    """The page size of a list that casts its objects to a type."""
    _only(options, {"$select", "$top", "$count", "$skiptoken"})
    if headers.get("consistencylevel") != "eventual" or options.get("$count") != "true":
        raise _bad(
            "OData cast needs the header ConsistencyLevel: eventual and $count=true.",
            "Request_UnsupportedQuery",
        )
    return int(options.get("$top", "100"))


def shown(row: Row, select: tuple[str, ...], *, expand: bool = False) -> Row:
    """The object with what was asked for: a property that was never set is left out."""
    visible = {name: row[name] for name in select if name in row and name != "manager"}
    if expand and row.get("manager"):
        visible["manager"] = {"@odata.type": "#microsoft.graph.user", "id": row["manager"]}
    return {**visible, "id": row["id"]} if "id" in row else visible


def _selected(collection: str, options: Mapping[str, str]) -> tuple[str, ...]:
    known = PROPERTIES[collection]
    names = tuple(filter(None, options.get("$select", "").split(",")))
    for name in names:
        if name not in known:
            raise _bad(f"Could not find a property named '{name}' on type 'microsoft.graph.{collection}'.")
    return names or tuple(sorted(known - {"manager", "assignedLicenses", "department", "employeeId"}))


def _filtered(text: str | None) -> tuple[frozenset[str] | None, str | None]:
    if text is None:
        return None, None
    if listed := re.fullmatch(r"id in \(('[^']+'(?:, ?'[^']+')*)\)", text):
        ids = re.findall(r"'([^']+)'", listed[1])
        if len(ids) > MOST_IN_FILTER:
            raise _bad(f"Too many child clauses specified in search filter expression: {len(ids)}.")
        return frozenset(ids), None
    if named := re.fullmatch(r"displayName eq '((?:[^']|'')*)'", text):
        return None, named[1].replace("''", "'")
    raise _bad(f"Invalid filter clause: {text}")


def _only(options: Mapping[str, str], allowed: set[str]) -> None:
    for name in options:
        if name.startswith("$") and name not in allowed:
            raise _bad(f"The query option '{name}' is not supported here.")


def _bad(message: str, code: str = "Request_BadRequest") -> Refused:
    return Refused(400, code, message)
