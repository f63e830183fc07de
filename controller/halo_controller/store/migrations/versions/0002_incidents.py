"""Incidents, the people who hear of them, silences, and what was told."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("dropped", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=True),
        sa.Column("integration", sa.String(length=40), nullable=True),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("opened_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("recovered_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_recovered_at"), "incidents", ["recovered_at"], unique=False)
    op.create_index(
        "one_open_incident_per_cause",
        "incidents",
        ["key"],
        unique=True,
        sqlite_where=sa.text("recovered_at IS NULL"),
        postgresql_where=sa.text("recovered_at IS NULL"),
    )
    op.create_table(
        "people",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=True),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_people_tenant")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people")),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("ends_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("next_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index(op.f("ix_notifications_created_at"), "notifications", ["created_at"], unique=False)
    op.create_index("ix_notifications_state_next_at", "notifications", ["state", "next_at"], unique=False)
    op.create_table(
        "told",
        sa.Column("incident", sa.String(length=8), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("occasion", sa.String(length=12), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name=op.f("fk_told_incident")),
        sa.PrimaryKeyConstraint("incident", "person", "occasion", name=op.f("pk_told")),
    )


def downgrade() -> None:
    op.drop_table("told")
    op.drop_index("ix_notifications_state_next_at", table_name="notifications")
    op.drop_index(op.f("ix_notifications_created_at"), table_name="notifications")
    op.drop_table("notifications")
    op.drop_table("silences")
    op.drop_table("people")
    op.drop_index(
        "one_open_incident_per_cause",
        table_name="incidents",
        sqlite_where=sa.text("recovered_at IS NULL"),
        postgresql_where=sa.text("recovered_at IS NULL"),
    )
    op.drop_index(op.f("ix_incidents_recovered_at"), table_name="incidents")
    op.drop_table("incidents")
    op.drop_column("agents", "dropped")
