"""What must be so after every failure, however it went: the one checker of all failure tests."""

import sqlite3
from collections import Counter
from contextlib import closing

from halo_sandbox.demo import files
from halo_sandbox.demo.world import Json, until
from tests.support.product import Product

RECOVERED_WITHIN = 120.0
"""Real seconds within which all is well again by itself, on a busy machine."""


async def all_is_well(office: Product, ref: str) -> Json:
    """Each run has one end, nobody stands in Halo twice, no event is lost, and the agent works; the run that failed."""
    await until(lambda: _settled(office), within=RECOVERED_WITHIN)
    runs = await office.ask("/runs", integration=ref.partition("/")[2], limit=100)
    for run in runs:
        _has_one_end(office, await office.ask(f"/runs/{run['id']}"))
    await _works(office, ref, all_done=runs[0]["status"] == "succeeded")
    held = Counter(user["name"] for user in await office.held("users"))
    assert {name: count for name, count in held.items() if count > 1} == {}, "somebody stands in Halo twice"
    return await office.ask(f"/runs/{runs[0]['id']}")


async def _settled(office: Product) -> bool:
    """Whether the agent is heard, no run is open, and nothing waits anywhere."""
    agent = await office.ask(f"/agents/{files.AGENT}")
    if agent["state"] != "online" or agent["spooled"]:
        return False
    if any(run["ended_at"] is None for run in await office.ask("/runs", limit=100)):
        return False
    queues = (await office.ask("/topology"))["queues"]
    return all(queue["depth"] == 0 for queue in queues if queue["name"] in ("events", "buried"))


def _has_one_end(office: Product, run: Json) -> None:
    ends = [attempt["end"] for attempt in run["attempts"]]
    assert None not in ends, f"an attempt at {run['id']} has no end: {ends}"
    assert all(end.startswith("lost: ") for end in ends[:-1]), ends
    last = ends[-1].split(":")[0] if ends else run["status"]
    assert last == run["status"], f"{run['id']} is {run['status']}, and its last attempt {ends[-1]}"
    # What was said under each fence: all of it, or nothing after the attempt was lost.
    with closing(sqlite3.connect(office.folder / "controller" / "controller.db")) as db:
        words = db.execute(
            "SELECT kind, superseded, count(*) FROM events WHERE run = ? AND fence > 0 GROUP BY kind, superseded",
            (run["id"],),
        ).fetchall()
    counted = {kind: count for kind, superseded, count in words if not superseded}
    assert counted.get("finished", 0) <= 1, f"{run['id']} ended twice: {words}"
    if run["status"] == "succeeded":
        assert counted.get("finished") == 1, f"the end of {run['id']} was lost: {words}"


async def _works(office: Product, ref: str, *, all_done: bool) -> None:
    """A new run does what is left, and no more than that; nobody lent a hand."""
    agent = await office.ask(f"/agents/{files.AGENT}")
    assert agent["dropped"] == 0, "events were given up"
    await office.well_again()
    run = await office.run(ref)
    assert run["status"] == "succeeded", run["failure"]
    created = run["counts"]["users"]["created"]
    assert not (all_done and created), "what was done was not known any more"
