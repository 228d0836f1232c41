"""Clocks: working days, pauses, suspensions of the calendar, escalation in steps."""

from alembic import op

from shared.clocks import tables

revision = "referral_0003"
down_revision = "referral_0002"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    tables.add_calendar(op)
