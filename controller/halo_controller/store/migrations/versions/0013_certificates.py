"""The certificates that an agent has seen, which end first."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("certificates", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("agents", "certificates")
