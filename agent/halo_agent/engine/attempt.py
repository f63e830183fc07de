"""Everything that one attempt works with."""

from dataclasses import dataclass, field

from halo_agent.engine.ledger import Ledger
from halo_agent.engine.ports import Links, Permit, Reporter, Source, Target
from halo_shared.messages.commands import Assignment


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a run: what is asked for, the two sides, and where to say what happens."""

    assignment: Assignment
    source: Source
    target: Target
    links: Links
    reporter: Reporter
    permit: Permit
    ledger: Ledger = field(default_factory=Ledger)
