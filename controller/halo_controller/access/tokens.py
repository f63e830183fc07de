"""Tokens, and who bears one."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import Field, model_validator

from halo_controller.access.roles import Role
from halo_shared.durations import Span
from halo_shared.identifiers import Slug, TenantId
from halo_shared.mapping import Strict
from halo_shared.runs import Frozen


class Bearer(Frozen):
    """Who asks: the name on the token of a request, and what it was given for."""

    name: str
    role: Role
    tenants: frozenset[TenantId] = frozenset()
    """None are named for who has all: an operator, an observer."""
    until: datetime | None = None
    """When its token ends; None for never."""

    @property
    def sees(self) -> frozenset[TenantId] | None:
        """The tenants whose things it may see; None for all, and for what belongs to none."""
        return None if self.role.everywhere else self.tenants

    @property
    def described(self) -> str:
        """What it is, in words: `a reader of acme`."""
        article = "a" if self.role is Role.READER else "an"
        of = "" if self.role.everywhere else f" of {', '.join(sorted(self.tenants))}"
        return f"{article} {self.role}{of}"

    def __str__(self) -> str:
        return f"token '{self.name}', {self.described}"


class Token(Frozen):
    """A token as it is kept: everything but itself."""

    name: str
    role: Role
    tenants: tuple[TenantId, ...] = ()
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    """When it was last used, to the hour."""

    @property
    def bearer(self) -> Bearer:
        """Who asks with it."""
        tenants = frozenset(self.tenants)
        return Bearer(name=self.name, role=self.role, tenants=tenants, until=self.expires_at)

    def expired(self, now: datetime) -> bool:
        """Whether it lets nobody in any more."""
        return self.expires_at is not None and self.expires_at <= now


class NewToken(Strict):
    """A token to make."""

    name: Slug
    role: Role
    tenants: tuple[TenantId, ...] = ()
    """Whose things it is for; an operator's or observer's is for all, and names none."""
    lasts: Span | None = Field(default=None, ge=timedelta(minutes=1))
    """For ever when left out, or for as long as the token that makes it."""

    @model_validator(mode="after")
    def _tenants_belong_to_the_role(self) -> Self:
        if self.role.everywhere and self.tenants:
            raise ValueError(f"tenants: an {self.role}'s token is for all tenants, so name none")
        if not (self.role.everywhere or self.tenants):
            raise ValueError(f"tenants: name the tenants that this {self.role}'s token is for")
        return self


class MadeToken(Token):
    """A token that was just made, with the one thing that is said only once."""

    token: str
