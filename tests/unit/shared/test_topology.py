"""Names, keys and kinds that are promises to whoever binds a queue."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from halo_shared import topology
from halo_shared.messages.events import Level, Logged, Origin
from halo_shared.topology import Address, ExchangeKind, Queue, QueueKind


def test_the_exchanges() -> None:
    assert {exchange.name: exchange.kind for exchange in topology.EXCHANGES} == {
        "jobs": ExchangeKind.DIRECT,
        "agent": ExchangeKind.DIRECT,
        "requests": ExchangeKind.DIRECT,
        "events": ExchangeKind.TOPIC,
        "buried": ExchangeKind.FANOUT,
    }


@pytest.mark.parametrize(
    ("queue", "name", "kind", "bound", "expires", "longest"),
    [
        (topology.REQUESTS_QUEUE, "requests", QueueKind.CLASSIC, "requests/requests", 30, None),
        (topology.EVENTS_QUEUE, "events", QueueKind.QUORUM, "events/#", None, None),
        (topology.BURIED_QUEUE, "buried", QueueKind.QUORUM, "buried/", None, None),
        (topology.jobs_queue("acme-lan"), "jobs.acme-lan", QueueKind.CLASSIC, "jobs/acme-lan", 300, None),
        (topology.agent_queue("agent-7"), "agent.agent-7", QueueKind.CLASSIC, "agent/agent-7", 30, None),
    ],
    ids=lambda value: value.name if isinstance(value, Queue) else "",
)
def test_each_queue(
    queue: Queue, name: str, kind: QueueKind, bound: str, expires: int | None, longest: int | None
) -> None:
    assert (queue.name, queue.kind, queue.longest) == (name, kind, longest)
    assert [f"{binding.exchange}/{binding.key}" for binding in queue.bindings] == [bound]
    assert queue.expires == (timedelta(seconds=expires) if expires else None)


@pytest.mark.parametrize(
    "queue",
    [*topology.FIXED_QUEUES, topology.jobs_queue("g"), topology.agent_queue("a")],
    ids=lambda q: q.name,
)
def test_each_queue_is_bound_to_an_exchange_that_there_is(queue: Queue) -> None:
    assert {binding.exchange for binding in queue.bindings} <= {each.name for each in topology.EXCHANGES}


def test_what_is_sent_is_what_is_bound() -> None:
    assert topology.jobs_queue("acme-lan").bindings == (topology.to_group("acme-lan"),)
    assert topology.agent_queue("agent-7").bindings == (topology.to_agent("agent-7"),)
    assert topology.REQUESTS_QUEUE.bindings == (topology.TO_CONTROLLER,)


def test_the_routing_key_of_an_event() -> None:
    event = Logged(
        id=UUID(int=1),
        at=datetime(2026, 1, 2, tzinfo=UTC),
        origin=Origin(tenant="acme", integration="people", run="3f2a1b0c9d8e"),
        seq=1,
        level=Level.WARNING,
        text="Two people share an address.",
    )

    assert topology.to_monitors(event) == Address("events", "acme.people.log.warning")


def test_a_monitor_hears_everything_unless_it_chooses() -> None:
    queue = topology.monitor_queue("watch-1")

    assert (queue.name, queue.kind, queue.longest) == ("watch-1", QueueKind.OWN, 100_000)
    assert [binding.key for binding in queue.bindings] == [
        "*.*.*.debug",
        "*.*.*.info",
        "*.*.*.warning",
        "*.*.*.error",
    ]


def test_a_monitor_that_chooses() -> None:
    queue = topology.monitor_queue(
        "watch-1", tenant="acme", integration="people", kind="finished", level=Level.WARNING
    )

    assert [binding.key for binding in queue.bindings] == [
        "acme.people.finished.warning",
        "acme.people.finished.error",
    ]


def test_levels_grow_louder() -> None:
    assert [len(level.and_louder) for level in (Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR)] == [
        4,
        3,
        2,
        1,
    ]
