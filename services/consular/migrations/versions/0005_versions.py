"""The directory by versions; contacts, duty hours and holidays of posts."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "consular_0005"
down_revision = "consular_0004"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    with op.batch_alter_table("consulate") as consulate:
        for name in ("telephone", "email", "address", "duty_text", "holidays_text"):
            consulate.add_column(sa.Column(name, sa.String()))
        for name in ("hours", "holidays"):
            consulate.add_column(sa.Column(name, JsonColumn, nullable=False, server_default="[]"))
        consulate.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        consulate.add_column(sa.Column("own", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "consulate_version",
        sa.Column("consulate_id", sa.String(), sa.ForeignKey("consulate.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", UTCDateTime()),
        sa.Column("reason", sa.String(), nullable=False),
    )
