"""Records that fail stand in Halo's own list too, where the tenant wants it and Halo takes it."""

from collections.abc import AsyncIterator

import pytest

from halo_agent.jobs.failures import FailuresIntoHalo, Overhearing
from halo_agent.targets.halo.error_log import MOST
from halo_sandbox.server import Sandbox, running
from halo_shared.errors import RecordRefused
from halo_shared.integrations import ErrorLog
from halo_shared.redaction import Redactor
from tests.support.clock import ManualClock
from tests.support.engine import USERS
from tests.unit.agent.targets.support import Levers, halo, levers

PLACE = ErrorLog(module_id=42)


class Ear:
    """A Reporter that hears log lines."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def progress(self, *_: object) -> None: ...

    async def record(self, *_: object) -> None: ...

    async def outcome(self, *_: object) -> None: ...

    async def step(self, *_: object) -> None: ...

    async def log(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


async def overheard(count: int, *, text: str = "no") -> tuple[Overhearing, Ear]:
    ear = Ear()
    heard = Overhearing(ear, Redactor())
    for number in range(count):
        await heard.record(USERS, f"u-{number}", f"Anna {number}", "failed", RecordRefused(text))
    await heard.record(USERS, "s-1", "Skipped", "skipped", RecordRefused("not now"))
    return heard, ear


async def test_a_failed_record_stands_in_halos_list_within_its_lengths(
    sandbox: Sandbox, hands: Levers
) -> None:
    heard, _ = await overheard(1, text="x" * 5_000)
    async with halo(sandbox) as target:
        await FailuresIntoHalo(ManualClock()).write("acme", PLACE, target, heard)

    (row,) = await hands.held("IntegrationError")
    assert (row["module_id"], row["entity_type"], row["entity_name"]) == (42, "users", "Anna 0 (u-0)")
    assert len(row["error"]) == 2_000


async def test_a_flood_is_cut_and_counted(sandbox: Sandbox, hands: Levers) -> None:
    heard, _ = await overheard(MOST + 7)
    async with halo(sandbox) as target:
        await FailuresIntoHalo(ManualClock()).write("acme", PLACE, target, heard)

    found = await hands.held("IntegrationError")
    assert len(found) == MOST + 1
    assert any(row["error"].startswith("7 more records failed") for row in found)


async def test_nothing_is_written_unless_the_tenant_wants_it(sandbox: Sandbox, hands: Levers) -> None:
    heard, _ = await overheard(1)
    async with halo(sandbox) as target:
        await FailuresIntoHalo(ManualClock()).write("acme", None, target, heard)
    assert await hands.held("IntegrationError") == []


async def test_a_refusal_is_said_once_and_anew_after_halo_took_it(sandbox: Sandbox, hands: Levers) -> None:
    failures = FailuresIntoHalo(ManualClock())
    heard, ear = await overheard(1)
    async with halo(sandbox) as target:
        for refused in (True, True, False, True):
            if refused:
                await hands.fault(kind="bad_row", row=1, path="/api/IntegrationError", times=1)
            await failures.write("acme", PLACE, target, heard)

    assert len(ear.heard) == 2
    assert ear.heard[0].startswith("Halo's own list of integration errors takes nothing: ")
