"""Clocks: working days, pauses, suspensions of the calendar, and who else keeps a copy."""

from alembic import op

from shared.clocks import tables

revision = "consular_0004"
down_revision = "consular_0003"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    tables.add_calendar(op)
    op.execute("UPDATE clock SET follower = 'referral' WHERE rule = 'C2' AND state IN ('running', 'breached')")
