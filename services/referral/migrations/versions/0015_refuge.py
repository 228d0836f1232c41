"""Refuge claims and returns."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0015"
down_revision = "referral_0014"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    _create_claims()
    _create_holds()
    _create_points()
    _create_returns()


def _create_claims() -> None:
    op.create_table(
        "refuge_claim",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("filed_by", sa.String(64), nullable=False),
        sa.Column("form", sa.String(64), nullable=False),
        sa.Column("filed_at", UTCDateTime(), nullable=False),
        sa.Column("entered_on", sa.Date()),
        sa.Column("possible_on", sa.Date()),
        sa.Column("possible_since", sa.String(64)),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("late_reason", sa.String(64)),
        sa.Column("statement", sa.LargeBinary()),
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(64)),
        sa.Column("opinion_at", UTCDateTime()),
        sa.Column("inm_told_at", UTCDateTime()),
        sa.Column("recognised_at", UTCDateTime()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    live, filed = sa.text("state NOT IN ('final', 'lapsed', 'withdrawn')"), sa.text("state = 'filed'")
    op.create_index(
        "uq_refuge_claim_live", "refuge_claim", ["case_id"], unique=True, postgresql_where=live, sqlite_where=live
    )
    op.create_index("ix_refuge_claim_filed", "refuge_claim", ["id"], postgresql_where=filed, sqlite_where=filed)
    op.create_table(
        "refuge_step",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("claim_id", sa.String(), sa.ForeignKey("refuge_claim.id"), nullable=False, index=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("codes", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("reference", sa.String()),
        sa.Column("words", sa.LargeBinary()),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )


def _create_holds() -> None:
    op.create_table(
        "procedure_hold",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("evidence", sa.String(), nullable=False, index=True),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime()),
        sa.Column("told_at", UTCDateTime()),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    standing = sa.text("until IS NULL")
    op.create_index(
        "ix_procedure_hold_standing", "procedure_hold", ["case_id"], postgresql_where=standing, sqlite_where=standing
    )


def _create_points() -> None:
    op.create_table(
        "return_point",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("country", sa.String(), nullable=False, index=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("route", sa.String(64), nullable=False),
        sa.Column("instrument", sa.String(64), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("week", JsonColumn, nullable=False),
        sa.Column("closed_on", JsonColumn, nullable=False),
        sa.Column("notice_hours", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date()),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "return_point_version",
        sa.Column("point_id", sa.String(), sa.ForeignKey("return_point.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
    )


def _create_returns() -> None:
    op.create_table(
        "assisted_return",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("finding", sa.String(64)),
        sa.Column("assessed_at", UTCDateTime()),
        sa.Column("plan_allows", sa.Boolean()),
        sa.Column("plan_reference", sa.String()),
        sa.Column("heard_at", UTCDateTime()),
        sa.Column("explained_in", sa.String()),
        sa.Column("wish", sa.String(64)),
        sa.Column("view", sa.LargeBinary()),
        sa.Column("family_reference", sa.String()),
        sa.Column("concurred_by", sa.String()),
        sa.Column("decision", sa.String()),
        sa.Column("point_id", sa.String(), sa.ForeignKey("return_point.id")),
        sa.Column("planned_at", UTCDateTime()),
        sa.Column("escort", sa.LargeBinary()),
        sa.Column("escort_officer", sa.String()),
        sa.Column("escort_specialised", sa.Boolean()),
        sa.Column("accepted_by", sa.String()),
        sa.Column("accepted_at", UTCDateTime()),
        sa.Column("acceptance", sa.String()),
        sa.Column("departed_at", UTCDateTime()),
        sa.Column("received_at", UTCDateTime()),
        sa.Column("received_by", sa.String()),
        sa.Column("failed_because", sa.String(64)),
        sa.Column("cancelled_because", sa.String(64)),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    live = sa.text("state NOT IN ('received', 'failed', 'cancelled')")
    op.create_index(
        "uq_assisted_return_live", "assisted_return", ["case_id"], unique=True, postgresql_where=live,
        sqlite_where=live,
    )  # fmt: skip
