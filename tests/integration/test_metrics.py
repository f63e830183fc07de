"""Numbers for Prometheus; and the rules and the dashboard ask for nothing that is not there."""

import json
import re
from pathlib import Path
from typing import Final

import yaml
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from halo_agent.metrics import Vitals
from halo_agent.metrics.prometheus import PrometheusMeters
from halo_shared.errors import SourceUnavailable
from halo_shared.runs import RunStatus
from tests.support.agent_double import Attempt
from tests.support.builders import NOW
from tests.support.rest import Office, refusal

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
RULES: Final = DEPLOY / "prometheus" / "halo-integrator.rules.yaml"
DASHBOARD: Final = DEPLOY / "grafana" / "halo-integrator.json"

Labelled = dict[str, str]


_SUFFIX: Final = re.compile("_(total|bucket)$")


def of_agents() -> set[str]:
    """The names of what agents show."""
    meters = PrometheusMeters(lambda: Vitals(0, 0, 0, 1, NOW))
    return {family.name for family in meters.registry.collect()}


async def scraped(office: Office) -> dict[str, Metric]:
    reply = await office.ask("GET", "/metrics")
    assert reply.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(reply.text)}


def value(found: dict[str, Metric], name: str, **labels: str) -> float:
    (sample,) = [one for one in found[name].samples if labels.items() <= one.labels.items()]
    return float(sample.value)


async def work(attempt: Attempt) -> None:
    await attempt.finished(read=5, created=3)


async def fail(attempt: Attempt) -> None:
    await attempt.finished(RunStatus.FAILED, error=SourceUnavailable())


async def test_the_numbers_are_those_of_what_happened(office: Office) -> None:
    await office.set_up()
    async with office.agent(work):
        await office.until(await office.run_people(), status="succeeded")
    well = await scraped(office)
    people = {"tenant": "acme", "integration": "people"}
    assert value(well, "halo_broker_up") == 1
    assert value(well, "halo_last_run_records", outcome="created", **people) == 3
    assert value(well, "halo_last_run_requests", **people) == 7
    assert 0 <= value(well, "halo_last_success_age_seconds", **people) < 60
    assert 0 <= value(well, "halo_last_run_seconds", **people) < 60
    assert 0 <= value(well, "halo_heartbeat_age_seconds", agent="one", group="site") < 60
    assert value(well, "halo_queue_messages", queue="buried") == 0
    assert well["halo_incidents_open"].samples == []

    async with office.agent(fail):
        await office.until(await office.run_people(), status="failed")
    assert value(await scraped(office), "halo_incidents_open", tenant="acme", level="error") == 1


async def test_strangers_get_no_numbers(office: Office) -> None:
    reply = await office.ask("GET", "/metrics", token="")
    assert refusal(reply, 401)["error"] == "Unauthorised"


async def test_the_rules_and_the_dashboard_ask_for_what_is_there(office: Office) -> None:
    known = set(await scraped(office)) | of_agents()
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = [rule["expr"] for rule in rules]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]

    for expression in (*asked, *shown):
        assert {_SUFFIX.sub("", name) for name in re.findall(r"\bhalo_\w+", expression)} <= known, expression
    assert {name for name in known if not any(name in each for each in shown)} == {"halo_info"}


def test_every_alert_says_what_to_do() -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert all({"summary", "action"} <= set(rule["annotations"]) for rule in rules)
    assert len({rule["alert"] for rule in rules}) == len(rules)
