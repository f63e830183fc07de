"""What became of single records; runs that are previews, or about one record."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("integration", sa.String(length=40), nullable=False),
        sa.Column("run", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", tables.Moment(timezone=True), nullable=False),
        sa.Column("entity", sa.String(length=12), nullable=False),
        sa.Column("result", sa.String(length=12), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_records_event"), "records", ["event"], unique=False)
    op.create_index("ix_records_run_id", "records", ["run", "id"], unique=False)
    op.create_index("ix_records_tenant_at", "records", ["tenant", "at"], unique=False)
    op.create_table(
        "record_keys",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record"], ["records.id"], name=op.f("fk_record_keys_record"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "record", name=op.f("pk_record_keys")),
    )
    op.create_index(op.f("ix_record_keys_record"), "record_keys", ["record"], unique=False)
    op.add_column("runs", sa.Column("planned", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("runs", sa.Column("preview", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("runs", sa.Column("only", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "only")
    op.drop_column("runs", "preview")
    op.drop_column("runs", "planned")
    op.drop_table("record_keys")
    op.drop_table("records")
