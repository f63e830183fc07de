"""Bearer tokens: only their digests are kept."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.store.tables import tokens


def fresh() -> str:
    """A token that nobody guesses."""
    return f"hct_{secrets.token_urlsafe(32)}"


async def put(db: AsyncConnection, name: str, token: str, now: datetime) -> None:
    """Let this token in from now on, and no earlier one of the same name."""
    await db.execute(delete(tokens).where(tokens.c.name == name))
    await db.execute(insert(tokens).values(name=name, digest=digest(token), created_at=now))


async def owner(db: AsyncConnection, token: str) -> str | None:
    """Whose token this is; None when it is nobody's."""
    return await db.scalar(select(tokens.c.name).where(tokens.c.digest == digest(token)))


def digest(token: str) -> str:
    """What is kept of a token: it has the entropy of a key, so a plain hash suffices."""
    return hashlib.sha256(token.encode()).hexdigest()
