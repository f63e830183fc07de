"""Kinds of groups, and what the host of integrations decides."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("groups", sa.Column("kind", sa.String(12), nullable=False, server_default="local"))
    op.add_column("groups", sa.Column("tenant", sa.String(40)))
    op.execute("UPDATE groups SET kind = 'hosted' WHERE name = 'hosted'")
    op.add_column("runs", sa.Column("waits_for_turn", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("agents", sa.Column("obeys", sa.JSON, nullable=False, server_default="[]"))
    op.create_table(
        "halo_checks",
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("ask", sa.Uuid, nullable=False),
        sa.Column("agent", sa.String(40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.JSON),
        sa.PrimaryKeyConstraint("tenant", name="pk_halo_checks"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name="fk_halo_checks_tenant"),
    )
    op.create_table(
        "hosted_classes",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hosted_classes"),
    )
    op.create_table(
        "hostings",
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("integration", sa.String(40), nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "integration", name="pk_hostings"),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name="fk_hostings_tenant_integration",
        ),
    )


def downgrade() -> None:
    op.drop_table("hostings")
    op.drop_table("hosted_classes")
    op.drop_table("halo_checks")
    op.drop_column("agents", "obeys")
    op.drop_column("runs", "waits_for_turn")
    op.drop_column("groups", "tenant")
    op.drop_column("groups", "kind")
