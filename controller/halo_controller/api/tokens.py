"""Tokens: who may ask this controller, and for what."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body

from halo_controller.access.deciding import ends, may_give
from halo_controller.access.roles import Action
from halo_controller.access.tokens import MadeToken, NewToken, Token
from halo_controller.api.context import Wired, insist, needs
from halo_controller.api.errors import CONFLICT, NOT_FOUND
from halo_controller.api.examples import TOKEN
from halo_controller.audit.nouns import Noun
from halo_controller.store import tokens

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.post(
    "",
    status_code=201,
    summary="Make a token",
    responses=NOT_FOUND | CONFLICT,
    dependencies=[needs(Action.TOKENS_ADD)],
)
async def add(controller: Wired, body: Annotated[NewToken, Body(openapi_examples=TOKEN)]) -> MadeToken:
    """The answer holds the token itself, which is said this once; only its digest is kept.

    An administrator may give what it has itself, to its own tenants, for no longer than its own token lasts.
    """
    now, value = controller.clock.now(), tokens.fresh()
    token = Token(
        name=body.name,
        role=body.role,
        tenants=tuple(sorted({*body.tenants})),
        created_at=now,
        expires_at=ends(now + body.lasts if body.lasts else None, controller.bearer.until),
    )
    async with controller.changing(Noun.TOKEN, token.name) as change:
        await tokens.add(change.db, token, value)
        insist(may_give(controller.bearer, token.role, frozenset(token.tenants)))
    return MadeToken(**token.model_dump(), token=value)


@router.get("", summary="List tokens", dependencies=[needs(Action.TOKENS_READ)])
async def every(controller: Wired) -> Sequence[Token]:
    """Without themselves: whose they are, what for, until when, and when each was last used, to the hour."""
    async with controller.database.read() as db:
        return await tokens.every(db)


@router.delete(
    "/{token}",
    status_code=204,
    summary="Revoke a token",
    responses=NOT_FOUND,
    dependencies=[needs(Action.TOKENS_REVOKE)],
)
async def revoke(controller: Wired, token: str) -> None:
    """It lets nobody in from the next request on."""
    async with controller.changing(Noun.TOKEN, token) as change:
        known = await tokens.revoke(change.db, token)
        insist(may_give(controller.bearer, known.role, frozenset(known.tenants)))
