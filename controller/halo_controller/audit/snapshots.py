"""What a thing is at this moment, as far as people decide it: read before a change, and after."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.deciding import HOST
from halo_controller.audit.nouns import Noun, Snapshot
from halo_controller.errors import NotFound
from halo_controller.store import (
    agents,
    hostings,
    incidents,
    integrations,
    people,
    runs,
    standings,
    tenants,
    tokens,
)
from halo_shared.identifiers import IntegrationRef

RUN: Final = {
    *("tenant", "integration", "group", "status", "trigger", "reason", "mode", "cancel_reason"),
    *("held_for", "approved", "preview", "only"),
}
"""Of a run; what its agents say of it is no change that a person makes."""


async def snapshot(db: AsyncConnection, noun: Noun, name: str) -> Snapshot | None:
    """The thing as it is stored now; None when there is none, or it is not stored here."""
    read = READERS.get(noun)
    if read is None or not name:
        return None
    try:
        return await read(db, name)
    except NotFound:
        return None


async def _tenant(db: AsyncConnection, name: str) -> Snapshot:
    return _of(name, (await tenants.get(db, name)).spec)


async def _group(db: AsyncConnection, name: str) -> Snapshot:
    return _of(None, await tenants.get_group(db, name))


async def _agent(db: AsyncConnection, name: str) -> Snapshot:
    return _of(None, await agents.get(db, name), only={"name", "group", "draining"})


async def _integration(db: AsyncConnection, name: str) -> Snapshot:
    ref = IntegrationRef.parse(name)
    found = await integrations.get(db, ref)
    pause = (await standings.of(db, ref)).pause
    paused = pause.model_dump(mode="json") if pause else None
    override = (await hostings.of(db, ref)).override
    timed = override.model_dump(mode="json") if override else None
    return Snapshot(
        owners=frozenset({ref.tenant}),
        fields=found.spec.model_dump(mode="json", by_alias=True)
        | {"enabled": found.enabled, "pause": paused, "override": timed},
    )


async def _classes(db: AsyncConnection, _name: str) -> Snapshot:
    return _of(None, await hostings.classes(db))


async def _run(db: AsyncConnection, name: str) -> Snapshot:
    run = await runs.get(db, name)
    return _of(run.tenant, run, only=RUN)


async def _incident(db: AsyncConnection, name: str) -> Snapshot:
    incident = await incidents.get(db, name)
    return _of(incident.cause.tenant, incident, only={"cause", "acknowledged_at", "acknowledged_by"})


async def _person(db: AsyncConnection, name: str) -> Snapshot:
    person = await people.get(db, name)
    return _of(person.tenant, person)


async def _silence(db: AsyncConnection, name: str) -> Snapshot:
    silence = await people.silence_of(db, name)
    return _of(silence.tenant, silence)


async def _token(db: AsyncConnection, name: str) -> Snapshot:
    token = await tokens.get(db, name)
    fields = token.model_dump(mode="json", include={"name", "role", "tenants", "expires_at"})
    return Snapshot(owners=frozenset(token.tenants), fields=fields)


def _of(tenant: str | None, model: BaseModel, only: set[str] | None = None) -> Snapshot:
    owners = frozenset({tenant}) if tenant else HOST
    return Snapshot(owners=owners, fields=model.model_dump(mode="json", by_alias=True, include=only))


READERS: Final[Mapping[Noun, Callable[[AsyncConnection, str], Awaitable[Snapshot]]]] = {
    Noun.TENANT: _tenant,
    Noun.GROUP: _group,
    Noun.AGENT: _agent,
    Noun.INTEGRATION: _integration,
    Noun.CLASSES: _classes,
    Noun.RUN: _run,
    Noun.INCIDENT: _incident,
    Noun.PERSON: _person,
    Noun.SILENCE: _silence,
    Noun.TOKEN: _token,
}
"""Monitors are kept by the broker, and told of by who changes them."""
