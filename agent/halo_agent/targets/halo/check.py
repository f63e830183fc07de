"""Trying a connection stage by stage, so that the first thing that is wrong has a name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.auth import HaloAuth
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.paging import Lists
from halo_agent.targets.halo.resources import CLIENT, INSTANCE
from halo_shared.errors import PermissionMissing


@dataclass(frozen=True, slots=True)
class Step:
    """One stage that succeeded, and what it showed."""

    stage: str
    found: str


async def check(auth: HaloAuth, client: HaloClient, lists: Lists) -> AsyncIterator[Step]:
    """Each stage as it succeeds; the first that fails raises an error that says what to do."""
    endpoint = await auth.endpoint()
    tenant = f" for tenant '{endpoint.tenant}'" if endpoint.tenant else ""
    yield Step("connect to Halo", f"tokens are given at {endpoint.url}{tenant}")
    token = await auth.token()
    yield Step("log in", f"a token for {token.life / 60:.0f} minutes")
    about = wire.about(await client.get(INSTANCE.path))
    yield Step("read the version", f"Halo {about.version}, database {about.database_version}")
    try:
        clients = await lists.page(CLIENT)
    except PermissionMissing:
        yield Step("list clients", "not allowed")
    else:
        yield Step("list clients", f"{clients.count:,} of them")
