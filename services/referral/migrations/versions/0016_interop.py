"""What came from other systems, and what of it was not understood."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0016"
down_revision = "referral_0015"

_MESSAGE = ["agency", "system", "partner_id", "partner_version"]


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    op.create_table(
        "interop_mapping",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("list", sa.String(64), nullable=False),
        sa.Column("ours", sa.String()),
        sa.Column("theirs", sa.String()),
        sa.Column("way", sa.String(64), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note_en", sa.String()),
        sa.Column("note_es", sa.String()),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date()),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "interop_receipt",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("partner_id", sa.String(), nullable=False),
        sa.Column("partner_version", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("referral_id", sa.String(), nullable=False, index=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("codes", JsonColumn, nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False, index=True),
    )
    op.create_index("uq_interop_receipt_message", "interop_receipt", _MESSAGE, unique=True)
    op.create_table(
        "interop_quarantine",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("agency", sa.String(), nullable=False, index=True),
        sa.Column("door", sa.String(64), nullable=False),
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("partner_id", sa.String(), nullable=False),
        sa.Column("partner_version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, index=True),
        sa.Column("sealed_body", sa.LargeBinary()),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("settled_at", UTCDateTime()),
        sa.Column("referral_id", sa.String()),
    )
    op.create_index("uq_interop_quarantine_message", "interop_quarantine", _MESSAGE, unique=True)
    op.create_table(
        "interop_kept",
        sa.Column("agency", sa.String(), primary_key=True),
        sa.Column("door", sa.String(64), primary_key=True),
        sa.Column("referral_id", sa.String(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kept_at", UTCDateTime(), nullable=False),
    )
