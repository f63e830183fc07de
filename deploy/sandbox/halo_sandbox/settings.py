"""What a sandbox is told when it starts, and the switches that may change while it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Multi = Literal["list", "first", "one", "all_or_nothing", "per_row"]
Access = Literal["none", "read", "edit"]
ValidateOnly = Literal["refused", "obeyed", "ignored"]

DEFAULT_PORT = 8970


class RateLimit(BaseModel):
    """So many requests in a rolling window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: int = Field(default=3000, gt=0)
    seconds: float = Field(default=300, gt=0)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `300/300`: three hundred requests per three hundred seconds."""
        requests, slash, seconds = text.partition("/")
        if not slash:
            raise ValueError(f"'{text}' is no limit; write requests/seconds, as in 300/300")
        return cls(requests=int(requests), seconds=float(seconds))


class Switches(BaseModel):
    """Behaviour that nobody outside knows of Halo, so that a client can be tried against each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    multi: Multi = Field(default="list", description="what an array of several rows does")
    retry_after: bool = Field(default=False, description="send Retry-After with a 429")
    token_seconds: int = Field(default=3600, gt=0, description="life of the tokens given from now")
    limit: RateLimit = RateLimit()
    scopes: tuple[str, ...] = Field(default=("all",), description="what the application may ask for")
    role: Mapping[str, Access] = Field(
        default_factory=dict,
        description="what the agent that it logs in as may do in an area; edit, if not named",
    )
    validate_only: ValidateOnly = Field(default="refused", description="what becomes of _validateonly")
    version: str = Field(default="sandbox", description="the app_version that the instance gives")


class SandboxSettings(BaseModel):
    """One Halo instance: where it listens, where it keeps its rows, who may come in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535, description="0 picks a free port")
    database: str = ":memory:"
    tenant: str | None = Field(default="sandbox", description="None is an on-premise Halo")
    client_id: str = "halo-integrator"
    client_secret: str = "sandbox-secret"  # noqa: S105  a public secret: there is nothing to guard
    switches: Switches = Switches()
    seed: Path | None = Field(default=None, description="YAML file with the rows to start with")
