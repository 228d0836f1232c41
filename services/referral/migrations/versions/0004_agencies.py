"""Bodies beyond the shipped directory: shelters, certification, capacity, duty contacts, alerts."""

revision = "referral_0004"
down_revision = "referral_0003"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
