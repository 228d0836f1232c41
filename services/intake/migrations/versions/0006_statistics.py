"""Summaries of the official tables and their releases."""

revision = "intake_0006"
down_revision = "intake_0005"


def upgrade() -> None:
    """Nothing yet."""
