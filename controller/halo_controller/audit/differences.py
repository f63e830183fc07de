"""What a change changed, field by field. Pure."""

from collections.abc import Iterator
from typing import Any

from halo_controller.audit.nouns import Entry, Fields
from halo_shared.runs import Frozen


class Difference(Frozen):
    """One field, before and after; None where it said nothing."""

    field: str
    """Where it stands, as in `halo.url`."""
    before: Any = None  # Any: JSON
    after: Any = None  # Any: JSON


def differences(entry: Entry) -> list[Difference]:
    """The fields that a change added, removed or gave another value, in the order in which they stand."""
    before, after = dict(_leaves(entry.before or {})), dict(_leaves(entry.after or {}))
    return [
        Difference(field=field, before=before.get(field), after=after.get(field))
        for field in dict.fromkeys((*before, *after))
        if before.get(field) != after.get(field)
    ]


def _leaves(fields: Fields, path: str = "") -> Iterator[tuple[str, Any]]:  # Any: JSON
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}{name}.")
        elif value is not None:
            yield f"{path}{name}", value
