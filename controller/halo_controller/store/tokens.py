"""Bearer tokens: only their digests are kept."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.tokens import Token
from halo_controller.errors import Conflict, NotFound
from halo_controller.store import tenants
from halo_controller.store.sight import limit
from halo_controller.store.tables import tokens

USED_WITHIN: Final = timedelta(hours=1)
"""How exactly it is known when a token was last used: not each request shall write."""


def fresh() -> str:
    """A token that nobody guesses."""
    return f"hct_{secrets.token_urlsafe(32)}"


async def put(db: AsyncConnection, token: Token, value: str) -> None:
    """Let this token in from now on, and no earlier one of the same name."""
    await db.execute(delete(tokens).where(tokens.c.name == token.name))
    await db.execute(insert(tokens).values(**token.model_dump(), digest=digest(value)))


async def add(db: AsyncConnection, token: Token, value: str) -> None:
    """Let a new token in; raises NotFound without its tenants, and Conflict when the name is taken."""
    for tenant in token.tenants:
        await tenants.get(db, tenant)
    try:
        async with db.begin_nested():
            await db.execute(insert(tokens).values(**token.model_dump(), digest=digest(value)))
    except IntegrityError as error:
        raise Conflict(
            f"There is a token '{token.name}' already; choose another name, or end that one first with: "
            f"halo-controller tokens revoke {token.name}"
        ) from error


async def find(db: AsyncConnection, value: str) -> Token | None:
    """Which token this is; None when it is none."""
    query = select(tokens).where(tokens.c.digest == digest(value))
    row = (await db.execute(query)).mappings().one_or_none()
    return Token.model_validate(row) if row else None


async def get(db: AsyncConnection, name: str) -> Token:
    """The token of this name; raises NotFound."""
    for token in await every(db):
        if token.name == name:
            return token
    raise NotFound(f"There is no token '{name}'. List them with: halo-controller tokens list")


async def every(db: AsyncConnection) -> Sequence[Token]:
    """All tokens, by name; of those for several tenants only who may see all of these."""
    rows = (await db.execute(select(tokens).order_by(tokens.c.name))).mappings()
    found = [Token.model_validate(row) for row in rows]
    seen = limit(db)
    return found if seen is None else [one for one in found if one.tenants and {*one.tenants} <= {*seen}]


async def used(db: AsyncConnection, name: str, now: datetime) -> None:
    """Keep that a token is in use."""
    await db.execute(update(tokens).where(tokens.c.name == name).values(used_at=now))


async def revoke(db: AsyncConnection, name: str) -> Token:
    """Let a token in no more; raises NotFound."""
    token = await get(db, name)
    await db.execute(delete(tokens).where(tokens.c.name == name))
    return token


def digest(value: str) -> str:
    """What is kept of a token: it has the entropy of a key, so a plain hash suffices."""
    return hashlib.sha256(value.encode()).hexdigest()
