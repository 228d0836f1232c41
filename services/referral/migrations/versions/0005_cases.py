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
    _create_representation()
    _create_absences()
    _create_closings()
    _create_tasks()
    _create_alerts()


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


def _create_representation() -> None:
    op.create_table(
        "case_representation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("procuraduria", sa.String(), nullable=False),
        sa.Column("identity", sa.LargeBinary()),
        sa.Column("body", sa.String()),
        sa.Column("document", sa.String(64)),
        sa.Column("reference", sa.String()),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime()),
        sa.Column("ended", sa.String(64)),
        sa.Column("recorded_by", sa.String()),
    )
    op.create_table(
        "case_risk",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("level", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("note", sa.LargeBinary()),
        sa.Column("assessed_by", sa.String(), nullable=False),
        sa.Column("assessed_at", UTCDateTime(), nullable=False),
    )


def _create_absences() -> None:
    op.create_table(
        "absence",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("circumstances", sa.String(64), nullable=False),
        sa.Column("noticed_at", UTCDateTime(), nullable=False),
        sa.Column("note", sa.LargeBinary()),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("reported_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime()),
        sa.Column("ended_how", sa.String(64)),
        sa.Column("ended_by", sa.String()),
        sa.Column("found_state", sa.String()),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    going_on = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_absence_open", "absence", ["case_id"], unique=True, postgresql_where=going_on, sqlite_where=going_on
    )
    op.create_table(
        "absence_review",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("absence_id", sa.String(), sa.ForeignKey("absence.id"), nullable=False, index=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(64)),
        sa.Column("note", sa.LargeBinary()),
        sa.Column("reviewed_by", sa.String()),
        sa.Column("reviewed_at", UTCDateTime()),
    )


def _create_closings() -> None:
    op.create_table(
        "case_closing",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("note", sa.LargeBinary()),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_at", UTCDateTime()),
        sa.Column("refusal", sa.String(64)),
    )
    op.create_table(
        "case_reopening",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("reopened_by", sa.String()),
        sa.Column("reopened_at", UTCDateTime(), nullable=False),
    )


def _create_tasks() -> None:
    op.create_table(
        "majority_task",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("duty", sa.String(64), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("done_at", UTCDateTime()),
        sa.Column("done_by", sa.String()),
        sa.Column("reference", sa.String()),
    )
    standing = sa.text("state <> 'cancelled'")
    op.create_index(
        "uq_majority_task", "majority_task", ["case_id", "duty"], unique=True, postgresql_where=standing,
        sqlite_where=standing,
    )  # fmt: skip


def _create_alerts() -> None:
    op.create_table(
        "flow_alert",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("level", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("under_6", sa.Integer()),
        sa.Column("from_6_to_11", sa.Integer()),
        sa.Column("from_12_to_17", sa.Integer()),
        sa.Column("unaccompanied", sa.Integer()),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False, index=True),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("posted_at", UTCDateTime(), nullable=False),
        sa.Column("withdrawn_at", UTCDateTime()),
    )
