"""What an agent shows Prometheus of its work."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from halo_sandbox.services import processes
from tests.integration.test_metrics import value
from tests.support.product import Product, product

pytestmark = pytest.mark.timeout(400)

PEOPLE = {"tenant": "acme", "integration": "people"}


@pytest.fixture
async def measured(broker_url: str, tmp_path: Path) -> AsyncIterator[tuple[Product, str]]:
    """A product whose agent can be scraped, and where."""
    (port,) = processes.free_ports(1)
    async with product(broker_url, tmp_path, environment={"HALO_AGENT_METRICS_PORT": str(port)}) as whole:
        await whole.installed()
        yield whole, f"http://127.0.0.1:{port}/metrics"


async def scraped(url: str) -> dict[str, Metric]:
    async with httpx.AsyncClient(trust_env=False) as http:
        reply = await http.get(url)
    return {family.name: family for family in text_string_to_metric_families(reply.text)}


async def test_an_agent_counts_what_it_did(measured: tuple[Product, str]) -> None:
    office, url = measured
    ref = await office.enable(office.people.integration)
    before = await scraped(url)
    assert value(before, "halo_agent_slots") == 2
    assert value(before, "halo_agent_runs") == 0
    assert before["halo_agent_records"].samples == []

    await office.fault(kind="error", times=1, method="POST", path="/api/users")
    run = await office.run(ref)
    after = await scraped(url)

    took = [one for one in after["halo_agent_attempt_seconds"].samples if one.name.endswith("_count")]
    assert [(one.labels, one.value) for one in took] == [({**PEOPLE, "status": "succeeded"}, 1)]
    created = next(iter(run["counts"].values()))["created"]
    assert created == value(after, "halo_agent_records", outcome="created", **PEOPLE) > 0
    answered = {
        one.labels["status"]: one.value
        for one in after["halo_agent_requests"].samples
        if one.name.endswith("_total")
    }
    assert answered["5xx"] == 1
    assert answered["2xx"] >= run["requests"] - 1
    heard = value(after, "halo_agent_heard_timestamp_seconds")
    assert abs(heard - value(after, "halo_agent_last_success_timestamp_seconds", **PEOPLE)) < 60
    assert value(after, "halo_agent_spool_waiting_events") < 5
    assert value(after, "halo_agent_runs") == 0
