"""The first tables of intake."""

import sqlalchemy as sa
from alembic import op

from shared import kernel_tables
from shared.db import JsonColumn, UTCDateTime

revision = "intake_0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    kernel_tables.create(op)
    op.create_table(
        "child",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("sex", sa.String(64), nullable=False),
        sa.Column("nationalities", JsonColumn, nullable=False),
        sa.Column("residence", sa.String()),
        sa.Column("stateless_doubt", sa.Boolean(), nullable=False),
        sa.Column("languages", JsonColumn, nullable=False),
        sa.Column("relatives", JsonColumn, nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "encounter",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False, index=True),
        sa.Column("local_day", sa.Date(), nullable=False, index=True),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("municipality", sa.String()),
        sa.Column("point", sa.String()),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("tie", sa.String(64), nullable=False),
        sa.Column("tie_proofs", JsonColumn, nullable=False),
        sa.Column("travel_condition", sa.String(64), nullable=False),
        sa.Column("age_group", sa.String(64), nullable=False),
        sa.Column("age_presumed", sa.Boolean(), nullable=False),
        sa.Column("sex", sa.String(64), nullable=False),
        sa.Column("nationality", sa.String()),
    )
    op.create_index("ix_encounter_state_id", "encounter", ["state", "id"])
    op.create_table(
        "assistance",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("encounter_id", sa.String(), nullable=False, index=True),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("given_at", UTCDateTime(), nullable=False),
        sa.Column("declined", sa.Boolean(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
    )
