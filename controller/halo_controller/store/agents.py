"""Agents, as last heard of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.nouns import Agent
from halo_controller.store import tenants
from halo_controller.store.holding import held
from halo_controller.store.sight import seen_of_groups
from halo_controller.store.tables import agents
from halo_shared.messages.requests import Goodbye, Heartbeat, Hello


async def add(db: AsyncConnection, name: str, group: str, now: datetime) -> Agent:
    """Register an agent; raises NotFound without its group, and Conflict when the name is taken."""
    await tenants.get_group(db, group)
    try:
        async with db.begin_nested():
            await db.execute(insert(agents).values(name=name, group=group, created_at=now))
    except IntegrityError as error:
        raise Conflict(f"There is an agent '{name}' already; choose another name.") from error
    return Agent(name=name, group=group, created_at=now)


async def find(db: AsyncConnection, name: str) -> Agent | None:
    """The agent of this name, or None."""
    row = (await db.execute(select(agents).where(agents.c.name == name))).mappings().one_or_none()
    return Agent.model_validate(row) if row else None


async def asking(db: AsyncConnection, name: str) -> Agent | None:
    """The agent of this name, whose requests are answered one after the other; or None."""
    await db.execute(held(db, select(agents.c.name).where(agents.c.name == name)))
    return await find(db, name)


async def get(db: AsyncConnection, name: str) -> Agent:
    """The agent of this name; raises NotFound."""
    query = seen_of_groups(db, select(agents).where(agents.c.name == name), agents.c.group)
    row = (await db.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"There is no agent '{name}'. Register it with: halo-controller agents add {name} --group GROUP"
        )
    return Agent.model_validate(row)


async def every(db: AsyncConnection, group: str | None = None) -> Sequence[Agent]:
    """All agents, or those of a group, by name."""
    query = select(agents).order_by(agents.c.name)
    if group is not None:
        query = query.where(agents.c.group == group)
    rows = await db.execute(seen_of_groups(db, query, agents.c.group))
    return [Agent.model_validate(row) for row in rows.mappings()]


async def count(db: AsyncConnection, group: str) -> int:
    """How many agents a group has."""
    return await db.scalar(select(func.count()).where(agents.c.group == group)) or 0


async def greet(db: AsyncConnection, hello: Hello, now: datetime) -> None:
    """Keep what a starting agent says of itself."""
    connectors = [spec.model_dump(mode="json") for spec in hello.connectors]
    await db.execute(
        update(agents)
        .where(agents.c.name == hello.agent)
        .values(
            session=hello.session,
            seen_at=now,
            version=hello.version,
            protocol=hello.protocol,
            stalled=0,
            slots=hello.slots,
            free_slots=hello.slots - len(hello.held),
            dropped=0,
            connectors=connectors,
            obeys=list(hello.obeys),
        )
    )


async def saw(db: AsyncConnection, beat: Heartbeat, now: datetime) -> None:
    """Keep what a heartbeat says."""
    await db.execute(
        update(agents)
        .where(agents.c.name == beat.agent)
        .values(
            seen_at=now,
            free_slots=beat.free_slots,
            spooled=beat.spooled,
            dropped=beat.dropped,
            doing=list(beat.doing),
            stalled=beat.stalled,
            certificates=[one.model_dump(mode="json") for one in beat.certificates],
        )
    )


async def heard(db: AsyncConnection, name: str, now: datetime) -> None:
    """Keep that an agent lives."""
    await db.execute(update(agents).where(agents.c.name == name).values(seen_at=now))


async def left(db: AsyncConnection, goodbye: Goodbye, now: datetime) -> None:
    """Keep that this session of an agent is over; of an older session it says nothing."""
    await db.execute(
        update(agents)
        .where(agents.c.name == goodbye.agent, agents.c.session == goodbye.session)
        .values(session=None, seen_at=now, free_slots=0, doing=[], stalled=0)
    )


async def drain(db: AsyncConnection, name: str, *, draining: bool) -> Agent:
    """Let an agent take no new work, or take it again; raises NotFound."""
    agent = await get(db, name)
    await db.execute(update(agents).where(agents.c.name == name).values(draining=draining))
    return agent.model_copy(update={"draining": draining})


async def remove(db: AsyncConnection, name: str) -> None:
    """Forget an agent."""
    await db.execute(delete(agents).where(agents.c.name == name))
