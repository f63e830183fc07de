"""What a Halo hears of a run through the real target: requests for each record, against one write for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bench.ports import Always, People, Quiet
from bench.rounds import Comparison
from bench.specs import REF, integration, tenant
from halo_agent.engine.attempt import Attempt
from halo_agent.engine.sync import sync
from halo_agent.store.instances import open_instances
from halo_agent.store.links import open_links
from halo_agent.store.workspace import open_workspace
from halo_agent.targets.halo import open_halo, use_of
from halo_sandbox.server import Sandbox, running
from halo_sandbox.settings import Multi, RateLimit, SandboxSettings, Switches
from halo_shared.clock import SystemClock
from halo_shared.messages.commands import Assignment
from halo_shared.runs import Mode

RECORDS: Final = 400
CHANGES: Final = 60
"""Less than what a run may update without a word, a fifth."""
SPEC: Final = integration("/nothing/is/read/here.csv")
KINDS: Final[tuple[tuple[Multi, str], ...]] = (
    ("list", "a Halo that answers an array with a row for each"),
    ("first", "a Halo that answers an array with one row"),
)


class Plenty:
    """A budget that keeps nobody waiting."""

    requests_per_minute = 1_000_000


async def measure() -> Sequence[Comparison]:
    """A first run, one in which some changed, and one in which none did; all that is asked counts, tokens apart."""
    return [comparison for multi, what in KINDS for comparison in await _runs(multi, what)]


async def _runs(multi: Multi, what: str) -> Sequence[Comparison]:
    switches = Switches(multi=multi, limit=RateLimit(requests=1_000_000))
    async with running(SandboxSettings(switches=switches)) as sandbox:
        new, changed, unchanged = await _requests(sandbox)
    against = "one write for each"
    return [
        Comparison(f"{what}: requests for each new record", "requests", [new / RECORDS], [1.0], against),
        Comparison(f"{what}: for each changed record", "requests", [changed / CHANGES], [1.0], against),
        Comparison(f"{what}: for {RECORDS} unchanged records", "requests", [unchanged], [0.0], "nothing"),
    ]


async def _requests(sandbox: Sandbox) -> Sequence[int]:
    halo = tenant(sandbox.url).halo
    assignment = Assignment(tenant=REF.tenant, halo=halo, integration=SPEC, mode=Mode.FULL)
    made = []
    async with open_links(Path(":memory:")) as store, open_instances(Path(":memory:")) as instances:
        for fence, changes in enumerate((0, CHANGES, CHANGES), start=1):
            source = People(RECORDS, changed=changes)
            async with (
                open_workspace() as workspace,
                open_halo(
                    halo,
                    SecretStr(sandbox.settings.client_secret),
                    clock=SystemClock(),
                    budget=Plenty(),
                    permit=Always(),
                    tell=Quiet().log,
                    use=use_of(SPEC, instances),
                ) as target,
            ):
                links = store.of(REF, fence)
                await links.take_over(fence - 1)
                await sync(Attempt(assignment, source, target, links, workspace, Quiet(), Always()))
                made.append(target.requests)
    return made
