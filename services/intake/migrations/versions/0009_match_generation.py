"""Which marks a child's match keys were made of, so that the sweep makes older ones anew."""

import sqlalchemy as sa
from alembic import op

revision = "intake_0009"
down_revision = "intake_0008"


def upgrade() -> None:
    """A column that may be empty: older code goes on working, and what it writes is made anew."""
    op.add_column("match_child", sa.Column("generation", sa.Integer()))
