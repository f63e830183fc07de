"""What a token is for, until when, and when it was used; whose a message and a silence are; and the audit log."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

REFUSE = "the audit log is only ever added to"
SQLITE = [
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSE}'); END"
    for verb in ("UPDATE", "DELETE")
]
REFUSING = f"""
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{REFUSE}'; END $$
"""
GUARDING = """
    CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
"""


def upgrade() -> None:
    op.add_column("tokens", sa.Column("role", sa.String(16), server_default="operator", nullable=False))
    op.add_column("tokens", sa.Column("tenants", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("tokens", sa.Column("expires_at", tables.Moment(timezone=True)))
    op.add_column("tokens", sa.Column("used_at", tables.Moment(timezone=True)))
    op.add_column("notifications", sa.Column("tenant", sa.String(40)))
    op.add_column("silences", sa.Column("tenant", sa.String(40)))
    op.execute(
        "UPDATE notifications SET tenant = (SELECT tenant FROM people WHERE people.name = notifications.person)"
    )
    silences = tables.silences
    op.execute(silences.update().values(tenant=silences.c.body["tenant"].as_string()))
    _make_audit()


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("noun", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("tenant", sa.String(40)),
        sa.Column("before", sa.JSON()),
        sa.Column("after", sa.JSON()),
        sa.Column("request", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_tenant"), "audit", ["tenant"])
    for statement in (REFUSING, GUARDING) if op.get_context().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")
    op.drop_column("silences", "tenant")
    op.drop_column("notifications", "tenant")
    for column in ("used_at", "expires_at", "tenants", "role"):
        op.drop_column("tokens", column)
