"""How cases stand, as referral says it; a child's territory may move; what is due to be blocked is found at once."""

import sqlalchemy as sa
from alembic import op

from shared.db import UTCDateTime

revision = "intake_0013"
down_revision = "intake_0012"

_DUE = sa.text("erase_after IS NOT NULL")


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.add_column("child", sa.Column("met_state", sa.String(), nullable=True))
    op.create_table(
        "case_standing",
        sa.Column("child_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("told_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("child_id", name="pk_case_standing"),
    )
    for table in ("encounter", "family_member", "paisano_inquiry"):
        op.create_index(f"ix_{table}_erase_after", table, ["erase_after"], postgresql_where=_DUE, sqlite_where=_DUE)
