"""Signing keys, and the tokens that were revoked.

Only adds: 0.2.0 goes on working on this schema. It signs with its key file, the first current key here.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("public", JsonColumn, nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("current_since", UTCDateTime(), nullable=True),
        sa.Column("retired_at", UTCDateTime(), nullable=True),
        sa.Column("removed_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    for state in ("current", "next"):
        here = sa.text(f"state = '{state}'")
        op.create_index(
            f"uq_signing_key_{state}", "signing_key", ["state"], unique=True,
            postgresql_where=here, sqlite_where=here,
        )  # fmt: skip
    op.create_table(
        "revoked_token",
        sa.Column("jti_digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("jti_digest", name=op.f("pk_revoked_token")),
    )
    op.create_index(op.f("ix_revoked_token_expires_at"), "revoked_token", ["expires_at"])
