"""Families, lodging, permits, interviews, orientation."""

revision = "intake_0004"
down_revision = "intake_0003"


def upgrade() -> None:
    """Nothing yet."""
