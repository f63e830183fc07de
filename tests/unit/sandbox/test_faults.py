"""Faults: each hits what it is aimed at, as often as asked, and then is gone."""

import time

import httpx
import pytest

from tests.support.clock import eventually
from tests.unit.sandbox.conftest import Halo


async def clients(halo: Halo) -> set[str]:
    return {row["name"] for row in (await halo.control("GET", "held/clients")).json()} - {"Acme"}


async def test_a_dropped_write_is_stored_and_nobody_is_told(halo: Halo) -> None:
    await halo.fault("drop", method="POST")

    with pytest.raises(CUT):
        await halo.post("Client", {"name": "Globex"})

    assert await clients(halo) == {"Globex"}
    journal = (await halo.control("GET", "requests")).json()
    assert journal["requests"][-1]["status"] is None
    assert (await halo.post("Client", {"name": "Initech"})).status_code == 201


CUT = (httpx.RemoteProtocolError, httpx.ReadError)
"""How a line that is cut looks from the other end: by whether its last packet came before."""


async def test_a_cut_write_is_not_stored(halo: Halo) -> None:
    await halo.fault("cut", method="POST")

    with pytest.raises(CUT):
        await halo.post("Client", {"name": "Globex"})

    assert await clients(halo) == set()


async def test_a_late_write_is_stored_when_nobody_waits_for_it_any_more(halo: Halo) -> None:
    await halo.fault("late", method="POST", seconds=0.2)

    with pytest.raises(CUT):
        await halo.post("Client", {"name": "Globex"})

    assert await clients(halo) == set()

    async def stored() -> bool:
        return await clients(halo) == {"Globex"}

    await eventually(stored)


async def test_slow(halo: Halo) -> None:
    await halo.fault("slow", seconds=0.3)
    started = time.monotonic()

    assert (await halo.get("Users")).status_code == 200

    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_server_errors_do_nothing_else(halo: Halo, status: int) -> None:
    await halo.fault("error", status=status)

    reply = await halo.post("Client", {"name": "Globex"})

    assert (reply.status_code, reply.content) == (status, b"")
    assert await clients(halo) == set()


async def test_a_storm_of_429_passes(halo: Halo) -> None:
    await halo.control("PUT", "switches", {"retry_after": True})
    await halo.fault("rate_limited", times=2, retry_after=7)

    replies = [await halo.get("Users") for _ in range(3)]

    assert [reply.status_code for reply in replies] == [429, 429, 200]
    assert replies[0].text.startswith("Rate Limit Reached - 3000 Requests per rolling 5 minute")
    assert replies[0].headers["Retry-After"] == "7"


async def test_a_web_page_where_json_is_due(halo: Halo) -> None:
    await halo.fault("html")

    reply = await halo.get("Users")

    assert reply.status_code == 200
    assert reply.text.startswith("<html>")


async def test_a_bad_row(halo: Halo) -> None:
    await halo.control("PUT", "switches", {"multi": "per_row"})
    await halo.fault("bad_row", row=2)

    assert (await halo.get("Client")).status_code == 200
    reply = await halo.post("Client", {"name": "a"}, {"name": "b"}, {"name": "c"})

    assert "Row 2" in reply.json()[1]["error"]["Message"]
    assert await clients(halo) == {"a", "c"}
    assert (await halo.post("Client", {"name": "d"}, {"name": "e"})).status_code == 201


async def test_a_fault_hits_only_its_method_and_path(halo: Halo) -> None:
    await halo.fault("error", method="POST", path="/api/users*")

    assert (await halo.get("Users")).status_code == 200
    assert (await halo.post("Client", {"name": "Globex"})).status_code == 201
    assert (await halo.post("Users", {})).status_code == 500
    assert (await halo.post("Users", {})).status_code == 400


async def test_tokens_can_fail_too(halo: Halo) -> None:
    await halo.fault("error", path="/auth/token", status=503)

    assert (await halo.get("Users")).status_code == 200
    assert (await halo.http.post("/auth/token")).status_code == 503


async def test_a_delay_goes_together_with_another_fault(halo: Halo) -> None:
    await halo.fault("slow", seconds=0.01)
    await halo.fault("error")
    await halo.fault("html")

    assert (await halo.get("Users")).status_code == 500
    assert (await halo.get("Users")).text.startswith("<html>")


async def test_waiting_faults_are_listed_and_cleared(halo: Halo) -> None:
    await halo.fault("error", times=3)
    await halo.get("Users")

    (waiting,) = (await halo.control("GET", "faults")).json()
    assert (waiting["kind"], waiting["times"]) == ("error", 2)

    await halo.control("DELETE", "faults")
    assert (await halo.get("Users")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "earthquake"},
        {"kind": "slow"},
        {"kind": "slow", "seconds": 0},
        {"kind": "error", "status": 404},
        {"kind": "drop", "times": 0},
        {"kind": "drop", "tmes": 2},
        {"kind": "bad_row", "row": 0},
        {"kind": "drop", "method": "PATCH"},
    ],
)
async def test_a_fault_that_makes_no_sense(halo: Halo, body: dict[str, object]) -> None:
    reply = await halo.http.post("/sandbox/faults", json=body)

    assert reply.status_code == 422
