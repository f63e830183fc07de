"""What an agent speaks, whether its loop moves, whether it is drained; and strangers."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("protocol", sa.Integer(), server_default="0", nullable=False))
    op.add_column("agents", sa.Column("stalled", sa.Float(), server_default="0", nullable=False))
    op.add_column("agents", sa.Column("draining", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "strangers",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("heard_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_strangers")),
    )


def downgrade() -> None:
    op.drop_table("strangers")
    op.drop_column("agents", "draining")
    op.drop_column("agents", "stalled")
    op.drop_column("agents", "protocol")
