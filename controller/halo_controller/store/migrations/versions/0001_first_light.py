"""First light: tenants, groups, agents, integrations, runs, events, outbox, tokens."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.String(length=12), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_run"), "events", ["run"], unique=False)
    op.create_table(
        "groups",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_groups")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("exchange", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.String(length=12), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenants")),
    )
    op.create_table(
        "tokens",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_table(
        "agents",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("group", sa.String(length=40), nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("session", sa.Uuid(), nullable=True),
        sa.Column("seen_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("slots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("free_slots", sa.Integer(), server_default="0", nullable=False),
        sa.Column("spooled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("connectors", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("doing", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["group"], ["groups.name"], name=op.f("fk_agents_group")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_agents")),
    )
    op.create_index(op.f("ix_agents_group"), "agents", ["group"], unique=False)
    op.create_table(
        "integrations",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cursors", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("created_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("changed_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("last_opened_at", tables.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.name"], name=op.f("fk_integrations_tenant")),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_integrations")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("integration", sa.String(length=40), nullable=False),
        sa.Column("group", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("trigger", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=True),
        sa.Column("session", sa.Uuid(), nullable=True),
        sa.Column("lease_until", tables.Moment(timezone=True), nullable=True),
        sa.Column("unheld_since", tables.Moment(timezone=True), nullable=True),
        sa.Column("deadline", tables.Moment(timezone=True), nullable=True),
        sa.Column("queued_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("dispatched_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("started_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("ended_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("counts", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("failure", sa.JSON(), nullable=True),
        sa.Column("held_for", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("approved", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "integration"],
            ["integrations.tenant", "integrations.name"],
            name=op.f("fk_runs_tenant_integration"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_queued_at"), "runs", ["queued_at"], unique=False)
    op.create_index(
        "one_open_run_per_integration",
        "runs",
        ["tenant", "integration"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "attempts",
        sa.Column("run", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("granted_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("ended_at", tables.Moment(timezone=True), nullable=True),
        sa.Column("end", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_attempts_run")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_attempts")),
    )


def downgrade() -> None:
    op.drop_table("attempts")
    op.drop_index(
        "one_open_run_per_integration",
        table_name="runs",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("ix_runs_queued_at"), table_name="runs")
    op.drop_table("runs")
    op.drop_table("integrations")
    op.drop_index(op.f("ix_agents_group"), table_name="agents")
    op.drop_table("agents")
    op.drop_table("tokens")
    op.drop_table("tenants")
    op.drop_table("outbox")
    op.drop_table("groups")
    op.drop_index(op.f("ix_events_run"), table_name="events")
    op.drop_table("events")
