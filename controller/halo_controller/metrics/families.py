"""From how things stand to metrics. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from prometheus_client.core import GaugeMetricFamily

from halo_controller.incidents.nouns import Incident
from halo_controller.nouns import Agent, Integration, Run
from halo_shared.identifiers import IntegrationRef
from halo_shared.runs import Tally

LabelsT = TypeVar("LabelsT", bound=tuple[str, ...])

OF_INTEGRATION: Final = ("tenant", "integration")


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand at the moment of the scrape."""

    now: datetime
    version: str
    open_runs: Sequence[Run] = ()
    latest_runs: Mapping[IntegrationRef, Run] = field(default_factory=dict)
    integrations: Sequence[Integration] = ()
    agents: Sequence[Agent] = ()
    incidents: Sequence[Incident] = ()
    notifications: Mapping[str, int] = field(default_factory=dict)
    outbox: int = 0
    queues: Mapping[str, int | None] = field(default_factory=dict)
    """Empty when the broker is away."""
    broker: bool = False


def families(situation: Situation) -> Iterator[GaugeMetricFamily]:
    """Every metric that the controller has."""
    yield _one("halo_info", "The version of the controller.", {(situation.version,): 1}, ("version",))
    yield _one("halo_broker_up", "Whether the broker answers.", {(): int(situation.broker)})
    yield from _of_runs(situation)
    yield from _of_agents(situation)
    yield _one("halo_outbox_messages", "Messages that wait for the broker.", {(): situation.outbox})
    depths = {(name,): depth for name, depth in situation.queues.items() if depth is not None}
    yield _one("halo_queue_messages", "Messages that wait in a queue.", depths, ("queue",))
    open_incidents = Counter((one.cause.tenant or "", one.level.value) for one in situation.incidents)
    yield _one("halo_incidents_open", "Incidents that are not over.", open_incidents, ("tenant", "level"))
    states = {(state,): number for state, number in situation.notifications.items()}
    yield _one("halo_notifications", "Messages to people that are kept, by state.", states, ("state",))


def _of_runs(situation: Situation) -> Iterator[GaugeMetricFamily]:
    now = situation.now
    running = Counter((run.tenant, run.status.value) for run in situation.open_runs)
    yield _one("halo_runs_open", "Runs that have not ended.", running, ("tenant", "status"))
    leases = {
        run.ref: (run.lease_until - now).total_seconds() for run in situation.open_runs if run.lease_until
    }
    yield _one("halo_lease_seconds", "Until the lease of a running run ends.", leases, OF_INTEGRATION)
    ages = {
        one.ref: (now - one.last_success).total_seconds()
        for one in situation.integrations
        if one.last_success
    }
    yield _one("halo_last_success_age_seconds", "Since a run last went through.", ages, OF_INTEGRATION)
    took = {
        ref: (run.ended_at - run.started_at).total_seconds()
        for ref, run in situation.latest_runs.items()
        if run.ended_at and run.started_at
    }
    yield _one("halo_last_run_seconds", "How long the latest run took.", took, OF_INTEGRATION)
    requests = {ref: run.requests for ref, run in situation.latest_runs.items()}
    yield _one("halo_last_run_requests", "Requests to Halo of the latest run.", requests, OF_INTEGRATION)
    records = {
        (*ref, outcome): number
        for ref, run in situation.latest_runs.items()
        for outcome, number in sum(run.counts.values(), Tally()).model_dump().items()
    }
    help_text = "Records of the latest run, by what became of them."
    yield _one("halo_last_run_records", help_text, records, (*OF_INTEGRATION, "outcome"))


def _of_agents(situation: Situation) -> Iterator[GaugeMetricFamily]:
    heard = {
        (one.name, one.group): (situation.now - one.seen_at).total_seconds()
        for one in situation.agents
        if one.seen_at
    }
    yield _one("halo_heartbeat_age_seconds", "Since an agent was last heard.", heard, ("agent", "group"))
    spooled = {(one.name, one.group): one.spooled for one in situation.agents}
    yield _one("halo_agent_spooled_events", "Events that wait on an agent.", spooled, ("agent", "group"))
    dropped = {(one.name, one.group): one.dropped for one in situation.agents}
    yield _one("halo_agent_dropped_events", "Events an agent could not keep.", dropped, ("agent", "group"))
    free = {(one.name, one.group): one.free_slots for one in situation.agents}
    yield _one("halo_agent_free_slots", "Runs that an agent could take on.", free, ("agent", "group"))


def _one(
    name: str,
    what: str,
    samples: Mapping[LabelsT, float],
    labels: Sequence[str] = (),
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=labels)
    for values, number in samples.items():
        family.add_metric(list(values), number)
    return family
