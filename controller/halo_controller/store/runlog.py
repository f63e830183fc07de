"""The run log: lines of all runs, the stages of each, and forgetting them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, Field
from sqlalchemy import bindparam, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.runlog.story import StageBegun
from halo_controller.store.sight import seen
from halo_controller.store.tables import events, metadata, runs, stages
from halo_shared.identifiers import IntegrationRef
from halo_shared.messages.events import EVENTS, Event, Level, Progress
from halo_shared.runs import Frozen


class Wanted(Frozen):
    """Which lines are looked for; None stands for all."""

    tenant: str | None = None
    integration: str | None = None
    level: Level = Level.INFO
    """This level and louder."""
    text: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: int = Field(default=200, ge=1, le=100_000)


async def search(db: AsyncConnection, wanted: Wanted) -> Sequence[Event]:
    """The latest lines that fit, the oldest first."""
    query = seen(db, select(events.c.body).join(runs, runs.c.id == events.c.run), runs.c.tenant)
    query = query.where(events.c.level.in_(wanted.level.and_louder))
    if wanted.tenant is not None:
        query = query.where(runs.c.tenant == wanted.tenant)
    if wanted.integration is not None:
        query = query.where(runs.c.integration == wanted.integration)
    if wanted.text is not None:
        query = query.where(events.c.body["text"].as_string().icontains(wanted.text, autoescape=True))
    if wanted.since is not None:
        query = query.where(events.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(events.c.at < wanted.until)
    latest = query.order_by(events.c.at.desc(), events.c.fence.desc(), events.c.seq.desc()).limit(
        wanted.limit
    )
    return [EVENTS.validate_python(body) for body in reversed((await db.scalars(latest)).all())]


async def note_stages(db: AsyncConnection, said: Sequence[Event]) -> None:
    """Keep when each stage began, and how far it came: progress itself is not kept."""
    begun: dict[tuple[str, int, str], Progress] = {}
    latest: dict[tuple[str, int, str], Progress] = {}
    for event in said:
        if isinstance(event, Progress):
            place = (event.origin.run, event.origin.fence, event.stage.value)
            begun.setdefault(place, event)
            latest[place] = event
    if not latest:
        return
    this = (stages.c.run, stages.c.fence, stages.c.stage)
    there = set(map(tuple, await db.execute(select(*this).where(tuple_(*this).in_(latest)))))
    far = {place: {"done": event.done, "total": event.total} for place, event in latest.items()}
    if known := [dict(zip(_PLACE, place, strict=True)) | far[place] for place in latest if place in there]:
        is_it = (column == bindparam(name) for column, name in zip(this, _PLACE, strict=True))
        await db.execute(update(stages).where(*is_it), known)
    if fresh := [
        {"run": place[0], "fence": place[1], "stage": place[2], "began_at": begun[place].at, **far[place]}
        for place in latest
        if place not in there
    ]:
        await db.execute(insert(stages), fresh)


_PLACE: Final = ("of_run", "of_fence", "of_stage")


async def stages_of(db: AsyncConnection, run: str) -> Sequence[StageBegun]:
    """The stages of all attempts at a run, in order."""
    query = select(stages).where(stages.c.run == run).order_by(stages.c.fence, stages.c.began_at)
    return [StageBegun.model_validate(row) for row in (await db.execute(query)).mappings()]


async def ended(db: AsyncConnection, tenant: str) -> Sequence[tuple[str, IntegrationRef, datetime]]:
    """The runs of a tenant that have ended."""
    query = select(runs.c.id, runs.c.integration, runs.c.ended_at).where(
        runs.c.tenant == tenant, runs.c.ended_at.is_not(None)
    )
    rows = await db.execute(query)
    return [(row.id, IntegrationRef(tenant, row.integration), row.ended_at) for row in rows]


async def forget(db: AsyncConnection, ids: Collection[str]) -> None:
    """Drop these runs with all that was said of them."""
    await db.execute(delete(events).where(events.c.run.in_(ids)))
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            if key.column is runs.c.id:
                await db.execute(delete(table).where(key.parent.in_(ids)))
    await db.execute(delete(runs).where(runs.c.id.in_(ids)))
