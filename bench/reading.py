"""Reading a source of the product to its end."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench.child import Work
from halo_agent.connectors import Connector
from halo_agent.engine.ports import Wanted
from halo_agent.engine.records import SourceRecord
from halo_shared.entities import EntityKind
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets


def reading(connector: Connector, settings: Mapping[str, object], secrets: Mapping[str, str]) -> Work:
    """Reads all users through this connector; `secrets` are as the environment would give them."""
    parsed = connector.parse(dict(settings))
    local = LocalSecrets(Path("/nonexistent"), secrets, Redactor())

    async def read() -> int:
        async with connector.open(parsed, local) as source:
            items = source.read(Wanted(EntityKind.USERS))
            count = 0
            async for item in items:
                count += isinstance(item, SourceRecord)
            return count

    return lambda: asyncio.run(read())
