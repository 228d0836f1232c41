"""Nothing: 0.4.0 had the revisions 7 to 11, all of them empty, and databases stand at the last one."""

revision = "referral_0011"
down_revision = "referral_0006"


def upgrade() -> None:
    """Change nothing."""
