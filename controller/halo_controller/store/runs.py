"""Runs and their attempts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Conflict, NotFound
from halo_controller.lifecycle import TRANSITIONS, Happening
from halo_controller.nouns import Attempt, Run
from halo_controller.store.holding import held
from halo_controller.store.rows import among, as_row, insert_of, keep_changes
from halo_controller.store.sight import seen
from halo_controller.store.tables import attempts, integrations, runs
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.runs import RunStatus

_RUNNING: Final = and_(runs.c.ended_at.is_(None), runs.c.status == RunStatus.RUNNING)


async def add(db: AsyncConnection, *fresh: Run) -> dict[str, Conflict]:
    """Keep these new runs; what stands in the way of each that was not kept, since its integration has an open one."""
    # Not by catching an error, which would need a savepoint: two round trips more.
    added = insert_of(db, runs).on_conflict_do_nothing(
        index_elements=(runs.c.tenant, runs.c.integration), index_where=runs.c.ended_at.is_(None)
    )
    rows = [as_row(runs, run) for run in fresh]
    kept = {*await db.scalars(added.returning(runs.c.id), rows)} if rows else set()
    return {run.id: await _in_the_way(db, run.ref) for run in fresh if run.id not in kept}


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


async def open_of(db: AsyncConnection, refs: Collection[IntegrationRef]) -> dict[IntegrationRef, Run]:
    """The open runs of these integrations; each has one at the most."""
    query = select(runs).where(among(runs.c.tenant, runs.c.integration, refs), runs.c.ended_at.is_(None))
    rows = await db.execute(held(db, query.order_by(runs.c.id)))
    found = [Run.model_validate(row) for row in rows.mappings()]
    return {run.ref: run for run in found}


async def latest_trace(db: AsyncConnection, ref: IntegrationRef) -> str | None:
    """The trace of the latest run of an integration."""
    query = (
        select(runs.c.traceparent)
        .where(runs.c.tenant == ref.tenant, runs.c.integration == ref.name)
        .order_by(runs.c.queued_at.desc(), runs.c.id)
    )
    return await db.scalar(query.limit(1))


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
    one = runs.alias()
    # For each integration the index is asked once: however many runs are kept, no other is looked at.
    newest = (
        select(one.c.id)
        .where(one.c.tenant == integrations.c.tenant, one.c.integration == integrations.c.name)
        .order_by(one.c.queued_at.desc(), one.c.id)
        .limit(1)
    )
    if ended:
        newest = newest.where(one.c.ended_at.is_not(None))
    is_it = runs.c.id == newest.correlate(integrations).scalar_subquery()
    query = select(runs).select_from(integrations.join(runs, is_it))
    if tenant is not None:
        query = query.where(integrations.c.tenant == tenant)
    rows = await db.execute(seen(db, query, integrations.c.tenant))
    found = [Run.model_validate(row) for row in rows.mappings()]
    return {run.ref: run for run in found}


async def still_open(db: AsyncConnection) -> Sequence[Run]:
    """All runs that have not ended."""
    query = select(runs).where(runs.c.ended_at.is_(None)).order_by(runs.c.queued_at)
    return [Run.model_validate(row) for row in (await db.execute(query)).mappings()]


async def open_on(db: AsyncConnection, agent: str) -> Sequence[Run]:
    """The runs that have not ended and whose latest attempt is this agent's."""
    query = select(runs).where(runs.c.ended_at.is_(None), runs.c.agent == agent)
    return [Run.model_validate(row) for row in (await db.execute(query)).mappings()]


async def open_hosted(db: AsyncConnection, tenants: Collection[str] | None = None) -> Sequence[Run]:
    """The runs of the hosted agents that have not ended: all tenants', or these."""
    query = select(runs).where(runs.c.ended_at.is_(None), runs.c.group == HOSTED_GROUP)
    if tenants is not None:
        query = query.where(runs.c.tenant.in_(tenants))
    return [Run.model_validate(row) for row in (await db.execute(query)).mappings()]


async def running_on(db: AsyncConnection, agents: Collection[str]) -> Sequence[tuple[str, str]]:
    """The runs that these agents have the leases of, each with its agent."""
    query = select(runs.c.id, runs.c.agent).where(_RUNNING, runs.c.agent.in_(agents))
    return [(found.id, found.agent) for found in await db.execute(query)]


async def count_running(db: AsyncConnection, tenants: Collection[str]) -> Mapping[str, int]:
    """How many runs of each of these tenants an agent works on; a tenant without any is left out."""
    query = select(runs.c.tenant, func.count().label("many")).where(_RUNNING, runs.c.tenant.in_(tenants))
    return {found.tenant: found.many for found in await db.execute(query.group_by(runs.c.tenant))}


async def save(db: AsyncConnection, run: Run) -> None:
    """Keep the run as it is now."""
    await db.execute(
        update(runs).where(runs.c.id == bindparam("saved")), {"saved": run.id, **as_row(runs, run)}
    )


async def keep(db: AsyncConnection, changes: Iterable[tuple[Run, Run]]) -> None:
    """Keep of each run, as it was and as it is now, what is another."""
    await keep_changes(db, runs, "id", changes)


async def dispatched(db: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    """Keep that the jobs of these runs have left; one that has ended meanwhile is left as it is.

    Also of an offer that nobody heard: it goes to the group as one does that was heard and not taken.
    """
    await db.execute(held(db, select(runs.c.id).where(runs.c.id.in_(ids)).order_by(runs.c.id)))
    after = {before: status for (before, what), status in TRANSITIONS.items() if what is Happening.PUBLISHED}
    await db.execute(
        update(runs)
        .where(runs.c.id.in_(ids), runs.c.status.in_(after))
        .values(status=case(after, value=runs.c.status), dispatched_at=now)
    )


async def previous_fence(db: AsyncConnection, run: Run) -> int:
    """The fence of the attempt at this integration that was made before the run's present one; zero for none."""
    of_integration = (runs.c.tenant == run.tenant, runs.c.integration == run.integration)
    query = select(func.max(attempts.c.fence)).join(runs).where(*of_integration, attempts.c.fence < run.fence)
    return await db.scalar(query) or 0


async def begin_attempts(db: AsyncConnection, granted: Iterable[Run], now: datetime) -> None:
    """Write down that an agent was granted the present attempt at each of these."""
    begun = [
        {"run": run.id, "number": run.attempt, "fence": run.fence, "agent": run.agent, "granted_at": now}
        for run in granted
    ]
    if begun:
        await db.execute(insert(attempts), begun)


async def end_attempts(db: AsyncConnection, ended: Iterable[tuple[Run, str]], now: datetime) -> None:
    """Write down how the present attempt at each of these ended."""
    ends = [{"of_run": run.id, "of_number": run.attempt, "ended_at": now, "end": end} for run, end in ended]
    if ends:
        this = (attempts.c.run == bindparam("of_run"), attempts.c.number == bindparam("of_number"))
        await db.execute(update(attempts).where(*this), ends)


async def attempts_of(db: AsyncConnection, run_id: str) -> Sequence[Attempt]:
    """All attempts at a run, in order."""
    query = select(attempts).where(attempts.c.run == run_id).order_by(attempts.c.number)
    return [Attempt.model_validate(row) for row in (await db.execute(query)).mappings()]


async def _in_the_way(db: AsyncConnection, ref: IntegrationRef) -> Conflict:
    # Not held: whoever opens a run may hold the integration already, which comes behind its runs.
    query = select(runs.c.id, runs.c.status).where(
        runs.c.tenant == ref.tenant, runs.c.integration == ref.name, runs.c.ended_at.is_(None)
    )
    still = (await db.execute(query)).one_or_none()
    if still is None:
        return Conflict(f"A run of '{ref}' has ended at this very moment; try again.")
    return Conflict(
        f"'{ref}' has an open run {still.id} ({still.status}); wait for its end, or stop it with: "
        f"halo-controller runs cancel {still.id}"
    )
