"""An agent tries a tenant's Halo when the controller asks for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from halo_agent.checks import Checks
from halo_sandbox.server import Sandbox, running
from halo_shared.clock import SystemClock
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.messages.codec import unseal
from halo_shared.messages.commands import CheckHalo, Welcome
from halo_shared.messages.requests import REQUESTS, HaloChecked
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, REQUESTS_QUEUE
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import SESSION, hello, tenant_spec

SECRET = "sandbox-secret"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


async def checked(folder: Path, url: str, secrets: str, *, group: str) -> HaloChecked:
    """What an agent of this group, with these secrets, says of the Halo at this address."""
    file = folder / "secrets.yaml"
    file.write_text(secrets)
    file.chmod(0o600)
    transport = MemoryTransport()
    await transport.declare(*EXCHANGES, *FIXED_QUEUES)
    checks = Checks(hello(), LocalSecrets(file, {}, Redactor()), transport, SystemClock(), Redactor())
    checks.ask(
        CheckHalo(ask=uuid4(), tenant="acme", halo=tenant_spec(url=url, requests_per_minute=6000).halo)
    )
    work = asyncio.create_task(checks.run(Welcome(session=SESSION, group=group, heartbeat_seconds=10)))
    try:
        async with transport.consume(REQUESTS_QUEUE, prefetch=1) as deliveries:
            delivery = await anext(aiter(deliveries))
            answer = unseal(delivery.body, REQUESTS)
            await delivery.done()
    finally:
        work.cancel()
    assert isinstance(answer, HaloChecked)
    return answer


async def test_it_tells_how_far_it_came_and_what_it_may_do(tmp_path: Path, sandbox: Sandbox) -> None:
    found = await checked(tmp_path, sandbox.url, f"halo-acme: {SECRET}\n", group="site")

    assert found.failure is None
    assert found.steps
    assert {right.entity for right in found.rights} >= {"users", "assets", "clients", "sites"}
    assert not any(right.missing for right in found.rights)


async def test_a_wrong_secret_is_told_with_what_to_do_and_not_with_the_secret(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    found = await checked(tmp_path, sandbox.url, "halo-acme: wrong-secret-7\n", group="site")

    assert found.failure
    assert found.failure.code == "HaloCredentialRefused"
    assert "wrong-secret-7" not in found.model_dump_json()


async def test_a_hosted_agent_takes_the_secret_of_that_tenant_only(tmp_path: Path, sandbox: Sandbox) -> None:
    of_the_machine = await checked(tmp_path, sandbox.url, f"halo-acme: {SECRET}\n", group=HOSTED_GROUP)
    its_own = await checked(tmp_path, sandbox.url, f"acme.halo-acme: {SECRET}\n", group=HOSTED_GROUP)

    assert of_the_machine.failure
    assert of_the_machine.failure.code == "SecretMissing"
    assert its_own.failure is None
