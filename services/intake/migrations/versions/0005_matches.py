"""Match keys, candidates, links."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "intake_0005"
down_revision = "intake_0004"


def upgrade() -> None:
    """New tables alone: older code goes on working."""
    op.create_table(
        "match_child",
        sa.Column("child_id", sa.String(), primary_key=True),
        sa.Column("key_id", sa.String(), nullable=False, index=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "match_key",
        sa.Column("key", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("child_id", sa.String(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "child_match",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("child_a", sa.String(), nullable=False),
        sa.Column("child_b", sa.String(), nullable=False, index=True),
        sa.Column("state_a", sa.String(), nullable=False),
        sa.Column("state_b", sa.String(), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("band", sa.String(64), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("rank", sa.String(), nullable=False),
        sa.Column("reasons", JsonColumn, nullable=False),
        sa.Column("found_at", UTCDateTime(), nullable=False),
        sa.Column("confirmed_by_state", sa.String()),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_at", UTCDateTime()),
        sa.Column("decision_code", sa.String(64)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("child_a", "child_b"),
    )
    op.create_index("ix_child_match_state_a", "child_match", ["state_a", "status", "rank"])
    op.create_index("ix_child_match_state_b", "child_match", ["state_b", "status", "rank"])
    op.create_index("ix_child_match_status", "child_match", ["status", "rank"])
    op.create_table(
        "person_link",
        sa.Column("child_id", sa.String(), primary_key=True),
        sa.Column("person_id", sa.String(), nullable=False, index=True),
    )
    op.create_table(
        "match_progress",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("started_at", UTCDateTime()),
    )
