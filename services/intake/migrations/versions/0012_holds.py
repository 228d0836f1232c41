"""What referral says that stands still."""

import sqlalchemy as sa
from alembic import op

from shared.db import UTCDateTime

revision = "intake_0012"
down_revision = "intake_0011"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.create_table(
        "child_hold",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_id", sa.String(), sa.ForeignKey("child.id"), nullable=False, index=True),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime()),
    )
