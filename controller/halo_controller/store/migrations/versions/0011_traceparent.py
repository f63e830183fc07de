"""What a run and a message belong to, where traces are sent: a job is published by another loop than the one that opened its run."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("runs", "outbox")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("traceparent", sa.Text))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "traceparent")
