"""Consents, their withdrawal, and disclosures."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0013"
down_revision = "referral_0012"


def upgrade() -> None:
    """Only add: older code goes on working on this schema."""
    _create_withheld()
    _create_consents()
    _create_withdrawals()
    _create_overrides()
    _create_disclosures()


def _text(name: str, *, null: bool = False, index: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null, index=index)


def _coded(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, UTCDateTime(), nullable=null)


def _list(name: str) -> sa.Column[object]:
    return sa.Column(name, JsonColumn, nullable=False)


def _key() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _case() -> sa.Column[str]:
    return sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer(), nullable=False)


def _create_withheld() -> None:
    op.create_table(
        "case_withheld", _key(), _case(), _text("whom", index=True), _text("reason"), _text("agency"), _text("officer"),
        sa.Column("sealed_words", sa.LargeBinary()), _time("since"), _time("until", null=True),
        _text("ended_by", null=True),
    )  # fmt: skip


def _create_consents() -> None:
    op.create_table(
        "consent", _key(), _case(), _text("child_id"), _coded("state"), _text("agency", index=True), _text("officer"),
        _coded("given_by"), _list("purposes"), _list("agencies"), _list("classes"), _list("fields"), _coded("assent"),
        _text("language"), _time("explained_at"), _coded("form"), _text("evidence_digest", null=True),
        _text("evidence_reference", null=True), sa.Column("sealed_words", sa.LargeBinary()), _time("valid_from"),
        _time("expires_at"), _time("reviewed_at", null=True), _time("ended_at", null=True), _time("created_at"),
        _time("updated_at"), _version(),
    )  # fmt: skip
    active = sa.text("state = 'ACTIVE'")
    op.create_index("ix_consent_active", "consent", ["expires_at"], postgresql_where=active, sqlite_where=active)


def _create_withdrawals() -> None:
    op.create_table(
        "consent_withdrawal", _key(),
        sa.Column("consent_id", sa.String(), sa.ForeignKey("consent.id"), nullable=False, index=True),
        _text("case_id", index=True), _text("agency"), _text("officer"), _coded("withdrawn_by"), _text("reason"),
        _list("fields"), _list("agencies"), _list("classes"), sa.Column("sealed_words", sa.LargeBinary()), _time("at"),
    )  # fmt: skip
    op.create_table(
        "withdrawal_notice", _key(), _text("grant_id", index=True), _case(), _text("child_id"),
        _text("agency", index=True), _text("recorded_by", index=True), _list("fields"), _list("referrals"),
        _coded("state"), _time("opened_at"), _time("due_at"), _time("acknowledged_at", null=True),
        _coded("done", null=True), _text("article", null=True), _text("officer", null=True), _version(),
    )  # fmt: skip
    still_open = sa.text("state = 'OPEN'")
    op.create_index(
        "ix_withdrawal_notice_overdue", "withdrawal_notice", ["due_at"], postgresql_where=still_open,
        sqlite_where=still_open,
    )  # fmt: skip


def _create_overrides() -> None:
    op.create_table(
        "consent_override", _key(), _case(), _text("child_id"), _coded("state"), _text("agency", index=True),
        _text("officer"), _text("recipient"), _coded("purpose"), _list("fields"), _text("reason"),
        sa.Column("sealed_words", sa.LargeBinary()), _time("created_at"), _time("review_by"), _time("expires_at"),
        _time("reviewed_at", null=True), _text("reviewed_by", null=True), _version(),
    )  # fmt: skip
    holds = sa.text("state IN ('PENDING', 'UPHELD')")
    op.create_index(
        "ix_consent_override_open", "consent_override", ["review_by"], postgresql_where=holds, sqlite_where=holds
    )


def _create_disclosures() -> None:
    op.create_table(
        "disclosure", _key(),
        sa.Column("referral_id", sa.String(), sa.ForeignKey("referral.id"), nullable=False, index=True), _case(),
        _text("child_id"), _text("agency", index=True), _text("client_id"), _text("office", null=True),
        _coded("basis"), _list("fields"), _list("grants"), sa.Column("record_version", sa.Integer(), nullable=False),
        _time("at"),
    )  # fmt: skip
    op.create_table(
        "disclosure_stop",
        sa.Column("referral_id", sa.String(), sa.ForeignKey("referral.id"), primary_key=True),
        _text("case_id", index=True), _text("agency"), _text("officer"), _text("reason"), _time("at"),
    )  # fmt: skip
