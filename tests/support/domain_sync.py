"""A private domain kept in step with a sandbox Halo by the real engine: run after run, with what is remembered between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from halo_agent.connectors import CheckedSource
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.sync import Outcome, sync
from halo_agent.store.links import LinkStore, open_links
from halo_agent.store.workspace import open_workspace
from halo_agent.targets.halo import HaloTarget
from halo_sandbox.server import running
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_shared.entities import EntityKind
from halo_shared.mapping import EntityMapping
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Counts, Cursors, Mode
from tests.support.active_directory import opened_source, settings_of
from tests.support.builders import REF, integration_spec, tenant_spec
from tests.support.engine import FREE, Heard, Pass
from tests.unit.agent.targets.support import Levers, halo, levers

USERS: Final = EntityKind.USERS
PEOPLE: Final = EntityMapping.model_validate(
    {
        "identity": "azureoid",
        "match": ["emailaddress", "login"],
        "place": {"client": "Acme"},
        "fields": {
            "name": "displayName",
            "emailaddress": {"from": "mail", "blank": "clear"},
            "login": "userPrincipalName",
            "phonenumber": {"from": "telephoneNumber", "blank": "clear"},
        },
    }
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run went."""

    outcome: Outcome
    counts: Counts
    heard: Heard

    @property
    def remarks(self) -> str:
        """All that was said, in one text to look into."""
        return "\n".join(self.heard.remarks)

    @property
    def written(self) -> tuple[int, int, int]:
        """Users created, updated and retired."""
        tally = self.counts[USERS]
        return tally.created, tally.updated, tally.retired


@dataclass(slots=True)
class InStep:
    """One domain, one Halo, and the links and cursors that are kept between runs."""

    domain: PrivateDomain
    hands: Levers
    target: HaloTarget
    links: LinkStore
    mapping: EntityMapping = PEOPLE
    settings: dict[str, Any] = field(default_factory=dict)
    cursors: Cursors = field(default_factory=dict)
    fence: int = 0

    async def run(self, mode: Mode = Mode.DELTA, **changes: Any) -> Ran:
        """The next run, which remembers its cursor when it succeeds; `changes` are settings of this one alone."""
        given = settings_of(self.domain, **(self.settings | changes))
        async with opened_source(self.domain, given) as source:
            return await self.run_from(source, mode)

    async def run_from(self, source: CheckedSource, mode: Mode = Mode.DELTA) -> Ran:
        """The same from a source that a test opened."""
        self.fence += 1
        heard = Heard()
        integration = integration_spec().model_copy(
            update={"mapping": {USERS: self.mapping}, "entities": (USERS,), "limits": FREE}
        )
        assigned = Assignment(
            tenant=REF.tenant,
            halo=tenant_spec().halo,
            integration=integration,
            mode=mode,
            cursors=self.cursors,
        )
        links = self.links.of(REF, self.fence)
        async with open_workspace() as workspace:
            attempt = Attempt(assigned, source, self.target, links, workspace, heard, Pass())
            outcome = await sync(attempt)
        self.cursors = outcome.cursors or self.cursors
        return Ran(outcome, attempt.ledger.counts, heard)

    async def held(self, *, active: bool = True) -> dict[str, dict[str, Any]]:
        """The users that Halo holds of this domain, by login."""
        rows = await self.hands.held("users")
        return {
            str(row["login"]): row
            for row in rows
            if row.get("azureoid") and bool(row.get("inactive")) is not active
        }


@asynccontextmanager
async def in_step(domain: PrivateDomain, folder: Path, **settings: Any) -> AsyncIterator[InStep]:
    """A domain and an empty Halo, ready for the first run."""
    async with (
        running() as sandbox,
        levers(sandbox) as hands,
        halo(sandbox) as target,
        open_links(folder / "links.db") as links,
    ):
        yield InStep(domain, hands, target, links, settings=settings)
