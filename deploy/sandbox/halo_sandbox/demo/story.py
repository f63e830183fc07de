"""What the demo shows, chapter by chapter; each ends with a promise that is checked."""

import asyncio
from collections.abc import Mapping

from halo_sandbox.demo import files
from halo_sandbox.demo.people import CHANGED
from halo_sandbox.demo.world import Json, World


async def tell(world: World) -> None:
    """The whole story; raises BrokenPromise with what was seen instead."""
    await set_up(world)
    await first_runs(world)
    await nothing_to_do(world)
    await three_changes(world)
    await broken_on_purpose(world)
    await mended(world)


async def set_up(world: World) -> None:
    """A tenant, a group with one agent, three integrations assigned to it from the centre."""
    world.chapter("1", "A customer installs one agent. Integrations are assigned to it from the centre.")
    await world.show("tenants", "add", str(world.files["tenant"]))
    await world.show("groups", "add", files.GROUP, "--title", "Head office")
    await world.show("agents", "add", files.AGENT, "--group", files.GROUP)
    await world.start_agent()
    for name in ("people", "machines", "branch-people"):
        await world.quietly("integrations", "create", files.TENANT, str(world.files[name]))
    for ref in (files.PEOPLE, files.MACHINES, files.BROKEN):
        await world.show("integrations", "assign", ref, "--group", files.GROUP)
    await world.quietly("integrations", "enable", files.PEOPLE)
    await world.quietly("integrations", "enable", files.MACHINES)
    await world.show("integrations", "list")
    await world.show("agents", "list")


async def first_runs(world: World) -> None:
    """People are run by hand and watched; machines run by their schedule."""
    world.chapter("2", "The first run: everything is new. Machines run by themselves, people because we ask.")
    run = await world.run_and_watch(files.PEOPLE)
    people = run["counts"]["users"]
    held = await world.held("users")
    active = [user for user in held if not user["inactive"]]
    world.expect(
        people["created"] > 0 and people["failed"] == 0,
        f"{people['created']} people created; disabled accounts that Halo never knew are left alone",
    )
    world.expect(len(active) == people["created"], f"Halo holds {len(active)} active people, each once")
    machines = await world.until_ended(files.MACHINES)
    assets = await world.held("assets")
    world.expect(
        machines["status"] == "succeeded" and len(assets) == machines["counts"]["assets"]["created"],
        f"Halo holds {len(assets)} machines; their run started by itself",
    )
    await world.show("runs", "list")


async def nothing_to_do(world: World) -> None:
    """A second run of an unchanged source."""
    world.chapter(
        "3", "The second run: nothing changed, so nothing is written, and nothing is even asked of Halo."
    )
    await world.forget_requests()
    run = await world.run_and_watch(files.PEOPLE)
    requests = [one for one in await world.requests() if one["path"].lower().startswith("/api/users")]
    world.expect(_written(run) == 0, f"0 writes; {run['counts']['users']['unchanged']} people unchanged")
    world.expect(not requests, "Halo was asked for no user at all")


async def three_changes(world: World) -> None:
    """Three people change; exactly they are updated."""
    world.chapter(
        "4", f"{len(CHANGED)} people get a new title. Exactly these are updated, with that one field."
    )
    await world.change_people()
    await world.forget_requests()
    run = await world.run_and_watch(files.PEOPLE)
    people = run["counts"]["users"]
    posts = [
        one for one in await world.requests() if one["method"] == "POST" and "/users" in one["path"].lower()
    ]
    world.expect(
        people["updated"] == len(CHANGED) and _written(run) == len(CHANGED),
        f"{people['updated']} updated, {people['unchanged']} unchanged",
    )
    # Several may travel together, once it is known what this Halo makes of that.
    world.expect(0 < len(posts) <= len(CHANGED), f"Halo received them in {len(posts)} requests that write")


async def broken_on_purpose(world: World) -> None:
    """An integration whose directory does not answer: one e-mail that somebody can act on, however often it fails."""
    world.chapter(
        "5", "One integration is broken. Who listens hears of it, and who asked for it gets one e-mail."
    )
    await world.quietly("people", "add", str(world.files["jane"]))
    async with world.tail(integration="branch-people") as heard:
        await world.quietly("integrations", "enable", files.BROKEN)
        await world.quietly("run", "now", files.BROKEN)
        text = await asyncio.wait_for(heard, timeout=30)
    run = await world.until_ended(files.BROKEN)
    world.expect(run["status"] == "failed", "the run is shown as failed")
    world.expect("127.0.0.1" in text, "the event names what could not be reached, and what to do")
    world.show_mail(await world.mail(1))
    await world.quietly("run", "now", files.BROKEN)
    await world.until_ended(files.BROKEN)
    await world.show("incidents", "list")
    (incident,) = await world.ask("/incidents", tenant=files.TENANT)
    world.expect(
        incident["failures"] == 2 and len(world.mailbox.messages) == 1,
        "it has failed twice, and that is one incident and one e-mail",
    )


async def mended(world: World) -> None:
    """The address is corrected: the incident recovers, and the same person is told, in the same thread."""
    world.chapter(
        "6", "The address is corrected. The incident recovers by itself, and Jane hears of that too."
    )
    await world.quietly("integrations", "update", files.TENANT, str(world.files["branch-people-mended"]))
    run = await world.run_and_watch(files.BROKEN)
    world.expect(run["status"] == "succeeded", "the run went through")
    opening, recovery = await world.mail(1), await world.mail(2)
    world.show_mail(recovery)
    world.expect(
        recovery["References"] == opening["Message-ID"] and len(world.mailbox.messages) == 2,
        "one e-mail says that it is over, as an answer to the first",
    )
    world.expect(not await world.ask("/incidents", tenant=files.TENANT), "nothing is wrong any more")


def _written(run: Mapping[str, Json]) -> int:
    return sum(tally["created"] + tally["updated"] + tally["retired"] for tally in run["counts"].values())
