"""What is wrong without that a run failed: seen by looking at how things stand. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Final

from halo_controller.hosting.times import Hosted
from halo_controller.incidents.freshness import overdue
from halo_controller.incidents.nouns import Cause, Condition, Sighting
from halo_controller.nouns import Agent, AgentState, Group, Integration, Run, Tenant
from halo_controller.scheduling import situation as scheduling
from halo_controller.scheduling.nouns import STEADY, Standing
from halo_shared import durations
from halo_shared.certificates import CertificateEnd
from halo_shared.errors import ErrorClass
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrators import Integrator
from halo_shared.messages.events import Direction, Level
from halo_shared.runs import RunStatus
from halo_shared.topology import BURIED_QUEUE

SILENT_FOR: Final = timedelta(minutes=2)
"""An agent that restarts is back before this."""
WARNED_BEFORE: Final = timedelta(days=30)
URGENT_BEFORE: Final = timedelta(days=7)
CERTIFICATE_WARNED_BEFORE: Final = timedelta(days=21)
"""Authorities that renew by themselves do so earlier: their certificates never come as far."""
CERTIFICATE_URGENT_BEFORE: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand at one moment."""

    now: datetime
    tenants: Sequence[Tenant] = ()
    integrations: Sequence[Integration] = ()
    agents: Sequence[Agent] = ()
    groups: Sequence[Group] = ()
    open_runs: Sequence[Run] = ()
    standings: Mapping[IntegrationRef, Standing] = field(default_factory=dict)
    hosted: Mapping[IntegrationRef, Hosted] = field(default_factory=dict)
    """When those run whose host decides it."""
    certificates: Sequence[CertificateEnd] = ()
    """Those that this controller has seen."""
    buried: int | None = None
    """None: the broker did not say."""

    @property
    def unknown(self) -> frozenset[Condition]:
        """What cannot be told at this moment: what was wrong may still be."""
        return frozenset({Condition.MESSAGE_BURIED} if self.buried is None else ())

    def tenant_of(self, agent: Agent) -> str | None:
        """The tenant whose integrations the agent's group works for; several make it the operators' alone."""
        served = {one.tenant for one in self.integrations if one.spec.group == agent.group}
        return served.pop() if len(served) == 1 else None

    def integrator(self, group: str | None) -> Integrator:
        """The kind that the agents of this group are."""
        return next((one.kind for one in self.groups if one.name == group), Integrator.LOCAL)


def seen(situation: Situation) -> Sequence[Sighting]:
    """Everything that is wrong now."""
    return [
        *_stale(situation),
        *_stopped(situation),
        *_held(situation),
        *_silent(situation),
        *_dropping(situation),
        *_buried(situation),
        *_expiring(situation),
        *_ending(situation),
    ]


def _stale(situation: Situation) -> Iterator[Sighting]:
    waiting = {run.ref: run.queued_at for run in situation.open_runs}
    owners = {tenant.spec.name: tenant for tenant in situation.tenants}
    for integration in situation.integrations:
        ref, last = integration.ref, integration.last_success
        if situation.standings.get(ref, STEADY).pause:
            continue  # somebody wanted it, or it is an incident of its own
        its = scheduling.Situation(
            integration, owners[ref.tenant], situation.now, hosted=situation.hosted.get(ref)
        )
        limit = overdue(its, last or waiting.get(ref) or integration.changed_at)
        if limit is None:
            continue
        when = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
        yield _of_integration(
            ref,
            integration.spec.group,
            Condition.NO_SUCCESS,
            Level.ERROR,
            f"No run of {ref} has succeeded {when}; it should within {durations.text(limit)}.",
            f"Look at its runs: halo-controller runs list --tenant {ref.tenant} --integration {ref.name}",
            situation,
        )


def _stopped(situation: Situation) -> Iterator[Sighting]:
    """What the scheduler stopped or slowed down by itself; a person's own pause is no incident."""
    groups = {one.ref: one.spec.group for one in situation.integrations if one.enabled}
    for ref, standing in situation.standings.items():
        if ref not in groups:
            continue
        if standing.pause and standing.pause.who is None:
            yield _of_integration(
                ref,
                groups[ref],
                Condition.INTEGRATION_PAUSED,
                Level.ERROR,
                f"{ref} runs by itself no more: {standing.pause.reason}",
                f"Change what it says, then: halo-controller integrations resume {ref}",
                situation,
            )
        elif standing.slow_step:
            yield _of_integration(
                ref,
                groups[ref],
                Condition.INTEGRATION_SLOWED,
                Level.ERROR,
                f"{ref} is tried less and less often, since {standing.failures} runs in a row failed: {standing.why}",
                f"It comes back by itself with the first run that goes well; try one now: halo-controller run now {ref}",
                situation,
            )


def _held(situation: Situation) -> Iterator[Sighting]:
    for run in situation.open_runs:
        if run.status is RunStatus.HELD:
            yield _of_integration(
                run.ref,
                run.group,
                Condition.RUN_HELD,
                Level.ERROR,
                f"Run {run.id} waits for an approval: {'; '.join(map(str, run.held_for))}.",
                f"Look at it and decide: halo-controller runs show {run.id}, then runs approve or runs reject",
                situation,
            ).model_copy(update={"run": run.id})


_UNHEARD: Final = (AgentState.SILENT, AgentState.STOPPED)


def _silent(situation: Situation) -> Iterator[Sighting]:
    for agent in situation.agents:
        if agent.seen_at is None or agent.state(situation.now) not in _UNHEARD:
            continue
        if situation.now - agent.seen_at > SILENT_FOR:
            yield _of_agent(
                agent,
                situation,
                Condition.AGENT_SILENT,
                f"Agent {agent.name} of group {agent.group} has not been heard since {agent.seen_at:%Y-%m-%d %H:%M} UTC.",
                "Check that its machine runs and reaches the broker, and start it: halo-agent run",
            )


def _dropping(situation: Situation) -> Iterator[Sighting]:
    for agent in situation.agents:
        if agent.dropped:
            yield _of_agent(
                agent,
                situation,
                Condition.EVENTS_DROPPED,
                f"Agent {agent.name} could not keep all events while the broker was away or its disk was full: "
                f"{agent.dropped:,} are lost.",
                "Runs are told by their end, so only their logs have gaps; give the agent a larger spool or disk, and "
                "look why the broker was away. It is over when the agent is restarted.",
            )


def _buried(situation: Situation) -> Iterator[Sighting]:
    if situation.buried:
        were = "message was" if situation.buried == 1 else "messages were"
        yield _of_installation(
            Condition.MESSAGE_BURIED,
            ErrorClass.PROTOCOL,
            BURIED_QUEUE.name,
            f"{situation.buried:,} {were} not understood and lie in the queue '{BURIED_QUEUE.name}'.",
            "Read the header x-why of each in the broker's pages, upgrade the older program, and empty the queue.",
            situation.now,
        )


def _expiring(situation: Situation) -> Iterator[Sighting]:
    for tenant in situation.tenants:
        spec = tenant.spec
        if spec.secret_expires is None:
            continue
        left = datetime.combine(spec.secret_expires, time(), UTC) - situation.now
        if left <= WARNED_BEFORE:
            yield Sighting(
                cause=Cause(
                    tenant=spec.name,
                    error_class=ErrorClass.CONFIGURATION,
                    code=Condition.EXPIRES_SOON,
                    place=spec.halo.client_id,
                ),
                level=Level.ERROR if left <= URGENT_BEFORE else Level.WARNING,
                message=f"The secret of Halo's application {spec.halo.client_id} ends on {spec.secret_expires}.",
                advice=f"Generate a new one in Halo, put it where {spec.halo.client_secret} lies on the agents, "
                "and write its date into the tenant's file.",
                at=situation.now,
            )


def _ending(situation: Situation) -> Iterator[Sighting]:
    """Certificates that this controller or agents have seen; where several saw one, its first end counts."""
    seen_by: list[tuple[CertificateEnd, Agent | None]] = [(one, None) for one in situation.certificates]
    seen_by += [(one, agent) for agent in situation.agents for one in agent.certificates]
    told: set[tuple[str, str]] = set()
    for one, agent in sorted(seen_by, key=lambda seen: seen[0].ends):
        left = one.ends - situation.now
        if left > CERTIFICATE_WARNED_BEFORE or (one.of, one.address) in told:
            continue
        told.add((one.of, one.address))
        who = f"agent {agent.name}" if agent else "the controller"
        yield Sighting(
            cause=Cause(
                tenant=situation.tenant_of(agent) if agent else None,
                error_class=ErrorClass.CONFIGURATION,
                code=Condition.CERTIFICATE_ENDS,
                place=f"{one.of} at {one.address}",
            ),
            level=Level.ERROR if left <= CERTIFICATE_URGENT_BEFORE else Level.WARNING,
            integrator=situation.integrator(agent.group) if agent else None,
            message=f"The certificate of {one.of} at {one.address} ends on {one.ends:%Y-%m-%d}.",
            advice=f"Renew it there. It is over once {who} has seen the next one, when it connects again.",
            at=situation.now,
            agent=agent.name if agent else None,
        )


def _of_integration(
    ref: IntegrationRef,
    group: str | None,
    condition: Condition,
    level: Level,
    message: str,
    advice: str,
    situation: Situation,
) -> Sighting:
    return Sighting(
        cause=Cause(tenant=ref.tenant, integration=ref.name, error_class=ErrorClass.RUN, code=condition),
        level=level,
        direction=Direction.INCOMING,
        integrator=situation.integrator(group),
        message=message,
        advice=advice,
        at=situation.now,
    )


def _of_agent(
    agent: Agent, situation: Situation, condition: Condition, message: str, advice: str
) -> Sighting:
    return Sighting(
        cause=Cause(
            tenant=situation.tenant_of(agent),
            error_class=ErrorClass.TRANSIENT,
            code=condition,
            place=agent.name,
        ),
        level=Level.ERROR,
        integrator=situation.integrator(agent.group),
        message=message,
        advice=advice,
        at=situation.now,
        agent=agent.name,
    )


def _of_installation(
    condition: Condition, error_class: ErrorClass, place: str, message: str, advice: str, now: datetime
) -> Sighting:
    return Sighting(
        cause=Cause(tenant=None, error_class=error_class, code=condition, place=place),
        level=Level.ERROR,
        message=message,
        advice=advice,
        at=now,
    )
