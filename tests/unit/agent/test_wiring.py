"""A whole agent: its loops around a broker in memory, a spreadsheet at one side and a Halo at the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from halo_agent import session, wiring
from halo_agent.settings import Settings
from halo_agent.stopping import Stopping
from halo_agent.store.outbox import open_outbox
from halo_sandbox.server import Sandbox, running
from halo_shared import logs
from halo_shared.clock import SystemClock
from halo_shared.errors import ConfigurationError
from halo_shared.messages.commands import Assignment
from halo_shared.messages.events import Finished, Stage
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode, RunStatus
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, jobs_queue
from halo_shared.transport.memory import MemoryTransport
from tests.support.agent import spooled
from tests.support.builders import integration_spec, tenant_spec
from tests.support.clock import eventually
from tests.support.controller_double import GROUP, ControllerDouble
from tests.unit.agent.targets.support import levers

RUN, OTHER = "000000000001", "000000000002"
CANARY = "canary-5f3a-9c"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An agent `one` whose secrets file has the key to the sandbox."""
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text("halo-acme: sandbox-secret\n")
    secrets.chmod(0o600)
    return Settings(name="one", broker_url="amqp://nowhere/", data=tmp_path, slots=2)


def work_on(sandbox: Sandbox, table: Path) -> Assignment:
    """Keep the users of the sandbox in step with this table."""
    spec = integration_spec(connector="spreadsheet")
    keys = {"path": str(table), "entity": "users", "id_column": "id", "name_column": "name"}
    return Assignment(
        tenant="acme",
        halo=tenant_spec(url=sandbox.url, requests_per_minute=6000).halo,
        integration=spec.model_copy(
            update={
                "settings": keys,
                "mapping": {
                    kind: mapping.model_copy(
                        update={"fields": {**mapping.fields, "name": mapping.fields["emailaddress"]}}
                    )
                    for kind, mapping in spec.mapping.items()
                },
            }
        ),
        mode=Mode.FULL,
    )


def people(folder: Path, count: int = 3) -> Path:
    table = folder / "people.csv"
    rows = [f"p-{number},Person {number},p{number}@acme.example,Person" for number in range(count)]
    table.write_text("\n".join(["id,name,mail,givenName", *rows]) + "\n")
    return table


def files_of(folder: Path) -> list[bytes]:
    """What the agent keeps on disk."""
    return [path.read_bytes() for path in folder.glob("*.db*")]


@asynccontextmanager
async def at_work(
    settings: Settings, transport: MemoryTransport, stopping: Stopping, redactor: Redactor | None = None
) -> AsyncIterator["asyncio.Task[None]"]:
    """The agent, which a test must bring to its end."""
    task = asyncio.create_task(
        wiring.run(settings, transport, SystemClock(), redactor or Redactor(), stopping, deputised=False)
    )
    try:
        yield task
        async with asyncio.timeout(10):
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_agent_is_welcomed_does_its_job_and_stops(
    settings: Settings,
    controller: ControllerDouble,
    transport: MemoryTransport,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    controller.assigned = work_on(sandbox, people(tmp_path))
    stopping = Stopping()
    async with at_work(settings, transport, stopping):
        await controller.dispatch(RUN)
        await eventually(lambda: controller.finished(RUN) is not None)
        await controller.dispatch(OTHER)
        await eventually(lambda: controller.finished(OTHER) is not None)
        stopping.ask()

    first, second = controller.finished(RUN), controller.finished(OTHER)
    assert first is not None
    assert second is not None
    assert (first.status, first.text) == (
        RunStatus.SUCCEEDED,
        "3 read, 3 created, 0 updated, 0 retired, 0 unchanged, 0 skipped, 0 failed.",
    )
    assert second.counts["users"].unchanged == 3  # type: ignore[index]  # a kind is its own text
    assert first.requests > 0
    assert [event.seq for event in controller.events if event.origin.run == RUN] == list(
        range(1, first.seq + 1)
    )
    assert {one.name for one in controller.hellos[0].connectors} >= {"spreadsheet"}
    async with levers(sandbox) as hands:
        assert len([row for row in await hands.held("Users") if row.get("azureoid")]) == 3


async def test_an_agent_without_the_records_that_failed_before_reads_everything(
    settings: Settings,
    controller: ControllerDouble,
    transport: MemoryTransport,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    kept_elsewhere = {"mode": Mode.DELTA, "escrowed": 3}
    controller.assigned = work_on(sandbox, people(tmp_path)).model_copy(update=kept_elsewhere)
    stopping = Stopping()
    async with at_work(settings, transport, stopping):
        await controller.dispatch(RUN)
        await eventually(lambda: controller.finished(RUN) is not None)
        stopping.ask()

    said = [event.text for event in controller.events]
    assert "3 records that failed before are not kept on this agent, so everything is read." in said
    last_word = controller.finished(RUN)
    assert last_word
    assert last_word.escrowed == 0


async def test_an_agent_that_is_stopped_before_its_welcome_stops(
    settings: Settings, controller: ControllerDouble, transport: MemoryTransport
) -> None:
    controller.answers = False
    stopping = Stopping()
    async with at_work(settings, transport, stopping):
        await eventually(lambda: bool(controller.hellos))
        stopping.ask()


async def test_stopping_once_lets_the_run_end_and_stopping_twice_cuts_it_short(
    settings: Settings,
    controller: ControllerDouble,
    transport: MemoryTransport,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    controller.assigned = work_on(sandbox, people(tmp_path, 500))
    stopping = Stopping()
    async with levers(sandbox) as hands:
        await hands.fault("slow", path="/api/Users", seconds=0.2, times=9999)
        async with at_work(settings, transport, stopping) as task:
            await controller.dispatch(RUN)
            await eventually(
                lambda: any(getattr(event, "stage", None) is Stage.APPLY for event in controller.events)
            )
            stopping.ask()
            await asyncio.sleep(0.3)
            assert not task.done()
            stopping.ask()

    said = controller.finished(RUN)
    assert said is not None
    assert said.status is RunStatus.CANCELLED
    assert "The agent was stopped" in said.text


async def test_an_agent_that_nobody_registered_ends_with_the_cure(
    settings: Settings, transport: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PATIENCE", 0.05)
    await transport.declare(*EXCHANGES, *FIXED_QUEUES, jobs_queue(GROUP))

    with pytest.RaisesGroup(pytest.RaisesExc(ConfigurationError, match="halo-controller agents add one")):
        await wiring.run(settings, transport, SystemClock(), Redactor(), Stopping(), deputised=False)


async def test_no_secret_is_told_logged_or_kept_by_a_run_that_fails(
    settings: Settings,
    controller: ControllerDouble,
    transport: MemoryTransport,
    sandbox: Sandbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.secrets_file.write_text(f"halo-acme: {CANARY}\n")
    controller.assigned = work_on(sandbox, people(tmp_path))
    redactor, stopping = Redactor(), Stopping()
    logs.configure(redactor, level="debug", style="json")
    async with at_work(settings, transport, stopping, redactor):
        await controller.dispatch(RUN)
        await eventually(lambda: controller.finished(RUN) is not None)
        stopping.ask()

    said = controller.finished(RUN)
    assert said is not None
    assert said.failure is not None
    assert (said.status, said.failure.code) == (RunStatus.FAILED, "HaloCredentialRefused")
    lines = capsys.readouterr()
    assert "attempt_ended" in lines.err
    told = "".join(event.model_dump_json() for event in controller.events)
    assert CANARY not in told + lines.err + lines.out + repr(controller) + repr(settings)
    assert CANARY.encode() not in b"".join(files_of(tmp_path))


async def test_events_that_could_not_be_sent_wait_for_the_next_start(
    settings: Settings,
    controller: ControllerDouble,
    transport: MemoryTransport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wiring, "LAST_WORDS", 0.05)
    controller.assigned = controller.assigned.model_copy(
        update={"integration": integration_spec(connector="nothing-of-that-name")}
    )
    events = transport._queues["events"]
    events.bindings.clear()
    stopping = Stopping()
    async with at_work(settings, transport, stopping):
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) == 1)
        stopping.ask()

    async with open_outbox(settings.data / "spool.db", 10) as outbox:
        last = (await spooled(outbox))[-1]
    assert isinstance(last, Finished)
    assert last.failure is not None
    assert last.failure.code == "UnknownConnector"
