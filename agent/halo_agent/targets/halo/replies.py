"""Which record of an array each row of the answer is about: by identity or id, never by position alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from halo_agent.engine.changes import Answer, Applied
from halo_agent.targets.halo import wire
from halo_agent.targets.halo.bodies import refused_row
from halo_agent.targets.halo.drafts import Draft
from halo_shared.errors import RecordRefused


@dataclass(frozen=True, slots=True)
class Sorted:
    """What an answer says of the records that were sent."""

    answered: Sequence[tuple[Draft, Answer]]
    left: Sequence[Draft]
    """Those of which it says nothing."""
    rows: Mapping[int, wire.Row]
    """The row of each record that was stored."""
    why: str = ""
    """Why some are left."""
    over: bool = True
    """Whether Halo has ended its work on those that are left."""

    def less(self, drafts: Sequence[Draft], why: str) -> "Sorted":
        """The same, without what is not believed of these."""
        if not drafts:
            return self
        kept = [(draft, answer) for draft, answer in self.answered if draft not in drafts]
        return replace(self, answered=kept, left=[*self.left, *drafts], why=why)


def sort_replies(drafts: Sequence[Draft], body: object, label: str) -> Sorted:
    """Gives each row to the record that it is certainly about."""
    rows = wire.replies(body)
    answered: list[tuple[Draft, Answer]] = []
    stored: dict[int, wire.Row] = {}
    left = []
    for place, draft in enumerate(drafts):
        mine = [row for row in rows if draft.is_shown_by(row, label)]
        if len(mine) == 1 and (halo_id := wire.written_id(mine[0])):
            answered.append((draft, Applied(halo_id)))
            stored[halo_id] = mine[0]
        elif len(rows) == len(drafts) and (refused := refused_row(rows[place])):
            answered.append((draft, RecordRefused(f"Halo refused it among {len(drafts)}: {refused}")))
        else:
            left.append(draft)
    return Sorted(answered, left, stored, f"{len(rows)} rows for {len(drafts)} records")
