"""The next moments of every series, what became of those that passed, and how runs went lately."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "integrations", sa.Column("planned", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index(op.f("ix_integrations_planned"), "integrations", ["planned"], unique=False)
    op.add_column("runs", sa.Column("mode", sa.String(length=12), nullable=True))
    op.create_table(
        "schedules",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("integration", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("clocks_change", sa.Boolean(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_schedules_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("tenant", "integration", "mode", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_at"), "schedules", ["at"], unique=False)
    op.create_table(
        "occurrences",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("integration", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("until", tables.Moment(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("fate", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run", sa.String(length=12), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_occurrences_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrences")),
    )
    op.create_index("occurrences_of", "occurrences", ["tenant", "integration", "id"], unique=False)
    op.create_table(
        "standings",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("integration", sa.String(length=40), nullable=False),
        sa.Column("retry_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_standings_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("tenant", "integration", name=op.f("pk_standings")),
    )
    op.create_index(op.f("ix_standings_retry_at"), "standings", ["retry_at"], unique=False)


def downgrade() -> None:
    for table in ("standings", "occurrences", "schedules"):
        op.drop_table(table)
    op.drop_column("runs", "mode")
    op.drop_index(op.f("ix_integrations_planned"), "integrations")
    op.drop_column("integrations", "planned")
