"""The controller's settings: the only reader of its environment."""

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from halo_shared.logs import LogFormat


class Settings(BaseSettings):
    """What `halo-controller serve` needs; each may be given as HALO_CONTROLLER_<NAME> or as an option."""

    model_config = SettingsConfigDict(env_prefix="HALO_CONTROLLER_", frozen=True, populate_by_name=True)

    broker_url: str = Field(
        default="amqp://guest:guest@127.0.0.1:5672/", validation_alias="HALO_BROKER_URL", repr=False
    )
    """RabbitMQ, as amqp:// or amqps://; given as HALO_BROKER_URL."""
    broker_api_url: str | None = Field(default=None, repr=False)
    """RabbitMQ's management API, as http://USER:PASSWORD@HOST:15672; found beside the broker when left out."""
    data: Path = Field(default_factory=lambda: user_data_path("halo-controller"))
    """Where the SQLite file and the operator's token are kept."""
    database_url: str | None = Field(default=None, repr=False)
    """PostgreSQL instead of a file, to run several controllers: postgresql://USER:PASSWORD@HOST/DATABASE."""
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=0, le=65535)
    """Zero takes any free port."""
    mail_url: str | None = Field(default=None, repr=False)
    """The mail server: smtp://USER:PASSWORD@HOST:587 with STARTTLS, smtps:// with TLS, smtp+plain:// without."""
    mail_from: str = "halo-integrator@localhost"
    """The address that e-mails come from, as in 'Halo sync <halo@acme.example>'."""
    mail_ca: Path | None = None
    """The certificate authority of the mail server, where the system does not know it."""
    bounces_url: str | None = Field(default=None, repr=False)
    """The mailbox of `mail_from`, where e-mails come back: imaps://USER:PASSWORD@HOST/INBOX."""
    watchdog_url: str | None = Field(default=None, repr=False)
    """Called while all is well, so that an outside watcher notices when this controller is silent."""
    watchdog_seconds: float = Field(default=60, ge=1)
    """How often; the watcher should wait for two or three calls in vain before it raises the alarm."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: LogFormat = "auto"

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError(
                "must begin with postgresql://; without it, an SQLite file in the data folder is used"
            )
        return url

    @property
    def database(self) -> Path | str:
        """The SQLite file, or PostgreSQL's URL."""
        return self.database_url or self.data / "controller.db"

    @property
    def secrets_file(self) -> Path:
        """The secrets of channels, as `name: value`, readable by its owner only."""
        return self.data / "secrets.yaml"

    @property
    def token_file(self) -> Path:
        """The operator's token, readable by its owner only; commands on this machine find it here."""
        return self.data / "operator.token"

    @property
    def address_file(self) -> Path:
        """Where the running controller listens; commands on this machine find it here."""
        return self.data / "address"
