"""What agents ask about: read at once, changed while one request after the other is answered, and written at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.nouns import Agent, Integration, Run, Tenant
from halo_controller.store import agents, integrations, runs, tenants
from halo_shared.identifiers import IntegrationRef
from halo_shared.messages.requests import Goodbye, HaloChecked, Heartbeat, Hello, LeaseRequest
from halo_shared.runs import RunStatus

FromAgent = Hello | Heartbeat | LeaseRequest | Goodbye | HaloChecked


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the answers to some requests depend on; until the transaction ends, nobody else changes it."""

    now: datetime
    agents: dict[str, Agent]
    """Those who ask."""
    runs: dict[str, Run]
    """Those that are asked about, and all that the centre thinks these agents work on."""
    integrations: Mapping[IntegrationRef, Integration]
    """Those that a lease is asked for."""
    previous: Mapping[str, int]
    """The fence of the attempt before, for each run that a lease is asked for."""
    tenants: Mapping[str, Tenant]
    members: Mapping[str, int]
    """How many agents each group has."""
    running: Counter[str]
    """How many runs of each tenant are worked on."""
    begun: dict[str, Run] = field(default_factory=dict)
    """The runs whose lease was granted here."""

    @classmethod
    async def laid(cls, db: AsyncConnection, asked: Sequence[FromAgent], now: datetime) -> Self:
        """What these requests are about; its rows are held in the order of `store.holding`."""
        leases = [one for one in asked if isinstance(one, LeaseRequest)]
        alive = [one for one in asked if isinstance(one, Hello | Heartbeat)]
        known = await agents.these(db, {one.agent for one in asked})
        held = {lease.run for one in alive for lease in one.held}
        thought = await runs.running_on(db, {one.agent for one in alive}) if alive else []
        wanted = {one.run for one in leases} | held | {run for run, _ in thought}
        found = await runs.these(db, wanted) if wanted else {}
        asked_for = [found[run] for run in {one.run for one in leases} if run in found]
        about = await integrations.these(db, {run.ref for run in asked_for}) if asked_for else {}
        whose = {run.tenant for run in found.values()}
        return cls(
            now=now,
            agents=known,
            runs=found,
            integrations=about,
            previous={run.id: await _previous(db, run, about[run.ref]) for run in asked_for},
            tenants=await tenants.these(db, whose) if whose else {},
            members=await agents.count(db, {agent.group for agent in known.values()}) if whose else {},
            running=Counter(await runs.count_running(db, whose)) if whose else Counter(),
        )

    def thought_on(self, agent: str) -> Sequence[Run]:
        """The runs that the centre thinks an agent works on."""
        return [run for run in self.runs.values() if run.status is RunStatus.RUNNING and run.agent == agent]

    def begin(self, run: Run) -> None:
        """The lease of this run is granted to its agent."""
        self.runs[run.id] = self.begun[run.id] = run
        self.running[run.tenant] += 1


async def _previous(db: AsyncConnection, run: Run, integration: Integration) -> int:
    """The fence of the attempt before; who asks again for a lease that it has already, has made the newest one itself."""
    if run.fence and run.fence == integration.last_fence:
        return await runs.previous_fence(db, run)
    return integration.last_fence
