"""A plan as CSV, one line per field."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from halo_agent.engine.changes import Change
from halo_agent.engine.outcomes import of_plan
from halo_shared.mapping import EntityMapping
from halo_shared.outcomes import COLUMNS, lines

_NO_KEYS: Final = EntityMapping()


def save_changes(changes: Sequence[Change], file: Path) -> None:
    """The full difference between source and Halo."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        for change in changes:
            writer.writerows(lines(of_plan(change, _NO_KEYS)))
