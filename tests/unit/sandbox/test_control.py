"""The levers: what is held, what was asked, and starting over; and the rows a sandbox starts with."""

from pathlib import Path

import pytest

from halo_sandbox.server import running
from halo_sandbox.settings import SandboxSettings
from halo_shared.errors import SettingsInvalid
from tests.support.http import client_of
from tests.unit.sandbox.conftest import Halo, signed_in


async def test_held_rows_are_all_rows(halo: Halo) -> None:
    user = await halo.created("Users", name="Ann", site_id=await halo.site(), inactive=True)

    (held,) = (await halo.control("GET", "held/users")).json()

    assert (held["id"], held["inactive"], held["site_name"]) == (user["id"], True, "Main")
    assert (await halo.control("GET", "held/AssetType")).json()
    assert (await halo.http.get("/sandbox/held/cupboards")).status_code == 404


async def test_requests_are_counted_and_listed(halo: Halo) -> None:
    await halo.control("DELETE", "requests")
    await halo.get("Users", page_no=2)
    await halo.get("Users")
    await halo.post("Client", {})

    journal = (await halo.control("GET", "requests")).json()

    assert journal["total"] == 3
    assert journal["counts"] == {"GET /api/Users": 2, "POST /api/Client": 1}
    assert journal["requests"][0] == {
        "method": "GET",
        "path": "/api/Users",
        "query": "page_no=2",
        "status": 200,
    }
    assert journal["requests"][-1]["status"] == 400


async def test_reset_goes_back_to_the_seed(halo: Halo) -> None:
    await halo.created("Client", name="Globex")
    await halo.control("PUT", "switches", {"multi": "first"})
    await halo.fault("error", path="/nowhere")
    before = [row["id"] for row in (await halo.control("GET", "held/clients")).json()]

    await halo.control("POST", "reset")

    after = [row["id"] for row in (await halo.control("GET", "held/clients")).json()]
    assert after == before[:1]
    assert (await halo.control("GET", "switches")).json()["multi"] == "list"
    assert (await halo.control("GET", "faults")).json() == []
    assert (await halo.control("GET", "requests")).json()["total"] == 0
    assert (await halo.get("Users")).status_code == 200


@pytest.mark.parametrize("body", [{"multi": "sometimes"}, {"multy": "list"}, {"token_seconds": 0}])
async def test_a_switch_that_does_not_exist(halo: Halo, body: dict[str, object]) -> None:
    assert (await halo.http.put("/sandbox/switches", json=body)).status_code == 422


async def test_a_file_keeps_the_rows(tmp_path: Path) -> None:
    settings = SandboxSettings(database=str(tmp_path / "halo.db"))
    for expected in (1, 2):
        async with running(settings) as sandbox, client_of(sandbox.url) as http:
            halo = await signed_in(sandbox, http)
            assert len(await halo.rows("Client")) == expected
            assert len(await halo.rows("AssetType")) == 2
            await halo.created("Client", name="Globex")


async def test_a_seed_file(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("clients:\n- name: Globex\nusers:\n- name: Ann\n  site_id: 1001\n", encoding="utf-8")

    async with (
        running(SandboxSettings(seed=seed)) as sandbox,
        client_of(sandbox.url) as http,
    ):
        (ann,) = (await http.get("/sandbox/held/users")).json()

    assert (ann["name"], ann["client_name"]) == ("Ann", "Globex")


@pytest.mark.parametrize(
    ("text", "said"),
    [("users:\n- name: Ann\n", "users: Halo would refuse this"), ("people: []\n", "people")],
)
async def test_a_seed_that_halo_would_refuse(tmp_path: Path, text: str, said: str) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(text, encoding="utf-8")

    with pytest.raises(SettingsInvalid, match=said):
        async with running(SandboxSettings(seed=seed)):
            pass
