"""The controller's settings: the only reader of its environment."""

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from halo_shared.logs import LogFormat


class Settings(BaseSettings):
    """What `halo-controller serve` needs; each may be given as HALO_CONTROLLER_<NAME> or as an option."""

    model_config = SettingsConfigDict(env_prefix="HALO_CONTROLLER_", frozen=True, populate_by_name=True)

    broker_url: str = Field(
        default="amqp://guest:guest@127.0.0.1:5672/", validation_alias="HALO_BROKER_URL", repr=False
    )
    """RabbitMQ, as amqp:// or amqps://; given as HALO_BROKER_URL."""
    data: Path = Field(default_factory=lambda: user_data_path("halo-controller"))
    """Where the database and the operator's token are kept."""
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=0, le=65535)
    """Zero takes any free port."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: LogFormat = "auto"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "controller.db"

    @property
    def token_file(self) -> Path:
        """The operator's token, readable by its owner only; commands on this machine find it here."""
        return self.data / "operator.token"

    @property
    def address_file(self) -> Path:
        """Where the running controller listens; commands on this machine find it here."""
        return self.data / "address"
