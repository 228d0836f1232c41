"""Encounters of every kind, children with their history."""

revision = "intake_0003"
down_revision = "intake_0002"


def upgrade() -> None:
    """Nothing yet."""
