"""What one instance is and can do: its version, and the properties that its own description lists."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from halo_agent.targets.halo import wire
from halo_agent.targets.halo.client import HaloClient
from halo_agent.targets.halo.resources import INSTANCE
from halo_shared import logs
from halo_shared.errors import ConfigurationError, RecordError, TransientError

log = logs.get(__name__)

DESCRIPTION: Final = "swagger/v2/swagger.json"
WATCHED: Final = ("Area", "Site", "Users", "Uname", "Device")
"""The schemas whose properties are remembered; the whole description has several megabytes."""


class InstanceMemory(Protocol):
    """Keeps what was learnt of an instance for the next attempts."""

    async def recall(self, instance: str) -> Mapping[str, str]:
        """All lessons of this instance, by topic."""
        ...

    async def keep(self, instance: str, topic: str, lesson: str) -> None: ...


class Forgetful:
    """Keeps nothing: for who only looks."""

    async def recall(self, instance: str) -> Mapping[str, str]:
        return {}

    async def keep(self, instance: str, topic: str, lesson: str) -> None:
        """Forgotten at once."""


class Instance:
    """One instance in one version: after an upgrade everything is learnt anew."""

    def __init__(self, client: HaloClient, memory: InstanceMemory, url: str) -> None:
        self._client = client
        self._memory = memory
        self._url = url
        self._lessons: dict[str, str] | None = None
        self._name = ""
        self._asking = asyncio.Lock()

    async def lesson(self, topic: str) -> str | None:
        """What was learnt before, if anything."""
        return (await self._all()).get(topic)

    async def learn(self, topic: str, lesson: str) -> None:
        """Remember this from now on."""
        (await self._all())[topic] = lesson
        await self._memory.keep(self._name, topic, lesson)

    async def properties(self, schema: str) -> frozenset[str]:
        """The properties that the instance says this schema has; empty when it does not say."""
        topic = f"properties of {schema}"
        if (known := await self.lesson(topic)) is None:
            await self._read_description()
            known = await self.lesson(topic)
        return frozenset((known or "").split())

    async def _all(self) -> dict[str, str]:
        async with self._asking:
            if self._lessons is None:
                about = wire.about(await self._client.get(INSTANCE.path))
                self._name = f"{self._url} {about.database} {about.version}"
                self._lessons = dict(await self._memory.recall(self._name))
            return self._lessons

    async def _read_description(self) -> None:
        """A Halo that cannot describe itself now is taken as it is in this attempt, and asked again by the next."""
        try:
            schemas = wire.schemas(await self._client.get(DESCRIPTION, once=True))
        except (RecordError, ConfigurationError, TransientError) as error:
            log.info("description_not_given", why=error.message)
            lessons = await self._all()
            lessons |= {f"properties of {schema}": "" for schema in WATCHED}
            return
        for schema in WATCHED:
            await self.learn(f"properties of {schema}", " ".join(sorted(schemas.get(schema, ()))))
