"""Encounters of every kind, children with their history."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "intake_0003"
down_revision = "intake_0002"


def upgrade() -> None:
    """Only add: 0.2.0 goes on working on this schema."""
    retention = ("blocked_at", "erase_after")
    of_child: list[sa.Column[Any]] = [
        sa.Column("alerts", sa.LargeBinary()),
        sa.Column("age_decision", sa.String(64)),
        sa.Column("screened_at", UTCDateTime()),
        sa.Column("screened_by", sa.String()),
        sa.Column("indicators", sa.LargeBinary()),
        sa.Column("retention_class", sa.String(64), nullable=False, server_default="CHILD_RECORD"),
        *(sa.Column(name, UTCDateTime()) for name in retention),
    ]
    for column in of_child:
        op.add_column("child", column)
    of_encounter: list[sa.Column[Any]] = [
        *(
            sa.Column(name, sa.String())
            for name in ("external_id", "return_point", "returned_from", "state_of_origin", "announcing_agency",
                         "announcing_country", "announcement_id", "oficio")
        ),
        *(sa.Column(name, sa.String(64)) for name in ("outcome", "announced_by", "adult_relation")),
        sa.Column("adult", sa.LargeBinary()),
        sa.Column("carer_presented_at", UTCDateTime()),
        sa.Column("pp_attended_at", UTCDateTime()),
        sa.Column("retention_class", sa.String(64), nullable=False, server_default="ADULT_MET"),
        *(sa.Column(name, UTCDateTime()) for name in retention),
    ]  # fmt: skip
    for column in of_encounter:
        op.add_column("encounter", column)
    op.create_index("uq_encounter_external_id", "encounter", ["agency", "external_id"], unique=True)
    op.create_index("uq_encounter_announcement_id", "encounter", ["announcement_id"], unique=True)
    op.add_column("assistance", sa.Column("provider", sa.String()))
    _children()
    _bulk()


def _children() -> None:
    op.create_table(
        "child_change",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("fields", JsonColumn, nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=False),
        sa.Column("request_id", sa.String()),
    )
    op.create_table(
        "external_id",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False),
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, index=True),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.UniqueConstraint("child_id", "digest"),
    )
    op.create_table(
        "age_decision",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("evidence", JsonColumn, nullable=False),
        sa.Column("pp_order", sa.String()),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("child_heard", sa.Boolean(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "screening",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("screened_at", UTCDateTime(), nullable=False),
        sa.Column("screened_in", sa.String(), nullable=False),
        sa.Column("interpreter", sa.Boolean(), nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("indicators", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("proof", sa.String(64), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("fields", JsonColumn, nullable=False),
        sa.Column("patch", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_at", UTCDateTime()),
        sa.Column("refusal", sa.String(64)),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _bulk() -> None:
    op.create_table(
        "bulk_load",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("agency", sa.String(), nullable=False, index=True),
        sa.Column("office", sa.String()),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime()),
    )
    op.create_table(
        "bulk_batch",
        sa.Column("load_id", sa.String(), primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True),
        sa.Column("last_line", sa.Integer(), primary_key=True),
        sa.Column("recorded", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "bulk_error",
        sa.Column("load_id", sa.String(), primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("pointer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("rule", sa.String()),
    )
