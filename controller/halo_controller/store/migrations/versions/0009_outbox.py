"""Numbers for messages that do not run out: PostgreSQL's integers would within weeks of a busy house, SQLite's do not."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _number_by("BIGINT")


def downgrade() -> None:
    _number_by("INTEGER")


def _number_by(kind: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE outbox ALTER COLUMN id TYPE {kind}")
        op.execute(f"ALTER SEQUENCE outbox_id_seq AS {kind}")
