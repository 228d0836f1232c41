"""Consents, their withdrawal, and disclosures."""

revision = "referral_0008"
down_revision = "referral_0007"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
