"""Measures: urgent ones, assessments, the best-interests determination, the plan."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0012"
down_revision = "referral_0011"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    _create_measures()
    _create_determinations()
    _create_plans()


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _of(name: str, table: str, *, index: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{table}.id"), nullable=False, index=index)


def _text(name: str, *, nullable: bool = False, index: bool | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, index=index)


def _code(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), nullable=nullable)


def _time(name: str, *, nullable: bool = False, index: bool | None = None) -> sa.Column[object]:
    return sa.Column(name, UTCDateTime(), nullable=nullable, index=index)


def _sealed(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _create_measures() -> None:
    op.create_table(
        "measure",
        _id(),
        _of("case_id", "route_case"),
        _code("kind"),
        _code("way"),
        _code("code"),
        _code("ground"),
        _code("state"),
        _text("mp", index=True),
        _text("reference"),
        _text("notice", nullable=True),
        _sealed("reasons"),
        _text("asked_by"),
        _time("asked_at"),
        _time("live_since", nullable=True),
        _time("reviewed_at", nullable=True),
        _time("over_at", nullable=True),
        _code("end", nullable=True),
        _number("version"),
    )
    op.create_table(
        "measure_step",
        _id(),
        _of("measure_id", "measure"),
        _code("state"),
        _time("decided_at"),
        _text("reference", nullable=True),
        _sealed("note", nullable=True),
        _text("recorded_by"),
        _time("recorded_at"),
    )
    op.create_table(
        "admission",
        _id(),
        _of("case_id", "route_case"),
        _of("measure_id", "measure"),
        _text("cas", index=True),
        _text("state", nullable=True),
        _code("sex"),
        _code("age_band"),
        _code("place", nullable=True),
        _text("nationality", nullable=True),
        _text("referred_by"),
        _code("purpose"),
        _time("admitted_at", index=True),
        _text("admitted_by"),
        _time("left_at", nullable=True),
        _code("exit_reason", nullable=True),
        _text("left_recorded_by", nullable=True),
        _number("version"),
    )
    present = sa.text("left_at IS NULL")
    op.create_index(
        "uq_admission_open", "admission", ["case_id"], unique=True, postgresql_where=present, sqlite_where=present
    )


def _create_determinations() -> None:
    op.create_table(
        "assessment",
        _id(),
        _of("case_id", "route_case"),
        _code("kind"),
        sa.Column("safe", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("findings", JsonColumn, nullable=False),
        _sealed("words", nullable=True),
        _text("agency"),
        _text("officer"),
        _time("assessed_at"),
        _time("recorded_at"),
    )
    op.create_table(
        "hearing",
        _id(),
        _of("case_id", "route_case"),
        _code("expression"),
        _sealed("view"),
        sa.Column("explained", JsonColumn, nullable=False),
        _sealed("explanation"),
        _text("language"),
        sa.Column("interpreter", sa.Boolean(), nullable=False),
        _time("heard_at"),
        _text("heard_by"),
        _time("recorded_at"),
    )
    op.create_table(
        "determination",
        _id(),
        _of("case_id", "route_case"),
        _number("number"),
        _text("follows", nullable=True),
        _code("review_reason", nullable=True),
        _code("purpose"),
        _code("state"),
        _text("assessor"),
        _text("opened_by"),
        _time("opened_at"),
        _code("decision", nullable=True),
        _sealed("reasons", nullable=True),
        _time("decided_at", nullable=True),
        _text("signed_by", nullable=True),
        _time("signed_at", nullable=True),
        _text("reference", nullable=True),
        _number("version"),
    )
    op.create_table(
        "bid_opinion",
        _id(),
        _of("determination_id", "determination"),
        _code("discipline"),
        _code("recommendation"),
        _sealed("words"),
        _text("agency"),
        _text("officer"),
        _time("given_at"),
    )
    op.create_table(
        "bid_panel",
        _id(),
        _of("determination_id", "determination"),
        _code("discipline"),
        _text("agency"),
        _text("officer"),
        _text("undertaking"),
        _time("undertaken_at"),
    )


def _create_plans() -> None:
    op.create_table(
        "prd_plan",
        _id(),
        _of("case_id", "route_case"),
        _number("number"),
        _of("determination_id", "determination", index=False),
        _code("state"),
        sa.Column("allows_exit", sa.Boolean(), nullable=False),
        _text("drawn_up_by"),
        _time("drawn_up_at"),
        _text("signed_by", nullable=True),
        _time("signed_at", nullable=True),
        _text("reference", nullable=True),
        _number("version"),
    )
    op.create_table(
        "prd_item",
        _id(),
        _of("plan_id", "prd_plan"),
        _of("case_id", "route_case"),
        _number("number"),
        _text("continues", nullable=True),
        _code("right"),
        _text("basis"),
        _code("kind"),
        _code("beneficiary"),
        _sealed("measure"),
        _text("agency", index=True),
        _sealed("responsible"),
        _code("periodicity"),
        sa.Column("due_on", sa.Date(), nullable=False),
        _time("due_at"),
        _code("state"),
        _time("reported_at", nullable=True),
        _time("settled_at", nullable=True),
        _code("unmet", nullable=True),
        _number("version"),
    )
    op.create_table(
        "prd_item_step",
        _id(),
        _of("item_id", "prd_item"),
        _code("state"),
        _text("reference", nullable=True),
        _text("digest", nullable=True),
        _sealed("note", nullable=True),
        _text("recorded_by"),
        _time("recorded_at"),
    )
