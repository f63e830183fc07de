"""`halo-controller topology` and `health`: whether all is well between controller, broker and agents."""

from collections.abc import Iterator, Sequence

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from halo_controller.api.models import AgentCount, Health, HealthStatus, QueueView, TopologyView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption


@connected
async def topology(client: Client, as_json: JsonOption = False) -> None:
    """Show every exchange and queue on the broker, what they carry and what waits in them."""
    found = await client.get("/topology", TopologyView)
    output.show(found, lambda view: Group(*_report(view)), as_json=as_json)


@connected
async def health(client: Client, as_json: JsonOption = False) -> None:
    """Show whether the controller, its broker and its agents work; the exit code is 1 when it can't work."""
    found = await client.get("/health", Health)
    output.show(found, lambda health: Group(*_facts(health)), as_json=as_json)
    if found.status is HealthStatus.DOWN:
        raise typer.Exit(1)


def _report(view: TopologyView) -> Iterator[RenderableType]:
    exchanges = ([one.name, one.kind, one.carries] for one in view.exchanges)
    yield output.table("exchange", "kind", "carries", rows=exchanges, wraps=["carries"])
    yield Text()
    yield _queues(view.queues)
    yield from _alarms(view.alarms)


def _queues(queues: Sequence[QueueView]) -> Table:
    columns = ("queue", "kind", "bound to", "carries", "depth")
    return output.table(*columns, rows=map(_row, queues), numbers=["depth"], wraps=["bound to", "carries"])


def _row(queue: QueueView) -> list[str | Text]:
    bound = "\n".join(f"{binding.exchange} {binding.key}".strip() for binding in queue.bindings)
    return [queue.name, queue.kind.value, bound, queue.carries, _depth(queue)]


def _depth(queue: QueueView) -> Text:
    if queue.depth is None:
        return Text("-", style="yellow")
    alarming = queue.name == "buried" and queue.depth > 0
    return Text(f"{queue.depth:,}", style="bold red" if alarming else "")


def _facts(health: Health) -> Iterator[RenderableType]:
    agents = health.agents
    yield output.facts(
        [
            ("controller", output.word(health.status)),
            ("broker", _answers(health.broker)),
            ("database", _answers(health.database)),
            *([("leads", health.leader)] if health.leader else []),
            ("outbox", f"{health.outbox:,} waiting for the broker"),
            ("buried", "-" if health.buried is None else f"{health.buried:,}"),
            ("agents", ", ".join(_counts(agents)) or "none"),
        ]
    )
    yield from _alarms(health.alarms)


def _answers(answers: bool) -> Text:
    return output.word("ok" if answers else "down")


def _alarms(alarms: tuple[str, ...]) -> Iterator[RenderableType]:
    for alarm in alarms:
        yield Text(f"\n{alarm}", style="bold yellow")


def _counts(agents: AgentCount) -> Iterator[str]:
    """How many agents are in each state; those that no healthy centre has only where there are some."""
    for state, count in agents.model_dump().items():
        if count or state in ("online", "silent", "expected"):
            yield f"{count} {state}"
