"""Agents, as last heard of."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.nouns import Agent
from halo_controller.store import tenants
from halo_controller.store.holding import held
from halo_controller.store.rows import keep_changes
from halo_controller.store.sight import seen_of_groups
from halo_controller.store.tables import agents, runs
from halo_shared.runs import RunStatus

_WORKING: Final = runs.c.status == RunStatus.RUNNING
_ASKED: Final = runs.c.status.in_((RunStatus.QUEUED, RunStatus.DISPATCHED))
_BUSY: Final = (
    select(
        case((_WORKING, runs.c.agent), (_ASKED, runs.c.offered_to)).label("name"), func.count().label("many")
    )
    .where(runs.c.ended_at.is_(None))
    .group_by("name")
    .subquery()
)
_WITH_WORK: Final = (
    select(agents, func.coalesce(_BUSY.c.many, 0).label("busy"))
    .outerjoin(_BUSY, _BUSY.c.name == agents.c.name)
    .where(agents.c.name.in_(bindparam("names", expanding=True)))
)
"""Made once: it takes the library longer to make it than to have it answered."""


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


async def with_work(db: AsyncConnection, names: Collection[str]) -> dict[str, tuple[Agent, int]]:
    """The agents of these names, and how many runs each works on or is asked to."""
    rows = (await db.execute(_WITH_WORK, {"names": list(names)})).mappings()
    return {row["name"]: (Agent.model_validate(row), row["busy"]) for row in rows}


async def these(db: AsyncConnection, names: Collection[str]) -> dict[str, Agent]:
    """The agents of these names, as far as there are such."""
    query = select(agents).where(agents.c.name.in_(names)).order_by(agents.c.name)
    return {row["name"]: Agent.model_validate(row) for row in (await db.execute(held(db, query))).mappings()}


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


async def count(db: AsyncConnection, groups: Collection[str]) -> Mapping[str, int]:
    """How many agents each of these groups has; a group without any is left out."""
    many = select(agents.c.group, func.count().label("many")).where(agents.c.group.in_(groups))
    return {row.group: row.many for row in await db.execute(many.group_by(agents.c.group))}


async def keep(db: AsyncConnection, changes: Iterable[tuple[Agent, Agent]]) -> None:
    """Keep of each agent, as it was and as it is now, what is another."""
    await keep_changes(db, agents, "name", changes)


async def drain(db: AsyncConnection, name: str, *, draining: bool) -> Agent:
    """Let an agent take no new work, or take it again; raises NotFound."""
    agent = await get(db, name)
    await db.execute(update(agents).where(agents.c.name == name).values(draining=draining))
    return agent.model_copy(update={"draining": draining})


async def remove(db: AsyncConnection, name: str) -> None:
    """Forget an agent."""
    await db.execute(delete(agents).where(agents.c.name == name))
