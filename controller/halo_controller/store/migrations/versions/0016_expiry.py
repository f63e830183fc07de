"""A message that waits for the broker may say until when it is of use; those that wait already always are."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("expires_at", tables.Moment(timezone=True)))


def downgrade() -> None:
    op.drop_column("outbox", "expires_at")
