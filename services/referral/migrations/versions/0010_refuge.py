"""Refuge claims and returns."""

revision = "referral_0010"
down_revision = "referral_0009"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
