"""When each stage of an attempt began, and how far it came."""

import sqlalchemy as sa
from alembic import op

from halo_controller.store import tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stages",
        sa.Column("run", sa.String(length=12), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("began_at", tables.Moment(timezone=True), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_stages_run")),
        sa.PrimaryKeyConstraint("run", "fence", "stage", name=op.f("pk_stages")),
    )


def downgrade() -> None:
    op.drop_table("stages")
