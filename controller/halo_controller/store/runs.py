"""Runs and their attempts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.nouns import Attempt, Run
from halo_controller.store.holding import held
from halo_controller.store.sight import seen
from halo_controller.store.tables import attempts, runs
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.runs import RunStatus


async def add(db: AsyncConnection, run: Run) -> None:
    """Keep a new run; raises Conflict when the integration has an open one."""
    try:
        async with db.begin_nested():
            await db.execute(insert(runs).values(_row(run)))
    except IntegrityError as error:
        still = await open_of(db, run.ref)
        if still is None:
            raise
        raise Conflict(
            f"'{run.ref}' has an open run {still.id} ({still.status}); wait for its end, or stop it with: "
            f"halo-controller runs cancel {still.id}"
        ) from error


async def find(db: AsyncConnection, run_id: str) -> Run | None:
    """The run of this id, or None."""
    query = held(db, select(runs).where(runs.c.id == run_id))
    row = (await db.execute(query)).mappings().one_or_none()
    return Run.model_validate(row) if row else None


async def these(db: AsyncConnection, ids: Collection[str]) -> dict[str, Run]:
    """The runs of these ids, as far as there are such."""
    rows = await db.execute(held(db, select(runs).where(runs.c.id.in_(ids)).order_by(runs.c.id)))
    return {row["id"]: Run.model_validate(row) for row in rows.mappings()}


async def get(db: AsyncConnection, prefix: str) -> Run:
    """The one run whose id starts so; raises NotFound, or Conflict when there are several."""
    query = select(runs).where(runs.c.id.startswith(prefix, autoescape=True)).limit(2)
    found = (await db.execute(held(db, seen(db, query, runs.c.tenant)))).mappings().all()
    if not found:
        raise NotFound(f"There is no run '{prefix}'. List them with: halo-controller runs list")
    if len(found) > 1:
        raise Conflict(f"Several runs start with '{prefix}'; write more of the id.")
    return Run.model_validate(found[0])


async def open_of(db: AsyncConnection, ref: IntegrationRef) -> Run | None:
    """The open run of an integration, of which there is one at the most."""
    query = select(runs).where(
        runs.c.tenant == ref.tenant, runs.c.integration == ref.name, runs.c.ended_at.is_(None)
    )
    row = (await db.execute(held(db, query))).mappings().one_or_none()
    return Run.model_validate(row) if row else None


async def every(
    db: AsyncConnection,
    *,
    tenant: str | None = None,
    integration: str | None = None,
    status: RunStatus | None = None,
    limit: int = 50,
) -> Sequence[Run]:
    """The latest runs, newest first."""
    query = select(runs).order_by(runs.c.queued_at.desc(), runs.c.id).limit(limit)
    for column, wanted in (
        (runs.c.tenant, tenant),
        (runs.c.integration, integration),
        (runs.c.status, status),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    rows = await db.execute(seen(db, query, runs.c.tenant))
    return [Run.model_validate(row) for row in rows.mappings()]


async def latest(
    db: AsyncConnection, tenant: str | None = None, *, ended: bool = False
) -> dict[IntegrationRef, Run]:
    """The latest run of each integration that has ever run, or the latest that is over."""
    newest_first = func.row_number().over(
        partition_by=(runs.c.tenant, runs.c.integration), order_by=(runs.c.queued_at.desc(), runs.c.id)
    )
    numbered = seen(db, select(runs, newest_first.label("place")), runs.c.tenant)
    if tenant is not None:
        numbered = numbered.where(runs.c.tenant == tenant)
    if ended:
        numbered = numbered.where(runs.c.ended_at.is_not(None))
    counted = numbered.subquery()
    rows = (await db.execute(select(counted).where(counted.c.place == 1))).mappings()
    found = [Run.model_validate(row) for row in rows]
    return {run.ref: run for run in found}


async def still_open(db: AsyncConnection) -> Sequence[Run]:
    """All runs that have not ended."""
    query = select(runs).where(runs.c.ended_at.is_(None)).order_by(runs.c.queued_at)
    return [Run.model_validate(row) for row in (await db.execute(query)).mappings()]


async def open_hosted(db: AsyncConnection, tenant: str | None = None) -> Sequence[Run]:
    """The runs of the hosted agents that have not ended: all tenants', or one's."""
    query = select(runs).where(runs.c.ended_at.is_(None), runs.c.group == HOSTED_GROUP)
    if tenant is not None:
        query = query.where(runs.c.tenant == tenant)
    return [Run.model_validate(row) for row in (await db.execute(query)).mappings()]


async def running_on(db: AsyncConnection, agent: str) -> Sequence[Run]:
    """The runs that this agent has the leases of."""
    query = select(runs).where(
        runs.c.ended_at.is_(None), runs.c.status == RunStatus.RUNNING, runs.c.agent == agent
    )
    return [Run.model_validate(row) for row in (await db.execute(query)).mappings()]


async def count_running(db: AsyncConnection, tenant: str) -> int:
    """How many runs of a tenant an agent works on."""
    running = (runs.c.tenant == tenant, runs.c.status == RunStatus.RUNNING)
    return await db.scalar(select(func.count()).where(*running)) or 0


async def save(db: AsyncConnection, run: Run) -> None:
    """Keep the run as it is now."""
    await db.execute(update(runs).where(runs.c.id == run.id).values(_row(run)))


async def previous_fence(db: AsyncConnection, run: Run) -> int:
    """The fence of the attempt at this integration that was made before the run's present one; zero for none."""
    of_integration = (runs.c.tenant == run.tenant, runs.c.integration == run.integration)
    query = select(func.max(attempts.c.fence)).join(runs).where(*of_integration, attempts.c.fence < run.fence)
    return await db.scalar(query) or 0


async def last_agent(db: AsyncConnection, ref: IntegrationRef) -> str | None:
    """The agent that made the newest attempt at any run of this integration."""
    of_integration = (runs.c.tenant == ref.tenant, runs.c.integration == ref.name)
    query = (
        select(attempts.c.agent).join(runs).where(*of_integration).order_by(attempts.c.fence.desc()).limit(1)
    )
    found: str | None = await db.scalar(query)
    return found


async def begin_attempt(db: AsyncConnection, run: Run, now: datetime) -> None:
    """Write down that an agent was granted this attempt."""
    await db.execute(
        insert(attempts).values(
            run=run.id, number=run.attempt, fence=run.fence, agent=run.agent, granted_at=now
        )
    )


async def end_attempt(db: AsyncConnection, run: Run, end: str, now: datetime) -> None:
    """Write down how an attempt ended."""
    await db.execute(
        update(attempts)
        .where(attempts.c.run == run.id, attempts.c.number == run.attempt)
        .values(ended_at=now, end=end)
    )


async def attempts_of(db: AsyncConnection, run_id: str) -> Sequence[Attempt]:
    """All attempts at a run, in order."""
    query = select(attempts).where(attempts.c.run == run_id).order_by(attempts.c.number)
    return [Attempt.model_validate(row) for row in (await db.execute(query)).mappings()]


_NESTED: Final = {"counts", "progress", "failure", "held_for", "approved", "planned"}


def _row(run: Run) -> dict[str, Any]:  # Any: one value per column
    """The run as its columns: times and ids as they are, everything nested as JSON."""
    nested = run.model_dump(mode="json", include=_NESTED)
    return {**run.model_dump(exclude=set(nested)), **nested}
