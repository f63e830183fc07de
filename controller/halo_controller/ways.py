"""Where the job of a run goes: to its group, first to the agent that has its links, or nowhere until its turn comes."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller import leasing
from halo_controller.errors import Conflict
from halo_controller.hosting.turns import in_line
from halo_controller.nouns import Agent, Integration, Run
from halo_controller.store import agents, hostings, runs
from halo_controller.store.outbox import Posting
from halo_shared import telemetry
from halo_shared.identifiers import GroupId
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.messages.base import OLDEST_VERSION
from halo_shared.messages.codec import seal
from halo_shared.messages.commands import Offer
from halo_shared.messages.jobs import SyncJob
from halo_shared.topology import to_agent, to_group


@dataclass(frozen=True, slots=True)
class Way:
    """The way of one job."""

    group: GroupId
    wait: str = ""
    """Why it cannot be sent yet."""
    first: Agent | None = None
    """The agent that is asked before the group."""

    @property
    def words(self) -> str:
        """To be said behind the reason for the run."""
        if self.first:
            return f" Agent {self.first.name} made the attempt before and is asked first."
        return self.wait

    def taken_by(self, run: Run) -> Run:
        """The run once it is on this way."""
        placed = {
            "group": self.group,
            "waits_for_turn": bool(self.wait),
            "offered_to": self.first.name if self.first else None,
        }
        return run.model_copy(update=placed)

    def job(self, run: Run, integration: Integration) -> Posting:
        """What starts an attempt at the run, in the trace that is under way."""
        message: Offer | SyncJob
        if self.first:
            message, to, version = Offer(run=run.id), to_agent(self.first.name), self.first.protocol
        else:
            message = SyncJob(
                run=run.id,
                tenant=run.tenant,
                integration=run.integration,
                connector=integration.spec.connector,
                queued_at=run.queued_at,
            )
            # Any agent of the group may take it, so it speaks as the oldest of them.
            to, version = to_group(self.group), OLDEST_VERSION
        trace = telemetry.traceparent()
        sealed = seal(message, message_id=f"{run.id}.{run.attempt}", version=version, traceparent=trace)
        return Posting(sealed, to, run.id)


@dataclass(frozen=True, slots=True)
class Ways:
    """What they depend on; a way that was found counts for those that are found after it."""

    last: dict[str, tuple[Agent, int]]
    """The agents that made the latest attempts, and how much each has in hand."""
    in_line: Counter[str]
    """The hosted runs of each tenant that are in line or at work."""
    share: int
    """How many of those one tenant may have."""

    @classmethod
    async def known(cls, db: AsyncConnection, integrations: Collection[Integration]) -> Self:
        """Those for the jobs of these."""
        names = {one.last_agent for one in integrations if one.last_agent}
        hosted = {one.tenant for one in integrations if one.spec.group == HOSTED_GROUP}
        ahead = await runs.open_hosted(db, hosted) if hosted else ()
        return cls(
            last=await agents.with_work(db, names) if names else {},
            in_line=Counter(run.tenant for run in ahead if in_line(run)),
            share=(await hostings.classes(db)).runs_at_once if hosted else 0,
        )

    def of(
        self, integration: Integration, now: datetime, *, in_turn: bool = False, at_once: bool = False
    ) -> Way:
        """The way of a job; raises Conflict where it has none. It counts, also where an open run is met later.

        `in_turn` says that its turn has come, `at_once` that nobody is asked before its group.
        """
        group = _ready_group(integration)
        tenant = integration.tenant
        if group == HOSTED_GROUP and not in_turn:
            if self.in_line[tenant] >= self.share:
                wait = f" It waits for its turn: {tenant} has {self.in_line[tenant]} runs in line or at work, which is its share."
                return Way(group, wait)
            self.in_line[tenant] += 1
        return Way(group, first=None if at_once else self._first_choice(integration, now))

    def _first_choice(self, integration: Integration, now: datetime) -> Agent | None:
        name = integration.last_agent
        if name is None or name not in self.last:
            return None
        agent, busy = self.last[name]
        if not leasing.is_first_choice(agent, integration, busy, now):
            return None
        self.last[name] = agent, busy + 1
        return agent


def _ready_group(integration: Integration) -> GroupId:
    ref = integration.ref
    if not integration.enabled:
        raise Conflict(f"'{ref}' is disabled; enable it with: halo-controller integrations enable {ref}")
    if integration.spec.group is None:
        raise Conflict(
            f"'{ref}' is assigned to no group of agents; assign it with: "
            f"halo-controller integrations assign {ref} --group GROUP"
        )
    return integration.spec.group
