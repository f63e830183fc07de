"""What agents say of their connectors stands once for all that say the same, not in the row that each heartbeat reads."""

import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_AGENTS = sa.table("agents", sa.column("name"), sa.column("connectors", sa.JSON()), sa.column("announced"))
_ANNOUNCEMENTS = sa.table("announcements", sa.column("digest"), sa.column("connectors", sa.JSON()))


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("connectors", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_announcements")),
    )
    op.add_column("agents", sa.Column("announced", sa.String(64)))
    _part()
    op.drop_column("agents", "connectors")


def downgrade() -> None:
    op.add_column("agents", sa.Column("connectors", sa.JSON(), server_default="[]", nullable=False))
    _join()
    op.drop_column("agents", "announced")
    op.drop_table("announcements")


def _part() -> None:
    """The digest is not the one that the agent's next hello will have; it is replaced then."""
    db = op.get_bind()
    kept: set[str] = set()
    for name, connectors in db.execute(sa.select(_AGENTS.c.name, _AGENTS.c.connectors)).all():
        if not connectors:
            continue
        digest = sha256(json.dumps(connectors).encode()).hexdigest()
        if digest not in kept:
            db.execute(sa.insert(_ANNOUNCEMENTS).values(digest=digest, connectors=connectors))
            kept.add(digest)
        db.execute(sa.update(_AGENTS).where(_AGENTS.c.name == name).values(announced=digest))


def _join() -> None:
    db = op.get_bind()
    for digest, connectors in db.execute(sa.select(_ANNOUNCEMENTS)).all():
        said_so = sa.update(_AGENTS).where(_AGENTS.c.announced == digest)
        db.execute(said_so.values(connectors=connectors))
