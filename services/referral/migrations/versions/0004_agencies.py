"""Bodies beyond the shipped directory: shelters, certification, capacity, duty contacts, half-yearly reports."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0004"
down_revision = "referral_0003"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    _create_directory()
    _create_places()
    _create_reports()


def _create_directory() -> None:
    op.create_table(
        "body",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name_es", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("state", sa.String()),
        sa.Column("territory", JsonColumn, nullable=False),
        sa.Column("services", JsonColumn, nullable=False),
        sa.Column("parent", sa.String()),
        sa.Column("bound_to", sa.String()),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_to", sa.Date()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "body_version",
        sa.Column("body_id", sa.String(), sa.ForeignKey("body.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "directory_state",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def _create_places() -> None:
    op.create_table(
        "body_location",
        sa.Column("body_id", sa.String(), primary_key=True),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "duty_roster",
        sa.Column("body_id", sa.String(), primary_key=True),
        sa.Column("contacts", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "certification",
        sa.Column("body_id", sa.String(), primary_key=True),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("places", JsonColumn, nullable=False),
        sa.Column("suspended_at", UTCDateTime()),
        sa.Column("suspension_reason", sa.String(64)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "place_count",
        sa.Column("body_id", sa.String(), primary_key=True),
        sa.Column("as_of", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
    )
    op.create_table(
        "place_unit",
        sa.Column("body_id", sa.String(), sa.ForeignKey("place_count.body_id"), primary_key=True),
        sa.Column("sex", sa.String(64), primary_key=True),
        sa.Column("age_band", sa.String(64), primary_key=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("occupied", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
    )


def _create_reports() -> None:
    op.create_table(
        "cas_report",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("half_year", sa.String(), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("centres", JsonColumn),
        sa.Column("visits", JsonColumn),
        sa.Column("submitted_at", UTCDateTime()),
        sa.Column("acknowledged_at", UTCDateTime()),
        sa.Column("acknowledged_by", sa.String()),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("agency", "half_year"),
    )
