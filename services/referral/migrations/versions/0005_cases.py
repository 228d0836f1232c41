"""Cases: the whole route, its gates, representation, and the timeline."""

import sqlalchemy as sa
from alembic import op

revision = "referral_0005"
down_revision = "referral_0004"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.add_column("route_case", sa.Column("risk", sa.String(64), nullable=True))
