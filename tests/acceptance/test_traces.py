"""One run as one trace, over the borders of controller, broker, agent and Halo."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from halo_sandbox.demo.world import until
from halo_sandbox.services.people import people
from tests.acceptance.test_secrets_stay_home import spellings
from tests.support.otlp import Received, TraceReceiver, receiving_traces
from tests.support.product import Product, product

pytestmark = pytest.mark.timeout(400)

Traced = tuple[Product, TraceReceiver]

JOB = ("controller trigger person", "controller publish jobs", "agent process jobs.office")
LEASE = (
    *JOB,
    "agent lease",
    "agent publish requests",
    "controller process requests",
    "controller publish agent",
)
ATTEMPT = (*JOB, "agent attempt")
STORED = (*ATTEMPT, "agent publish events", "controller process events")


@pytest.fixture
async def traced(broker_url: str, tmp_path: Path) -> AsyncIterator[Traced]:
    """A product that sends its traces, and whom it sends them to."""
    async with receiving_traces() as receiver:
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        async with product(broker_url, tmp_path, environment=named) as whole:
            await whole.installed()
            yield whole, receiver


async def test_a_run_is_one_trace_from_its_trigger_to_halos_answers_and_back(traced: Traced) -> None:
    office, receiver = traced
    run = await office.run(await office.enable(office.people.integration))
    trace = await ended(receiver)
    paths = [path_to(span, trace) for span in trace]

    roots = [span for span in trace if not span.parent]
    assert [span.attributes["halo.run"] for span in roots] == [run["id"]]
    assert roots[0].trace.hex() in (await office.type("halo-controller", "runs", "show", str(run["id"]))).out
    assert paths.count(LEASE) == 1
    assert paths.count((*LEASE, "agent process agent.office-1")) == 1
    assert paths.count(STORED) == 2  # the beginning and the end

    halo = [
        (path[len(ATTEMPT) :], span) for path, span in zip(paths, trace, strict=True) if span.kind == "client"
    ]
    assert {path[0] for path, _ in halo} == {"agent match", "agent apply"}
    asked = {path[-1] for path, _ in halo}
    assert {"agent POST /auth/token", "agent GET /api/Users", "agent POST /api/Users"} <= asked
    writes = [span for path, span in halo if path == ("agent apply", "agent POST /api/Users")]
    assert {span.attributes["http.response.status_code"] for span in writes} == {201}
    attempt = next(span for path, span in zip(paths, trace, strict=True) if path == ATTEMPT)
    assert attempt.attributes["halo.status"] == "succeeded"
    assert attempt.begun <= min(span.begun for _, span in halo)
    assert max(span.ended for _, span in halo) <= attempt.ended
    assert not [span.name for span in trace if span.failed]


async def test_what_halo_does_not_answer_shows_where_it_happened_and_no_secret_with_it(
    traced: Traced,
) -> None:
    office, receiver = traced
    await office.fault(kind="drop", times=1, method="POST", path="/api/users")
    await office.run(await office.enable(office.people.integration))
    trace = await ended(receiver)

    failed = [(path_to(span, trace)[-2:], span.attributes["error.type"]) for span in trace if span.failed]
    assert failed == [(("agent apply", "agent POST /api/Users"), "RemoteProtocolError")]

    token = (office.folder / "controller" / "operator.token").read_text(encoding="utf-8").strip()
    password = str(urlsplit(office.environment["HALO_BROKER_URL"]).password)
    person = people(30)[0]
    hidden = (token, password, office.sandbox.settings.client_secret, str(person.mail), person.cn)
    assert [one for one in hidden if any(form in receiver.raw for form in spellings(one))] == []


async def ended(receiver: TraceReceiver) -> Sequence[Received]:
    """The trace of a run whose end has been stored, once all of it has come."""

    async def whole() -> bool:
        trace = receiver.trace("trigger person")
        ids = {span.id for span in trace}
        ends = {span.id for span in trace if span.attributes.get("halo.message") == "finished"}
        stored = any(span.parent in ends for span in trace)
        return stored and all(span.parent in ids for span in trace if span.parent)

    await until(whole)
    return receiver.trace("trigger person")


def path_to(span: Received, trace: Sequence[Received]) -> tuple[str, ...]:
    """The spans from the root to this one, each with who sent it."""
    here = f"{span.service.removeprefix('halo-integrator-')} {span.name}"
    if not span.parent:
        return (here,)
    (above,) = (one for one in trace if one.id == span.parent)
    return (*path_to(above, trace), here)
