"""Outcomes on their way to the centre: only those that are wanted, without secrets, bounded, many in one message."""

from collections.abc import Sequence
from typing import Final

from halo_shared.clock import Clock
from halo_shared.outcomes import FieldChange, History, Outcome
from halo_shared.redaction import HIDDEN, Redactor, announces_secret

TOGETHER: Final = 200
"""Outcomes in one message."""
BYTES: Final = 200_000
"""Characters in one message, roughly: a few records with long values are as much as many."""
EVERY: Final = 1.0
"""Seconds for which outcomes wait for others at most."""
LONGEST: Final = 300
"""Characters that are kept of a value."""
READ: Final = 20_000
"""Characters of a value in which secrets are looked for: what lies beyond is cut off in any case."""
FIELDS: Final = 100
KEYS: Final = 20
KEY_LONGEST: Final = 200


class Gathering:
    """The outcomes of one attempt that wait to be sent together."""

    def __init__(self, history: History, clock: Clock, redactor: Redactor) -> None:
        self._history = history
        self._clock = clock
        self._redactor = redactor
        self._waiting: list[Outcome] = []
        self._size = 0
        self._since = 0.0

    def add(self, outcome: Outcome) -> None:
        """Let it wait for others, if anybody wants it."""
        if not outcome.wanted_by(self._history):
            return
        if not self._waiting:
            self._since = self._clock.monotonic()
        kept = presentable(outcome, self._redactor)
        self._waiting.append(kept)
        self._size += _size(kept)

    @property
    def due(self) -> bool:
        """Whether those that wait should be sent now."""
        if not self._waiting:
            return False
        full = len(self._waiting) >= TOGETHER or self._size >= BYTES
        return full or self._clock.monotonic() - self._since >= EVERY

    def take(self) -> Sequence[Outcome]:
        """Those that wait, to be sent."""
        taken, self._waiting, self._size = self._waiting, [], 0
        return taken


def presentable(outcome: Outcome, redactor: Redactor) -> Outcome:
    """The outcome as it may leave the agent."""

    def text(value: str) -> str:
        return cut(redactor.scrub(value[:READ]), len(value))

    fields = [_field(one, redactor) for one in outcome.fields[:FIELDS]]
    if (more := len(outcome.fields) - FIELDS) > 0:
        fields.append(FieldChange(field=f"({more} more fields)"))
    keys = dict.fromkeys(redactor.scrub(key) for key in outcome.keys if len(key) <= KEY_LONGEST)
    hidden = {one.before for one in outcome.fields if announces_secret(one.field)}
    hidden |= {one.after for one in outcome.fields if announces_secret(one.field)}
    return outcome.model_copy(
        update={
            "source_id": text(outcome.source_id),
            "name": text(outcome.name),
            "reason": text(outcome.reason),
            "matched": text(outcome.matched),
            "placed": text(outcome.placed),
            "advice": text(outcome.advice),
            "fields": tuple(fields),
            "keys": tuple(key for key in keys if key not in hidden and HIDDEN not in key)[:KEYS],
        }
    )


def cut(text: str, length: int | None = None) -> str:
    """The text, or its beginning and how long it was."""
    whole = len(text) if length is None else max(length, len(text))
    return text if whole <= LONGEST else f"{text[:LONGEST]}… ({whole:,} characters)"


def _field(one: FieldChange, redactor: Redactor) -> FieldChange:
    if announces_secret(one.field):
        return FieldChange(
            field=one.field, before=HIDDEN if one.before else "", after=HIDDEN if one.after else ""
        )
    before, after = (cut(redactor.scrub(value[:READ]), len(value)) for value in (one.before, one.after))
    return FieldChange(field=cut(one.field), before=before, after=after)


def _size(outcome: Outcome) -> int:
    return 300 + len(outcome.reason) + sum(len(one.before) + len(one.after) + 60 for one in outcome.fields)
