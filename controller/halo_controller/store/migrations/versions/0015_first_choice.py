"""An integration knows who made the newest attempt at it, and a run whom its job was sent to."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_FILL = """
    UPDATE integrations SET {column} = COALESCE((
        SELECT attempts.{what} FROM attempts JOIN runs ON runs.id = attempts.run
        WHERE runs.tenant = integrations.tenant AND runs.integration = integrations.name
        ORDER BY attempts.fence DESC LIMIT 1
    ), {column})
"""


def upgrade() -> None:
    op.add_column("integrations", sa.Column("last_agent", sa.String(40)))
    op.add_column("integrations", sa.Column("last_fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("offered_to", sa.String(40)))
    for column, what in (("last_agent", "agent"), ("last_fence", "fence")):
        op.execute(_FILL.format(column=column, what=what))


def downgrade() -> None:
    op.drop_column("runs", "offered_to")
    op.drop_column("integrations", "last_fence")
    op.drop_column("integrations", "last_agent")
