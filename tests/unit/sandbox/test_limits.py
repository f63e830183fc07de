"""The rolling window of requests."""

import httpx
import pytest

from halo_sandbox.limiter import RollingWindow
from halo_sandbox.settings import RateLimit
from tests.unit.sandbox.conftest import Halo
from tests.unit.sandbox.test_auth import Watch

TEXT = "Rate Limit Reached - 2 Requests per rolling 5 minute window"


async def limited(halo: Halo, **switches: object) -> httpx.Response:
    limit = {"requests": 2, "seconds": 300}
    await halo.control("PUT", "switches", {"limit": limit, **switches})
    for _ in range(2):
        assert (await halo.get("Users")).status_code == 200
    return await halo.get("Users")


async def test_beyond_the_limit(halo: Halo) -> None:
    reply = await limited(halo)

    assert (reply.status_code, reply.text) == (429, TEXT)
    assert "Retry-After" not in reply.headers


async def test_retry_after_is_sent_only_if_the_switch_says_so(halo: Halo) -> None:
    reply = await limited(halo, retry_after=True)

    assert 298 <= int(reply.headers["Retry-After"]) <= 300


async def test_a_refused_write_is_not_stored(halo: Halo) -> None:
    await limited(halo)

    assert (await halo.post("Client", {"name": "Globex"})).status_code == 429
    assert len((await halo.control("GET", "held/clients")).json()) == 1


def test_the_window_rolls() -> None:
    clock = Watch()
    window = RollingWindow(clock)
    limit = RateLimit(requests=2, seconds=10)

    assert window.wait(limit) == 0
    clock.passed = 6
    assert window.wait(limit) == 0
    assert window.wait(limit) == pytest.approx(4, abs=0.1)
    clock.passed = 10.5
    assert window.wait(limit) == 0
    assert window.wait(limit) == pytest.approx(5.5, abs=0.1)


@pytest.mark.parametrize("text", ["300", "many/300", "0/300", "300/0", "300/-1"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match=r"limit|invalid literal|greater than 0"):
        RateLimit.parse(text)


def test_a_limit_as_it_is_written() -> None:
    assert RateLimit.parse("500/180") == RateLimit(requests=500, seconds=180)
