"""The guard: lifting, reviews at set dates, recipients bound to a foreign state."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0014"
down_revision = "referral_0013"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.add_column("guard", sa.Column("screened_at", UTCDateTime()))
    # What intake knows of screenings was not kept: the facts count as outdated, and the worker fetches them again.
    op.execute("UPDATE guard SET facts_version = facts_version - 1 WHERE facts_version > 0")
    op.add_column("indication", sa.Column("corrected_at", UTCDateTime()))
    op.add_column("indication", sa.Column("corrected_by", sa.String()))
    op.add_column("indication", sa.Column("correction", sa.String(64)))
    op.add_column("indication", sa.Column("correction_note", sa.LargeBinary()))
    op.add_column("release", sa.Column("recipient", sa.String()))
    op.add_column("release", sa.Column("service", sa.String(64)))
    op.add_column("release", sa.Column("answer", sa.String(64)))
    op.create_table(
        "crossing",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("release_id", sa.String(), nullable=False, unique=True),
        sa.Column("agency", sa.String(), nullable=False, index=True),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("acknowledged_at", UTCDateTime()),
        sa.Column("answer", sa.String(64)),
        sa.Column("answered_at", UTCDateTime()),
    )
    op.create_table(
        "guard_lift",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), nullable=False, index=True),
        sa.Column("child_id", sa.String(), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("ground", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("recipients", JsonColumn, nullable=False),
        sa.Column("consent_by", sa.String(64)),
        sa.Column("consent_at", UTCDateTime()),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", UTCDateTime(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_at", UTCDateTime()),
        sa.Column("decision_evidence", sa.String()),
        sa.Column("decision_reasons", sa.LargeBinary()),
        sa.Column("ended_by", sa.String()),
        sa.Column("ended_at", UTCDateTime()),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "guard_review",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), nullable=False, index=True),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False, index=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String(64)),
        sa.Column("reasons", sa.LargeBinary()),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_at", UTCDateTime()),
    )
