"""Which carer of its family a permit covers; by which separation a child sleeps apart."""

import sqlalchemy as sa
from alembic import op

revision = "intake_0008"
down_revision = "intake_0007"


def upgrade() -> None:
    """Columns that may stay empty: older code goes on working."""
    op.add_column("humanitarian_permit", sa.Column("member_id", sa.String()))
    op.add_column("stay", sa.Column("separation_id", sa.String()))
