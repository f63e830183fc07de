"""The agent's settings: the only reader of its environment and of its settings file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self, TypeVar

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from halo_shared import files
from halo_shared.errors import SettingsInvalid
from halo_shared.identifiers import AgentId
from halo_shared.logs import LogFormat

SettingsT = TypeVar("SettingsT", bound="Settings")

BROKER_URL: Final = "HALO_BROKER_URL"
"""The controller reads the broker's address from here too."""


class Settings(BaseSettings):
    """What `halo-agent run` needs, from a file and from HALO_AGENT_<NAME>; the environment wins."""

    model_config = SettingsConfigDict(env_prefix="HALO_AGENT_", frozen=True, extra="forbid")

    name: AgentId
    """What the controller calls this agent."""
    broker_url: str = Field(repr=False)
    """RabbitMQ, as amqps://user:password@host/; also as HALO_BROKER_URL, to keep the password out of the file."""
    data: Path = Field(default_factory=lambda: user_data_path("halo-agent"))
    """Where links and waiting events are kept."""
    secrets: Path | None = None
    """The file with the values behind secret://name; `secrets.yaml` beside the data when left out."""
    slots: int = Field(default=2, ge=1, le=32)
    """How many runs it works on at once."""
    spool_limit: int = Field(default=200_000, ge=1_000)
    """How many events wait on this machine at the most while the broker is away."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Where Prometheus finds this agent's figures; none when left out. Needs the extra `metrics`."""
    metrics_host: str = "127.0.0.1"
    """The address of this machine at which they are served; anybody who reaches it may read them."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: LogFormat = "auto"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before what the file says."""
        broker = {"broker_url": os.environ[BROKER_URL]} if BROKER_URL in os.environ else {}
        return env_settings, InitSettingsSource(settings_cls, broker), init_settings

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """The settings of this file and of the environment; raises SettingsInvalid naming line and key."""
        return _beside(path.parent, files.load(path, cls)) if path else cls._of_environment()

    @classmethod
    def for_trying(cls, path: Path | None) -> Self:
        """The settings for a check or a preview, which need neither a name nor a broker."""
        return cls.load(path) if path else cls._of_environment(name="preview", broker_url="")

    @classmethod
    def _of_environment(cls, **defaults: str) -> Self:
        try:
            return cls.model_validate(defaults)
        except ValidationError as error:
            mistakes = files.explain(error, cls, name="settings")
            advice = "Give a settings file with --config, or set HALO_AGENT_<NAME> for each."
            raise SettingsInvalid("\n".join([*mistakes, advice])) from error

    @property
    def secrets_file(self) -> Path:
        """Where the values behind secret://name are looked for."""
        return self.secrets or self.data / "secrets.yaml"


def environment() -> Mapping[str, str]:
    """The environment, for whoever resolves secrets from it."""
    return os.environ


def _beside(folder: Path, settings: SettingsT) -> SettingsT:
    """The settings of a file in this folder, where its relative paths start; those of the environment stay as they are."""
    environment = {name.upper() for name in os.environ}
    paths = {"data": settings.data, "secrets": settings.secrets}
    return settings.model_copy(
        update={
            name: folder.absolute() / path
            for name, path in paths.items()
            if path and f"HALO_AGENT_{name.upper()}" not in environment
        }
    )
