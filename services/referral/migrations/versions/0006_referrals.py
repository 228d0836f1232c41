"""Referrals: refusals that are confirmed, sub-referrals, coded outcomes; transfers."""

revision = "referral_0006"
down_revision = "referral_0005"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
