"""The kernel's tables as every service's first migration makes them. Frozen: later changes are migrations."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import UTCDateTime

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def create(op: Any) -> None:
    """Create them through Alembic's operations."""
    _create_requests(op)
    _create_audit(op)
    _create_events(op)
    _create_delivery(op)
    _create_clocks(op)


def _create_requests(op: Any) -> None:
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.LargeBinary(), primary_key=True),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False, index=True),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
    )


def _create_audit(op: Any) -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String()),
        sa.Column("details", _JSON),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("commitment", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), unique=True),
        sa.Column("digest", sa.String()),
    )
    _partial(op, "ix_audit_entry_unsealed", "audit_entry", ["id"], "seq IS NULL")
    op.create_table(
        "audit_checkpoint",
        sa.Column("seq", sa.Integer(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
    )


def _create_events(op: Any) -> None:
    op.create_table(
        "event_counter",
        sa.Column("case_key", sa.String(), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("case_key", sa.String(), nullable=False),
        sa.Column("case_seq", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False, index=True),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("data", _JSON, nullable=False),
        sa.UniqueConstraint("case_key", "case_seq"),
    )
    op.create_table(
        "endpoint",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False, index=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("event_types", _JSON),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("served_at", UTCDateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_success_at", UTCDateTime()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _create_delivery(op: Any) -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("event_id", sa.String(), sa.ForeignKey("event.id"), nullable=False),
        sa.Column("endpoint_id", sa.String(), sa.ForeignKey("endpoint.id"), nullable=False),
        sa.Column("case_key", sa.String(), nullable=False),
        sa.Column("case_seq", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("gate", sa.String()),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("token", sa.String()),
        sa.Column("sending", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("delivered_at", UTCDateTime()),
        sa.UniqueConstraint("event_id", "endpoint_id", "origin"),
    )
    _partial(op, "ix_delivery_due", "delivery", ["endpoint_id", "due_at"], "state = 'pending'")
    _partial(op, "ix_delivery_order", "delivery", ["endpoint_id", "case_key", "case_seq"], "state = 'pending'")
    op.create_table(
        "lane_counter",
        sa.Column("endpoint_id", sa.String(), primary_key=True),
        sa.Column("case_key", sa.String(), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("delivery_id", sa.String(), nullable=False, index=True),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("status", sa.Integer()),
        sa.Column("milliseconds", sa.Integer()),
    )


def _create_clocks(op: Any) -> None:
    op.create_table(
        "clock",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("case_key", sa.String(), nullable=False, index=True),
        sa.Column("resource_id", sa.String(), nullable=False, index=True),
        sa.Column("agency", sa.String(), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("warn_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("next_at", UTCDateTime()),
        sa.Column("met_at", UTCDateTime()),
        sa.Column("breached_at", UTCDateTime()),
        sa.UniqueConstraint("rule", "resource_id"),
    )
    _partial(op, "ix_clock_next", "clock", ["next_at"], "next_at IS NOT NULL")


def _partial(op: Any, name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
