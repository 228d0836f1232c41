"""Clocks: working days, pauses, suspensions of the calendar, and who else keeps a copy."""

from alembic import op

from shared.clocks import tables

revision = "intake_0010"
down_revision = "intake_0009"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    tables.add_calendar(op)
    op.execute("UPDATE clock SET follower = 'referral' WHERE state IN ('running', 'breached')")
