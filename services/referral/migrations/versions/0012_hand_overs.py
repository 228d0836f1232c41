"""A place for the child who passes to a centre."""

import sqlalchemy as sa
from alembic import op

revision = "referral_0012"
down_revision = "referral_0011"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    for name in ("sex", "age_band"):
        op.add_column("transfer", sa.Column(name, sa.String(64)))
