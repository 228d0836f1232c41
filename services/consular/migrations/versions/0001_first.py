"""The kernel's tables, the directory and the notices."""

import sqlalchemy as sa
from alembic import op

from shared import kernel_tables
from shared.db import JsonColumn, UTCDateTime

revision = "consular_0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    kernel_tables.create(op)
    op.create_table(
        "consulate",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("country", sa.String(), nullable=False, index=True),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_to", sa.Date()),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
    )
    op.create_table(
        "jurisdiction",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("consulate_id", sa.String(), sa.ForeignKey("consulate.id"), nullable=False, index=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_to", sa.Date()),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String(), nullable=False, unique=True),
        sa.Column("nationality", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("pp", JsonColumn, nullable=False),
        sa.Column("dif", JsonColumn, nullable=False),
        sa.Column("consulate_id", sa.String(), sa.ForeignKey("consulate.id"), index=True),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("acknowledged_at", UTCDateTime()),
    )
