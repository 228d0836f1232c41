"""Whom a permit covers; by which separation a child sleeps apart; when the Procuraduría attended, and PAMs."""

import sqlalchemy as sa
from alembic import op

from shared.db import UTCDateTime

revision = "intake_0008"
down_revision = "intake_0007"


def upgrade() -> None:
    """New tables, and columns that may stay empty: older code goes on working."""
    op.add_column("humanitarian_permit", sa.Column("member_id", sa.String()))
    op.add_column("stay", sa.Column("separation_id", sa.String()))
    op.create_table(
        "carer_attendance",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("encounter_id", sa.String(), sa.ForeignKey("encounter.id"), nullable=False, index=True),
        sa.Column("attended_at", UTCDateTime(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("oficio", sa.String(), nullable=False),
        sa.Column("oficio_date", sa.Date(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "migration_procedure",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("encounter_id", sa.String(), sa.ForeignKey("encounter.id"), nullable=False, unique=True),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
