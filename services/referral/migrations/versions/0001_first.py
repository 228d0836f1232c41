"""The first tables of referral."""

import sqlalchemy as sa
from alembic import op

from shared import kernel_tables
from shared.db import JsonColumn, UTCDateTime

revision = "referral_0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    kernel_tables.create(op)
    _create_cases()
    _create_referrals()
    _create_actas()
    _create_protection()


def _create_cases() -> None:
    op.create_table(
        "route_case",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), nullable=False, unique=True),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("representation", sa.String(64), nullable=False),
        sa.Column("representative", sa.String(), nullable=False),
        sa.Column("notified_at", UTCDateTime()),
        sa.Column("notified_by", sa.String()),
        sa.Column("dif", sa.String()),
        sa.Column("dif_accepted_at", UTCDateTime()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "case_party",
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), primary_key=True),
        sa.Column("agency", sa.String(), primary_key=True, index=True),
        sa.Column("since", UTCDateTime(), nullable=False),
    )


def _create_referrals() -> None:
    op.create_table(
        "referral",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(), nullable=False, index=True),
        sa.Column("recipient", sa.String(), nullable=False, index=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("service", sa.String(64)),
        sa.Column("urgency", sa.String(64), nullable=False),
        sa.Column("lawful_basis", sa.String(64), nullable=False),
        sa.Column("note", sa.String()),
        sa.Column("answer_reason", sa.String()),
        sa.Column("answer_note", sa.String()),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("acknowledged_at", UTCDateTime()),
        sa.Column("accepted_at", UTCDateTime()),
        sa.Column("closed_at", UTCDateTime()),
        sa.Column("escalated_to", sa.String(), index=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _create_actas() -> None:
    op.create_table(
        "acta",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, unique=True),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("dif", sa.String(), nullable=False, index=True),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
    )


def _create_protection() -> None:
    op.create_table(
        "guard",
        sa.Column("child_id", sa.String(), primary_key=True),
        sa.Column("announced_version", sa.Integer(), nullable=False),
        sa.Column("facts_version", sa.Integer(), nullable=False),
        sa.Column("nationalities", JsonColumn),
        sa.Column("residence", sa.String()),
        sa.Column("stateless_doubt", sa.Boolean()),
        sa.Column("languages", JsonColumn),
        sa.Column("blocked_at", UTCDateTime()),
    )
    op.create_table(
        "kinship",
        sa.Column("child_id", sa.String(), primary_key=True),
        sa.Column("relative_id", sa.String(), primary_key=True),
    )
    op.create_table(
        "indication",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), nullable=False, index=True),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("told_by", sa.String(64), nullable=False),
        sa.Column("note", sa.LargeBinary()),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), nullable=False, index=True),
        sa.Column("child_id", sa.String(), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("nationality", sa.String(), nullable=False),
        sa.Column("screened_at", UTCDateTime(), nullable=False),
        sa.Column("told_at", UTCDateTime(), nullable=False),
        sa.Column("told_in", sa.String(), nullable=False),
        sa.Column("objects", sa.Boolean(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("concurred_by", sa.String()),
        sa.Column("concurred_at", UTCDateTime()),
        sa.Column("released_by", sa.String()),
        sa.Column("released_at", UTCDateTime()),
        sa.Column("acknowledged_at", UTCDateTime()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "permit",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String(), nullable=False, index=True),
        sa.Column("child_id", sa.String(), nullable=False, index=True),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
    )
