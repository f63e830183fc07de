"""What the other side knows the thread of an incident by: the number of its ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("told", sa.Column("reference", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("told", "reference")
