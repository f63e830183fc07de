"""Everything that one attempt works with."""

from dataclasses import dataclass, field

from halo_agent.engine.escrow import Escrow, NoEscrow
from halo_agent.engine.ledger import Ledger
from halo_agent.engine.places import Places
from halo_agent.engine.ports import Links, Permit, Reporter, Source, Target, Workspace
from halo_shared.entities import EntityKind
from halo_shared.errors import MappingInvalid
from halo_shared.mapping import EntityMapping
from halo_shared.messages.commands import Assignment


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a run: what is asked for, the two sides, and where to say what happens."""

    assignment: Assignment
    source: Source
    target: Target
    links: Links
    workspace: Workspace
    reporter: Reporter
    permit: Permit
    ledger: Ledger = field(default_factory=Ledger)
    escrow: Escrow = field(default_factory=NoEscrow)
    places: Places = field(init=False)
    recognised: dict[tuple[EntityKind, str], int] = field(default_factory=dict)
    """Halo's ids of clients and sites that this attempt has recognised and not linked yet, by the source's ids; so
    few that they need not wait on disk."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", Places(self.target, self.links, self.reporter))

    def mapping(self, kind: EntityKind) -> EntityMapping:
        """How this kind is written; raises MappingInvalid when nobody says."""
        found = self.assignment.integration.mapping.get(kind)
        if found is None or not found.complete:
            connector = self.assignment.integration.connector
            raise MappingInvalid(
                f"mapping: nothing is said about '{kind}', which is among the entities, and connector '{connector}' "
                f"announces no default for it: give mapping.{kind} its 'identity' and 'fields'."
            )
        return found
