"""Measures: urgent ones, assessments, the best-interests determination, the plan."""

revision = "referral_0007"
down_revision = "referral_0006"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
