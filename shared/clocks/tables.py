"""What clocks have learned since the first migrations: one function for every service's own."""

from typing import Any

import sqlalchemy as sa

from shared.db import UTCDateTime


def add_calendar(op: Any) -> None:
    """Working days, pauses, steps, copies; the history of clocks; suspensions. Old code writes on: all has defaults."""
    for column in (
        sa.Column("warned_at", UTCDateTime()),
        sa.Column("step", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("working_days", sa.Integer()),
        sa.Column("warn_days", sa.Integer()),
        sa.Column("zone", sa.String()),
        sa.Column("authority", sa.String()),
        sa.Column("authority_state", sa.String()),
        sa.Column("paused_at", UTCDateTime()),
        sa.Column("pause_reason", sa.String()),
        sa.Column("extended", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("origin", sa.String()),
        sa.Column("follower", sa.String()),
    ):
        op.add_column("clock", column)
    counted = sa.text("working_days IS NOT NULL AND met_at IS NULL")
    op.create_index("ix_clock_working_days", "clock", ["id"], postgresql_where=counted, sqlite_where=counted)
    op.create_index("ix_clock_owed", "clock", ["agency", "due_at", "id"])
    _add_history(op)
    _add_suspensions(op)


def _add_history(op: Any) -> None:
    op.create_table(
        "clock_change",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("clock_id", sa.String(), nullable=False, index=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("since", UTCDateTime()),
        sa.Column("due_before", UTCDateTime()),
        sa.Column("due_after", UTCDateTime()),
    )


def _add_suspensions(op: Any) -> None:
    op.create_table(
        "calendar_suspension",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("authority", sa.String(), nullable=False, index=True),
        sa.Column("state", sa.String()),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("withdrawn_by", sa.String()),
        sa.Column("withdrawn_at", UTCDateTime()),
        sa.Column("sweep_at", UTCDateTime()),
        sa.Column("sweep_from", sa.String(), nullable=False),
        sa.Column("sweeps_left", sa.Integer(), nullable=False),
    )
