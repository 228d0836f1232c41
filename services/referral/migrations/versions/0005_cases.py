"""Cases: the whole route, its gates, representation, and the timeline."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0005"
down_revision = "referral_0004"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.add_column("route_case", sa.Column("risk", sa.String(64), nullable=True))
    _extend_cases()
    _create_gates()
    _create_timeline()


def _extend_cases() -> None:
    op.add_column("route_case", sa.Column("resumes", sa.String(64), nullable=True))
    op.add_column("route_case", sa.Column("gates", JsonColumn, nullable=True))
    op.add_column("route_case", sa.Column("bars", JsonColumn, nullable=True))
    op.add_column("route_case", sa.Column("reopened", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("route_case", sa.Column("majority_month", sa.String(), nullable=True))
    op.add_column("route_case", sa.Column("timeline_since", UTCDateTime(), nullable=True))
    op.create_index("ix_route_case_majority_month", "route_case", ["majority_month"])


def _create_gates() -> None:
    for table, code, flag in (("case_gate", "gate", "opened"), ("case_bar", "bar", "raised")):
        op.create_table(
            table,
            sa.Column("id", sa.String(), primary_key=True),
            sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
            sa.Column(code, sa.String(64), nullable=False),
            sa.Column(flag, sa.Boolean(), nullable=False),
            sa.Column("evidence", sa.String(), nullable=False),
            sa.Column("agency", sa.String(), nullable=False),
            sa.Column("since", UTCDateTime(), nullable=False),
        )


def _create_timeline() -> None:
    op.create_table(
        "case_entry",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("agency", sa.String()),
        sa.Column("seen", sa.String(64), nullable=False),
        sa.Index("ix_case_entry_order", "case_id", "at", "id"),
    )
    op.create_table(
        "case_entry_party",
        sa.Column("entry_id", sa.String(), sa.ForeignKey("case_entry.id"), primary_key=True),
        sa.Column("agency", sa.String(), primary_key=True, index=True),
    )
