"""A notice that nobody acknowledged goes to the embassy too."""

import sqlalchemy as sa
from alembic import op

revision = "consular_0003"
down_revision = "consular_0002"


def upgrade() -> None:
    """Only add: 0.1.0 goes on working on this schema."""
    with op.batch_alter_table("notice") as notice:
        notice.add_column(sa.Column("escalated_to", sa.String()))
        notice.create_foreign_key(None, "consulate", ["escalated_to"], ["id"])
        notice.create_index("ix_notice_escalated_to", ["escalated_to"])
