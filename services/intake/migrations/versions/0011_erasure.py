"""The children whose time has come are found without looking at the others."""

import sqlalchemy as sa
from alembic import op

revision = "intake_0011"
down_revision = "intake_0010"

_DUE = sa.text("erase_after IS NOT NULL")


def upgrade() -> None:
    """An index alone: older code goes on working."""
    op.create_index("ix_child_erase_after", "child", ["erase_after"], postgresql_where=_DUE, sqlite_where=_DUE)
