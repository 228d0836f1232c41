"""The guard: lifting, reviews at set dates, recipients bound to a foreign state."""

revision = "referral_0009"
down_revision = "referral_0008"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
