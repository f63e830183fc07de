"""How many records that failed the agent of an integration keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("integrations", sa.Column("escrowed", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("integrations", "escrowed")
