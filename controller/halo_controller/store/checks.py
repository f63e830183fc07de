"""The latest try of each tenant's Halo."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.nouns import HaloCheck
from halo_controller.store.tables import halo_checks
from halo_shared.messages.requests import HaloChecked


async def ask(db: AsyncConnection, tenant: str, ask_id: UUID, agent: str, now: datetime) -> None:
    """Keep that this agent was asked; what was known before is worth nothing from now on."""
    await db.execute(delete(halo_checks).where(halo_checks.c.tenant == tenant))
    await db.execute(insert(halo_checks).values(tenant=tenant, ask=ask_id, agent=agent, asked_at=now))


async def answered(db: AsyncConnection, answer: HaloChecked, now: datetime) -> None:
    """Keep what it found; an answer to an earlier question is not kept."""
    await db.execute(
        update(halo_checks)
        .where(halo_checks.c.ask == answer.ask, halo_checks.c.agent == answer.agent)
        .values(answered_at=now, answer=answer.model_dump(mode="json"))
    )


async def of(db: AsyncConnection, tenant: str) -> HaloCheck | None:
    """The latest try; None when there was none."""
    row = (
        (await db.execute(select(halo_checks).where(halo_checks.c.tenant == tenant))).mappings().one_or_none()
    )
    return HaloCheck.model_validate(row) if row else None
