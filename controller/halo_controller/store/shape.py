"""Bringing a database into today's shape, and taking nobody's newer one for an old one."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from halo_shared.errors import ConfigurationError

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def migrate(connection: Connection, name: str) -> None:
    """Upgrade the database of this name; raises ConfigurationError where a newer controller has used it."""
    config = migrations(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise ConfigurationError(
            f"{name} was last used by a newer halo-controller (its version is {', '.join(sorted(unknown))}, and this "
            f"program knows up to {max(known)}). Upgrade this program, or restore the backup from before the upgrade."
        )
    command.upgrade(config, "head")


def migrations(connection: Connection) -> Config:
    """What alembic's commands need to work over this connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
