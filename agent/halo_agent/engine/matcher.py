"""Which of Halo's records is the same as a source's: pure, and never a guess."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from halo_agent.engine.mapper import is_empty
from halo_agent.engine.records import Desired, TargetRecord, Value

PLACEHOLDERS: Final = frozenset(
    {"none", "n/a", "unknown", "default string", "to be filled by o.e.m.", "system serial number"}
)
"""What makers and people write where a value is not known; such a value recognises nothing."""


@dataclass(frozen=True, slots=True)
class Matched:
    """This record is the same one."""

    existing: TargetRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Halo has no such record."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several records could be the same one."""

    candidates: Sequence[TargetRecord]
    reason: str


Match = Matched | Missing | Ambiguous


class Candidates:
    """Halo's records, found by the value of a field."""

    def __init__(self, records: Iterable[TargetRecord], fields: Iterable[str]) -> None:
        self._by_field: dict[str, dict[str, list[TargetRecord]]] = {}
        for field in fields:
            self._by_field[field] = defaultdict(list)
        for record in records:
            for field, index in self._by_field.items():
                if key := comparable(record.fields.get(field)):
                    index[key].append(record)

    def having(self, field: str, value: Value) -> list[TargetRecord]:
        """The records that hold this value there; a placeholder recognises nothing."""
        key = comparable(value)
        return self._by_field[field].get(key, []) if key else []


def match(desired: Desired, candidates: Candidates, fields: Sequence[str], taken: Mapping[int, str]) -> Match:
    """Identity first, then each match field in order; the first field that finds anything decides.

    `taken` says which of Halo's records belong to another source record already: those are no candidates.
    """
    wishes = {**desired.when_empty, **desired.on_create, **desired.always}
    cascade = [desired.identity, *((field, wishes.get(field)) for field in fields)]
    for field, value in cascade:
        free = [
            record
            for record in candidates.having(field, value)
            if taken.get(record.id, desired.source_id) == desired.source_id
        ]
        if len(free) == 1:
            return Matched(free[0], reason=f"same {field} ({value})")
        if free:
            return Ambiguous(free, reason=f"{len(free)} records in Halo have {field} '{value}'")
    return Missing()


def comparable(value: Value) -> str:
    """The form in which values are compared; empty when the value recognises nothing."""
    if is_empty(value):
        return ""
    text = str(value).strip().casefold()
    return "" if text in PLACEHOLDERS or not text.strip("0") else text
