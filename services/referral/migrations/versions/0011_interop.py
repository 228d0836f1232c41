"""What came from other systems, and what of it was not understood."""

revision = "referral_0011"
down_revision = "referral_0010"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
