"""Letters; a notice to the state of residence; what a person records and decides."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "consular_0006"
down_revision = "consular_0005"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.create_table(
        "letter",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("notice_id", sa.String(), nullable=False, index=True),
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("consulate_id", sa.String(), sa.ForeignKey("consulate.id"), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("owed_at", UTCDateTime(), nullable=False),
        sa.Column("printed", JsonColumn, nullable=False),
        sa.Column("sent_at", UTCDateTime()),
        sa.Column("sent_by", sa.String()),
        sa.Column("how", sa.String(64)),
        sa.Column("evidence", sa.String()),
        sa.Column("in_time", sa.Boolean()),
        sa.Column("recorded_at", UTCDateTime()),
        sa.Column("recorded_by", sa.String()),
    )
    with op.batch_alter_table("notice") as notice:
        for name in ("addressee", "acknowledged_by", "evidence", "decided_by", "decided_in"):
            notice.add_column(sa.Column(name, sa.String()))
        notice.add_column(sa.Column("decision", sa.String(64)))
        notice.add_column(sa.Column("decided_at", UTCDateTime()))
