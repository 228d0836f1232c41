"""Families and what the Procuraduría decides of them, searches for relatives, contacts, interviews."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "intake_0004"
down_revision = "intake_0003"


def upgrade() -> None:
    """New tables alone: older code goes on working."""
    _families()
    _of_a_child()


def _families() -> None:
    op.create_table(
        "family",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "family_member",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("family_id", sa.String(), sa.ForeignKey("family.id"), nullable=False, index=True),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), index=True),
        sa.Column("relation", sa.String(64)),
        sa.Column("tie", sa.String(64)),
        sa.Column("tie_proofs", JsonColumn, nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("identity", sa.LargeBinary()),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("joined_at", UTCDateTime(), nullable=False),
        sa.Column("removed_at", UTCDateTime()),
        sa.Column("removal", sa.String(64)),
        sa.Column("removed_by", sa.String()),
        sa.Column("retention_class", sa.String(64), nullable=False),
        sa.Column("blocked_at", UTCDateTime()),
        sa.Column("erase_after", UTCDateTime()),
    )
    op.create_table(
        "family_separation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("family_id", sa.String(), sa.ForeignKey("family.id"), nullable=False, index=True),
        sa.Column("members", JsonColumn, nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("ended_by", sa.String()),
        sa.Column("end_reference", sa.String()),
        sa.Column("ended_at", UTCDateTime()),
    )
    op.create_table(
        "carer_finding",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("family_id", sa.String(), sa.ForeignKey("family.id"), nullable=False, index=True),
        sa.Column("member_id", sa.String(), sa.ForeignKey("family_member.id"), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("grounds", JsonColumn, nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )


def _of_a_child() -> None:
    op.create_table(
        "tracing",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("relation", sa.String(64), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("searcher", sa.String(64), nullable=False),
        sa.Column("known", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("moved_by", sa.String()),
        sa.Column("moved_at", UTCDateTime()),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "family_contact",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("means", sa.String(64), nullable=False),
        sa.Column("relation", sa.String(64), nullable=False),
        sa.Column("country", sa.String()),
        sa.Column("minutes", sa.Integer()),
        sa.Column("declined", sa.Boolean(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "interview",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("held_at", UTCDateTime(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("interpreter", sa.Boolean(), nullable=False),
        sa.Column("explained_at", UTCDateTime(), nullable=False),
        sa.Column("explained_in", sa.String(), nullable=False),
        sa.Column("cndh_present", sa.Boolean(), nullable=False),
        sa.Column("topics", JsonColumn, nullable=False),
        sa.Column("answers", sa.LargeBinary(), nullable=False),
        sa.Column("screening_id", sa.String()),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
