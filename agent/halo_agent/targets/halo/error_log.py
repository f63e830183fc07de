"""Halo's own list of what an integration could not do: rows of `/IntegrationError`. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from halo_agent.targets.halo import wire
from halo_shared.entities import EntityKind
from halo_shared.integrations import ErrorLog

PATH: Final = "IntegrationError"
MOST: Final = 100
"""Rows of one run: they come out of the request budget that the records need."""
_NAME: Final = 100
_ERROR: Final = 2000
_ENDPOINTS: Final = {EntityKind.CLIENTS: "Client", EntityKind.SITES: "Site", EntityKind.ASSETS: "Asset"}
"""Where the others go is called as they are."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A record that failed, in words that may be shown."""

    kind: EntityKind
    source_id: str
    name: str
    message: str


def rows(place: ErrorLog, failed: Sequence[Failed], now: datetime) -> list[wire.Row]:
    """What Halo stores of these: none of its columns may be empty, and each has its length."""
    shown = [_row(place, one, now) for one in failed[:MOST]]
    if more := len(failed) - len(shown):
        last = Failed(failed[-1].kind, "", "more", f"{more:,} more records failed; see the run's log.")
        shown.append(_row(place, last, now))
    return shown


def _row(place: ErrorLog, one: Failed, now: datetime) -> wire.Row:
    name = f"{one.name} ({one.source_id})" if one.source_id else one.name
    return {
        "module_id": place.module_id,
        "detail_id": place.detail_id,
        "entity_type": one.kind.value[:_NAME],
        "entity_id": 0,  # Halo's own id, which a record that failed may not have
        "entity_name": name[:_NAME],
        "endpoint": _ENDPOINTS.get(one.kind, one.kind.value.title())[:_NAME],
        "error": one.message[:_ERROR],
        "date": now.isoformat(timespec="seconds"),
    }
