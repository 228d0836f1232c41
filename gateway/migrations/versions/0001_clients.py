"""Clients, and the assertions that they have used.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("agency_kind", sa.String(), nullable=False),
        sa.Column("office", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("scopes", JsonColumn, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("jwks", JsonColumn, nullable=False),
        sa.Column("disabled_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_table(
        "used_assertion",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("jti_digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "jti_digest", name=op.f("pk_used_assertion")),
    )
    op.create_index(op.f("ix_used_assertion_expires_at"), "used_assertion", ["expires_at"])


def downgrade() -> None:
    op.drop_table("used_assertion")
    op.drop_table("client")
