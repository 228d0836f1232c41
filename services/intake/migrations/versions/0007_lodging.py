"""Where children sleep; their humanitarian permits; field actions and inquiries."""

import sqlalchemy as sa
from alembic import op

from shared.db import UTCDateTime

revision = "intake_0007"
down_revision = "intake_0006"

_SLEEPING = sa.text("status = 'sleeping'")
_VALID = sa.text("status = 'valid'")


def upgrade() -> None:
    """New tables and a column that may stay empty: older code goes on working."""
    _lodging()
    _permits()
    _orientation()


def _lodging() -> None:
    op.create_table(
        "stay",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("place_digest", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("quarters", sa.String(64), nullable=False),
        sa.Column("travel_condition", sa.String(64), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime()),
        sa.Column("end_reason", sa.String(64)),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("split_reason", sa.String(64)),
        sa.Column("split_reference", sa.String()),
        sa.Column("split_decided_at", UTCDateTime()),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index(
        "uq_stay_sleeping", "stay", ["child_id"], unique=True, postgresql_where=_SLEEPING, sqlite_where=_SLEEPING
    )
    op.create_table(
        "stay_relative",
        sa.Column("stay_id", sa.String(), sa.ForeignKey("stay.id"), primary_key=True),
        sa.Column("relative_id", sa.String(), primary_key=True, index=True),
    )


def _permits() -> None:
    op.add_column("child", sa.Column("permit_id", sa.String()))
    op.create_table(
        "humanitarian_permit",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("card", sa.LargeBinary()),
        sa.Column("granted_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("act", sa.String(64)),
        sa.Column("act_reference", sa.String()),
        sa.Column("act_date", sa.Date()),
        sa.Column("measure_reference", sa.String()),
        sa.Column("encounter_id", sa.String(), index=True),
        sa.Column("carer", sa.String(64), nullable=False),
        sa.Column("finding_reference", sa.String()),
        sa.Column("finding_at", UTCDateTime()),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index(
        "uq_humanitarian_permit_valid",
        "humanitarian_permit",
        ["child_id"],
        unique=True,
        postgresql_where=_VALID,
        sqlite_where=_VALID,
    )


def _orientation() -> None:
    op.create_table(
        "field_action",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("municipality", sa.String()),
        sa.Column("point", sa.String()),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("minors", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.String(), sa.ForeignKey("encounter.id")),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "paisano_inquiry",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("municipality", sa.String()),
        sa.Column("point", sa.String()),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String()),
        sa.Column("complainant", sa.LargeBinary()),
        sa.Column("retention_class", sa.String(64), nullable=False),
        sa.Column("blocked_at", UTCDateTime()),
        sa.Column("erase_after", UTCDateTime()),
        sa.Column("forwarded_to", sa.String()),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("office", sa.String()),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
