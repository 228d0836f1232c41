"""Referrals: refusals that are confirmed, sub-referrals, coded outcomes; uploads of many; transfers."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0006"
down_revision = "referral_0005"

_UNANSWERED = sa.text("state IN ('sent', 'received', 'undeliverable')")


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    _widen_referrals()
    _create_loads()
    _create_transfers()


def _widen_referrals() -> None:
    for name in ("sealed_note", "sealed_answer", "sealed_contact"):
        op.add_column("referral", sa.Column(name, sa.LargeBinary()))
    for name in (
        "hold_reason", "outcome", "end_reason", "interpreter", "refusal_reason", "refusal_to", "refusal_returned",
        "parent_id", "follows", "root_id", "external_id",
    ):  # fmt: skip
        op.add_column("referral", sa.Column(name, sa.String()))
    for name in ("serve_by", "appointment_at", "refusal_at", "read_at"):
        op.add_column("referral", sa.Column(name, UTCDateTime()))
    for name in ("fields", "withheld_from"):
        op.add_column("referral", sa.Column(name, JsonColumn))
    op.add_column("referral", sa.Column("risk", sa.String(64)))
    op.add_column("referral", sa.Column("depth", sa.Integer(), nullable=False, server_default="0"))
    for name in ("refusal_to", "parent_id", "root_id"):
        op.create_index(f"ix_referral_{name}", "referral", [name])
    op.create_index("uq_referral_sender_external_id", "referral", ["sender", "external_id"], unique=True)
    op.create_index(
        "ix_referral_unanswered", "referral", ["due_at"], postgresql_where=_UNANSWERED, sqlite_where=_UNANSWERED
    )
    op.create_table(
        "referral_withheld",
        sa.Column("referral_id", sa.String(), sa.ForeignKey("referral.id"), primary_key=True),
        sa.Column("agency", sa.String(), primary_key=True, index=True),
    )


def _create_loads() -> None:
    op.create_table(
        "referral_load",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("agency", sa.String(), nullable=False, index=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_line", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime()),
    )
    op.create_table(
        "referral_load_error",
        sa.Column("load_id", sa.String(), primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("pointer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("rule", sa.String()),
    )


def _create_transfers() -> None:
    live = sa.text("state IN ('proposed', 'accepted', 'departed', 'not_arrived')")
    op.create_table(
        "transfer",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(), nullable=False, index=True),
        sa.Column("recipient", sa.String(), nullable=False, index=True),
        sa.Column("from_state", sa.String(), nullable=False),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("lawful_basis", sa.String(64), nullable=False),
        sa.Column("fields", JsonColumn, nullable=False),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("sealed_note", sa.LargeBinary()),
        sa.Column("sealed_answer", sa.LargeBinary()),
        sa.Column("sealed_place", sa.LargeBinary()),
        sa.Column("end_reason", sa.String()),
        sa.Column("answer_by", UTCDateTime(), nullable=False),
        sa.Column("accepted_at", UTCDateTime()),
        sa.Column("departed_at", UTCDateTime()),
        sa.Column("expected_at", UTCDateTime()),
        sa.Column("arrive_by", UTCDateTime()),
        sa.Column("arrived_at", UTCDateTime()),
        sa.Column("handed_over_by", sa.String()),
        sa.Column("received_by", sa.String()),
        sa.Column("condition", sa.String(64)),
        sa.Column("closed_at", UTCDateTime()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index(
        "uq_transfer_live", "transfer", ["case_id", "kind"], unique=True, postgresql_where=live, sqlite_where=live
    )
    op.create_index(
        "ix_transfer_on_its_way", "transfer", ["arrive_by"],
        postgresql_where=sa.text("state = 'departed'"), sqlite_where=sa.text("state = 'departed'"),
    )  # fmt: skip
