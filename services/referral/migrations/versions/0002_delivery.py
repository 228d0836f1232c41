"""Delivery: proven endpoints, feeds, breakers, reminders, alarms."""

from alembic import op

from shared.delivery.tables import add_delivery

revision = "referral_0002"
down_revision = "referral_0001"


def upgrade() -> None:
    """Only add, with defaults: 0.1.0 goes on working on this schema."""
    add_delivery(op)
