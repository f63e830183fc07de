"""`halo-controller agents`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from halo_controller.api.models import AgentDetail, AgentView
from halo_controller.cli import output
from halo_controller.cli.client import Client
from halo_controller.cli.connection import connected
from halo_controller.cli.output import JsonOption
from halo_controller.nouns import NOT_REGISTERED, AgentState, Stranger

app = typer.Typer(help="Agents: the programs on customers' networks.", no_args_is_help=True)


@app.command(epilog="Example: halo-controller agents add london-1 --group acme-london")
@connected
async def add(
    client: Client, name: str, group: Annotated[str, typer.Option(help="The group it works in.")]
) -> None:
    """Register an agent, so that it may start."""
    agent = await client.post("/agents", AgentView, {"name": name, "group": group})
    output.say(
        f"Agent '{agent.name}' registered in group '{agent.group}'; it waits to be heard for the first time."
    )
    output.say_note(agent.note)


@app.command("list", epilog="Example: halo-controller agents list --group acme-london")
@connected
async def every(
    client: Client,
    group: Annotated[str | None, typer.Option(help="Only this group's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List agents, and whether they can be heard."""
    agents = await client.get("/agents", list[AgentView], group=group)
    output.show(agents, _table, as_json=as_json)
    if not as_json:
        for stranger in await client.get("/strangers", list[Stranger]):
            output.say_note(_strange(stranger))


@app.command(epilog="Example: halo-controller agents show london-1")
@connected
async def show(client: Client, name: str, as_json: JsonOption = False) -> None:
    """Show one agent: its connectors, and what it does now."""
    output.show(await client.get(f"/agents/{name}", AgentDetail), _facts, as_json=as_json)


@app.command(epilog="Example: halo-controller agents remove london-1")
@connected
async def remove(client: Client, name: str) -> None:
    """Remove an agent that has no open run."""
    await client.delete(f"/agents/{name}")
    output.say(f"Agent '{name}' removed.")


@app.command(epilog="Example: halo-controller agents drain london-1")
@connected
async def drain(client: Client, name: str) -> None:
    """Let an agent finish what it has and take nothing new, for maintenance; its group goes on without it."""
    agent = await client.post(f"/agents/{name}/drain", AgentView)
    output.say(
        f"Agent '{agent.name}' is drained: it finishes what it has. Undo with: agents resume {agent.name}"
    )
    output.say_note(agent.note)


@app.command(epilog="Example: halo-controller agents resume london-1")
@connected
async def resume(client: Client, name: str) -> None:
    """Let a drained agent take jobs again."""
    agent = await client.post(f"/agents/{name}/resume", AgentView)
    output.say(f"Agent '{agent.name}' takes jobs again.")


def _strange(stranger: Stranger) -> str:
    return (
        f"'{stranger.name}' was heard {output.ago(stranger.heard_at)} and is no agent of ours: {stranger.why} "
        f"Register it, if it is to be one, with: halo-controller agents add {stranger.name} --group GROUP"
        if stranger.why == NOT_REGISTERED
        else f"'{stranger.name}' was heard {output.ago(stranger.heard_at)} and cannot work here: {stranger.why}"
    )


def _table(agents: Sequence[AgentView]) -> Table:
    columns = ("agent", "group", "state", "heard", "version", "free", "connectors")
    return output.table(*columns, rows=map(_row, agents), numbers=["free"], wraps=["group", "connectors"])


def _row(agent: AgentView) -> list[str | Text]:
    return [
        agent.name,
        agent.group,
        output.word(agent.state),
        output.ago(agent.seen_at),
        agent.version or "-",
        f"{agent.free_slots}/{agent.slots}" if agent.seen_at else "-",
        _connectors(agent),
    ]


def _state(agent: AgentView) -> Text:
    word = output.word(agent.state)
    if agent.state is AgentState.STALLED:
        word.append(f": its loop has not moved for {agent.stalled:.0f} s")
    return word


def _facts(agent: AgentView) -> Table:
    return output.facts(
        [
            ("agent", agent.name),
            ("group", agent.group),
            ("state", _state(agent)),
            ("last heard", output.stamp(agent.seen_at)),
            ("version", agent.version or "-"),
            ("slots", f"{agent.free_slots} of {agent.slots} free"),
            ("protocol", str(agent.protocol) if agent.protocol else "-"),
            ("waiting events", f"{agent.spooled:,}"),
            ("events given up", f"{agent.dropped:,} since it started"),
            ("connectors", _connectors(agent)),
            ("doing", "\n".join(agent.doing) or "-"),
            ("registered", output.stamp(agent.created_at)),
        ]
    )


def _connectors(agent: AgentView) -> str:
    return ", ".join(agent.connectors) or "-"
