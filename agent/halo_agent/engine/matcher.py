"""Which of Halo's records is the same as a source's: pure, and never a guess."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from halo_agent.engine.mapper import as_text, is_empty
from halo_agent.engine.records import Desired, TargetRecord, Value

PLACEHOLDERS: Final = frozenset(
    {"none", "n/a", "unknown", "default string", "to be filled by o.e.m.", "system serial number"}
)
"""What makers and people write where a value is not known; such a value recognises nothing."""
SHOWN: Final = 100
"""Characters of a value that a reason quotes."""


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
    """Several records of one side could be the same one of the other."""

    candidates: Sequence[TargetRecord]
    reason: str


Match = Matched | Missing | Ambiguous


class Candidates:
    """Halo's records, found by the value of the identity or of a match field."""

    def __init__(self, records: Iterable[TargetRecord], identity: str, fields: Sequence[str]) -> None:
        self.cascade = (identity, *fields)
        """The fields in the order in which they decide."""
        self._identity = identity
        self._by_field: dict[str, dict[str, list[TargetRecord]]] = {
            field: defaultdict(list) for field in self.cascade
        }
        for record in records:
            for field, index in self._by_field.items():
                if key := self._key(field, record.fields.get(field)):
                    index[key].append(record)

    def like(self, desired: Desired, field: str) -> Sequence[TargetRecord]:
        """The records that hold what is wished for in this field."""
        key = self._key(field, wished(desired, field))
        return self._by_field[field].get(key, ()) if key else ()

    def _key(self, field: str, value: Value) -> str:
        # Any id is an id: a tool may count from zero.
        return as_text(value).casefold() if field == self._identity else comparable(value)


def match(wishes: Sequence[Desired], candidates: Candidates, taken: Mapping[int, str]) -> list[Match]:
    """A match for each wish, in their order.

    The identity of all of them decides first, then one match field after the other for those that are left; the
    first field that finds anything decides. What one wish has got is no candidate for the others, nor is what
    `taken` says to belong to another source record. A record that several wishes could be is given to none.
    """
    owners = dict(taken)
    suitors: Counter[int] = Counter()
    decided: dict[str, Match] = {}
    for field in candidates.cascade:
        found: dict[str, list[TargetRecord]] = {}
        for desired in wishes:
            if desired.source_id not in decided and (free := _free(desired, candidates, field, owners)):
                found[desired.source_id] = free
                suitors.update(record.id for record in free)
        for desired in wishes:
            if free := found.get(desired.source_id, []):
                matched = _judge(desired, field, free, suitors)
                decided[desired.source_id] = matched
                if isinstance(matched, Matched):
                    owners[matched.existing.id] = desired.source_id
    return [decided.get(desired.source_id, Missing()) for desired in wishes]


def wished(desired: Desired, field: str) -> Value:
    """What is wished for in a field by which records are recognised."""
    if field == desired.identity[0]:
        return desired.identity[1]
    return {**desired.when_empty, **desired.on_create, **desired.always}.get(field)


def comparable(value: Value) -> str:
    """The form in which values are compared; empty when the value recognises nothing."""
    if is_empty(value):
        return ""
    text = as_text(value).casefold()
    return "" if text in PLACEHOLDERS or not text.strip("0") else text


def _free(
    desired: Desired, candidates: Candidates, field: str, owners: Mapping[int, str]
) -> list[TargetRecord]:
    return [
        record
        for record in candidates.like(desired, field)
        if owners.get(record.id, desired.source_id) == desired.source_id
    ]


def _judge(
    desired: Desired, field: str, free: Sequence[TargetRecord], suitors: Mapping[int, int]
) -> Matched | Ambiguous:
    value = as_text(wished(desired, field))[:SHOWN]
    if len(free) > 1:
        return Ambiguous(free, reason=f"{len(free)} records in Halo have {field} '{value}'")
    if suitors[free[0].id] > 1:
        return Ambiguous(
            free, reason=f"several records of the source could be the one in Halo with {field} '{value}'"
        )
    return Matched(free[0], reason=f"same {field} ({value})")
