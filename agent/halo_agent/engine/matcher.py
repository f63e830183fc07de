"""Which of Halo's records is the same as a source's: pure, and never a guess."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from halo_agent.engine.contests import Contest, Keys
from halo_agent.engine.records import Desired, Fields, TargetRecord, Value
from halo_agent.engine.values import as_text, is_empty
from halo_shared.mapping import NEVER_MATCH, EntityMapping, MatchField

SHOWN: Final = 100
"""Characters of a value that a reason quotes."""
CLIENT: Final = "client_id"


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


class Cascade:
    """The fields by which records are recognised, in the order in which they decide.

    The identity of all wishes decides first, then one match field after the other for those that are left; the
    first field that finds anything decides. What one wish has got is no candidate for the others, nor is what
    belongs to another source record already. A record that several wishes could be is given to none.
    """

    def __init__(self, mapping: EntityMapping) -> None:
        identity = MatchField(field=mapping.identity or "")
        self.fields = (identity, *mapping.match)
        self._never = unmatchable(mapping.never_match)

    @property
    def beside(self) -> frozenset[str]:
        """Fields that narrow a comparison down."""
        return frozenset({CLIENT} if any(one.within for one in self.fields) else ())

    def keys_of_wish(self, desired: Desired) -> Keys:
        """What a wish is recognised by, level by level."""
        client = wished(desired, CLIENT)
        return [self._key(level, wished(desired, one.field), client) for level, one in enumerate(self.fields)]

    def keys_of_record(self, record: TargetRecord) -> Keys:
        """What a record of Halo is recognised by, level by level."""
        client = record.fields.get(CLIENT)
        return [
            self._key(level, record.fields.get(one.field), client) for level, one in enumerate(self.fields)
        ]

    def askable(self, desired: Desired) -> Desired:
        """The same wish without the values that recognise nothing, which half of Halo may hold."""
        useless = {
            one.field
            for one, key in zip(self.fields, self.keys_of_wish(desired), strict=True)
            if not key and one.field != desired.identity[0]
        }
        if not useless:
            return desired

        def useful(fields: Fields) -> Fields:
            return {name: value for name, value in fields.items() if name not in useless}

        return replace(
            desired,
            always=useful(desired.always),
            on_create=useful(desired.on_create),
            when_empty=useful(desired.when_empty),
        )

    def judge(self, contest: Contest, level: int) -> Matched | Ambiguous:
        """The verdict on what a wish finds at a level."""
        one = self.fields[level]
        value = as_text(wished(contest.desired, one.field))[:SHOWN]
        where = " at its client" if one.within else ""
        if contest.found > 1:
            reason = f"{contest.found} records in Halo have {one.field} '{value}'{where}"
            return Ambiguous(contest.candidates, reason)
        if contest.suitors > 1:
            reason = (
                f"several records of the source could be the one in Halo with {one.field} '{value}'{where}"
            )
            return Ambiguous(contest.candidates, reason)
        return Matched(contest.candidates[0], reason=f"same {one.field} ({value}){where}")

    def _key(self, level: int, value: Value, client: Value) -> str:
        if level == 0:
            return as_text(value).casefold()  # any id is an id: a tool may count from zero
        key = comparable(value, self._never)
        if not key or self.fields[level].within is None:
            return key
        return f"{as_text(client)}\0{key}" if not is_empty(client) else ""


def wished(desired: Desired, field: str) -> Value:
    """What is wished for in a field by which records are recognised."""
    if field == desired.identity[0]:
        return desired.identity[1]
    return {**desired.when_empty, **desired.on_create, **desired.always}.get(field)


def unmatchable(values: Collection[str]) -> frozenset[str]:
    """Values that recognise nothing, in the form in which values are compared."""
    return frozenset(value.strip().casefold() for value in values)


def comparable(value: Value, never: frozenset[str] = unmatchable(NEVER_MATCH)) -> str:
    """The form in which values are compared; empty when the value recognises nothing."""
    if is_empty(value):
        return ""
    text = as_text(value).casefold()
    return "" if text in never or not re.sub(r"[\s:.{}()-]", "", text).strip("0") else text
