"""What agents said of their connectors: kept once for all that say the same, and read only where it matters."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.catalogue import CONNECTORS
from halo_controller.nouns import Agent, Equipped
from halo_controller.store import agents
from halo_controller.store.rows import insert_of
from halo_controller.store.tables import agents as agent_rows
from halo_controller.store.tables import announcements
from halo_shared.messages.requests import ConnectorSpec


async def keep(db: AsyncConnection, said: Mapping[str, Sequence[ConnectorSpec]]) -> None:
    """Keep these by their digests, before an agent refers to them."""
    if said:
        rows = [
            {"digest": digest, "connectors": CONNECTORS.dump_python(tuple(connectors), mode="json")}
            for digest, connectors in said.items()
        ]
        await db.execute(insert_of(db, announcements).on_conflict_do_nothing(), rows)


async def forget_unused(db: AsyncConnection) -> None:
    """Forget what no agent says any more."""
    said = exists().where(agent_rows.c.announced == announcements.c.digest)
    await db.execute(delete(announcements).where(~said))


async def every(db: AsyncConnection, group: str | None = None) -> Sequence[Equipped]:
    """All agents, or those of a group, each with its connectors."""
    return await equipped(db, await agents.every(db, group))


async def equipped(db: AsyncConnection, known: Sequence[Agent]) -> Sequence[Equipped]:
    """These agents, each with its connectors."""
    digests = {agent.announced for agent in known if agent.announced}
    rows = await db.execute(select(announcements).where(announcements.c.digest.in_(digests)))
    said = {row.digest: CONNECTORS.validate_python(row.connectors) for row in rows}
    return [Equipped(**dict(agent), connectors=said.get(agent.announced or "", ())) for agent in known]
