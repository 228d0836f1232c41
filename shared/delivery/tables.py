"""What releases after the first add to the tables of the engine. Migrations of services call it."""

from typing import Any

import sqlalchemy as sa

from shared.db import UTCDateTime


def add_delivery(op: Any) -> None:
    """Add what 0.2.0 knows of endpoints and deliveries. Every column has a default: 0.1.0 writes on."""
    for column in (
        sa.Column("channel", sa.String(64), nullable=False, server_default="webhook"),
        sa.Column("retry_ceiling", sa.Integer()),
        sa.Column("mutual_tls", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("signing_keys", sa.LargeBinary()),
        sa.Column("pace", sa.Integer(), nullable=False, server_default="4"),
        sa.Column("hold_until", UTCDateTime()),
        sa.Column("last_outcome", sa.String()),
        sa.Column("last_attempt_at", UTCDateTime()),
        sa.Column("delivered", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("position", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("epoch", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("proof_challenge", sa.String()),
        sa.Column("proof_due_at", UTCDateTime()),
        sa.Column("proof_attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("proof_outcome", sa.String()),
        sa.Column("heartbeat_seconds", sa.Integer()),
        sa.Column("heartbeat_at", UTCDateTime()),
    ):
        op.add_column("endpoint", column)
    for column in (
        sa.Column("position", sa.Integer()),
        sa.Column("first_sent_at", UTCDateTime()),
        sa.Column("last_outcome", sa.String()),
        sa.Column("last_status", sa.Integer()),
        sa.Column("acknowledged_at", UTCDateTime()),
        sa.Column("step", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_step_at", UTCDateTime()),
    ):
        op.add_column("delivery", column)
    _add_indexes(op)
    _add_alarms(op)


def _add_indexes(op: Any) -> None:
    _partial(op, "ix_delivery_feed", "delivery", ["endpoint_id", "position"], "position IS NOT NULL")
    unopened = "state = 'pending' AND position IS NULL"
    _partial(op, "ix_delivery_unopened", "delivery", ["endpoint_id", "due_at"], unopened)
    _partial(op, "ix_delivery_step", "delivery", ["next_step_at"], "next_step_at IS NOT NULL")
    op.drop_index("ix_delivery_due", "delivery")
    op.create_index(
        "ix_delivery_due", "delivery", ["endpoint_id", "due_at"],
        postgresql_where=sa.text("state = 'pending' AND due_at IS NOT NULL"), sqlite_where=sa.text("state = 'pending'"),
    )  # fmt: skip
    op.create_index("ix_delivery_endpoint", "delivery", ["endpoint_id", "id"])
    op.create_index("ix_attempt_started_at", "attempt", ["started_at"])


def _add_alarms(op: Any) -> None:
    op.create_table(
        "endpoint_alarm",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("endpoint_id", sa.String(), sa.ForeignKey("endpoint.id"), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.String()),
        sa.Column("raised_at", UTCDateTime(), nullable=False),
        sa.Column("cleared_at", UTCDateTime()),
    )
    op.create_index(
        "uq_endpoint_alarm_open", "endpoint_alarm", ["endpoint_id", "kind"], unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"), sqlite_where=sa.text("cleared_at IS NULL"),
    )  # fmt: skip


def _partial(op: Any, name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
