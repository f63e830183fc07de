"""An integration knows when it last went through, and its runs are found without looking at those of others."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_FILL = """
    UPDATE integrations SET last_success = (
        SELECT MAX(runs.ended_at) FROM runs
        WHERE runs.tenant = integrations.tenant AND runs.integration = integrations.name
        AND runs.status IN ('succeeded', 'partial') AND NOT runs.preview AND runs.only IS NULL
    )
"""


def upgrade() -> None:
    op.create_index("ix_runs_of_integration", "runs", ["tenant", "integration", "queued_at"], unique=False)
    op.add_column("integrations", sa.Column("last_success", tables.Moment(timezone=True)))
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_column("integrations", "last_success")
    op.drop_index("ix_runs_of_integration", table_name="runs")
