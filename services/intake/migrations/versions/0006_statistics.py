"""Summaries of the official tables and their releases."""

import sqlalchemy as sa
from alembic import op

from shared.db import UTCDateTime

revision = "intake_0006"
down_revision = "intake_0005"

_UNCOUNTED = sa.text("counted_at IS NULL")
_DIMENSIONS = ("nationality", "state", "age_group", "travel_condition", "sex")
_OF_MEXICANS = ("return_point", "state_of_origin", "returned_from")


def upgrade() -> None:
    """Only add. What 0.2.0 recorded, and goes on recording meanwhile, has not been counted: the worker counts it."""
    op.add_column("encounter", sa.Column("counted_at", UTCDateTime()))
    op.create_index("ix_encounter_uncounted", "encounter", ["id"], postgresql_where=_UNCOUNTED, sqlite_where=_UNCOUNTED)
    op.create_table(
        "statistic_event",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), nullable=False, index=True),
        sa.Column("person_id", sa.String(), nullable=False, index=True),
        sa.Column("series", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        *(sa.Column(name, sa.String()) for name in (*_DIMENSIONS, *_OF_MEXICANS)),
    )
    op.create_index("ix_statistic_event_series_day", "statistic_event", ["series", "day"])
    op.create_index(
        "ix_statistic_event_linked", "statistic_event", ["child_id"],
        postgresql_where=sa.text("person_id <> child_id"), sqlite_where=sa.text("person_id <> child_id"),
    )  # fmt: skip
    op.create_table(
        "statistic_summary",
        sa.Column("measure", sa.String(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("cell", sa.String(), primary_key=True),
        sa.Column("previous", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("events", sa.Integer(), nullable=False),
    )
    op.create_table(
        "statistic_return",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("nationality", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("age_group", sa.String()),
        sa.Column("travel_condition", sa.String()),
        sa.Column("sex", sa.String()),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("counted_at", UTCDateTime()),
    )
    op.create_index(
        "ix_statistic_return_uncounted", "statistic_return", ["id"], postgresql_where=_UNCOUNTED,
        sqlite_where=_UNCOUNTED,
    )  # fmt: skip
    op.create_table(
        "statistic_release",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("first_month", sa.String(7), nullable=False),
        sa.Column("last_month", sa.String(7), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String()),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.UniqueConstraint("first_month", "last_month", "version"),
    )
    op.create_table(
        "statistic_cell",
        sa.Column("release_id", sa.String(), sa.ForeignKey("statistic_release.id"), primary_key=True),
        sa.Column("table_name", sa.String(64), primary_key=True),
        sa.Column("cell", sa.String(), primary_key=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("kept_events", sa.Integer(), nullable=False),
        sa.Column("kept_persons", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
    )
