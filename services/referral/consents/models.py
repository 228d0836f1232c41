"""The tables of consents, of their withdrawal, of overrides, and of what was read under them.

What was read stands here and not in disclosures, which are above: a withdrawal reaches its readers in one transaction.
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.consents.codes import Assent, Done, Form, Giver, Purpose
from services.referral.consents.rules import ConsentState, NoticeState, OverrideState
from services.referral.referrals.codes import LawfulBasis
from shared.db import JsonColumn, UTCDateTime, coded

_OPEN = text("state = 'OPEN'")
_ACTIVE = text("state = 'ACTIVE'")
_HOLDS = text("state IN ('PENDING', 'UPHELD')")


class Consent(SQLModel, table=True):
    """Somebody agrees that fields of a child go to recipients for purposes."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_active", "expires_at", postgresql_where=_ACTIVE, sqlite_where=_ACTIVE),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    state: ConsentState = Field(default=ConsentState.ACTIVE, sa_type=coded(ConsentState))
    agency: str = Field(index=True, description="who recorded it")
    officer: str
    given_by: Giver = Field(sa_type=coded(Giver))
    purposes: list[str] = Field(sa_type=JsonColumn)
    agencies: list[str] = Field(sa_type=JsonColumn)
    classes: list[str] = Field(sa_type=JsonColumn)
    fields: list[str] = Field(sa_type=JsonColumn)
    assent: Assent = Field(sa_type=coded(Assent))
    language: str = Field(description="in which it was explained to the child")
    explained_at: datetime = Field(sa_type=UTCDateTime)
    form: Form = Field(sa_type=coded(Form))
    evidence_digest: str | None = Field(default=None, description="SHA-256 of the document")
    evidence_reference: str | None = Field(default=None, description="where the document is kept")
    sealed_words: bytes | None = None
    valid_from: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    reviewed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class Withdrawal(SQLModel, table=True):
    """A consent was taken back, whole (nothing named) or in part. Rows are only added."""

    __tablename__ = "consent_withdrawal"

    id: str = Field(primary_key=True)
    consent_id: str = Field(foreign_key="consent.id", index=True)
    case_id: str = Field(index=True)
    agency: str
    officer: str
    withdrawn_by: Giver = Field(sa_type=coded(Giver))
    reason: str = Field(description="code: why")
    fields: list[str] = Field(sa_type=JsonColumn)
    agencies: list[str] = Field(sa_type=JsonColumn)
    classes: list[str] = Field(sa_type=JsonColumn)
    sealed_words: bytes | None = None
    at: datetime = Field(sa_type=UTCDateTime)


class WithdrawalNotice(SQLModel, table=True):
    """An agency that had read under a consent is told that it ended, and says what it did."""

    __tablename__ = "withdrawal_notice"
    __table_args__ = (
        Index("ix_withdrawal_notice_overdue", "due_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    grant_id: str = Field(index=True, description="the consent, or the override")
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    agency: str = Field(index=True, description="who is told")
    recorded_by: str = Field(index=True, description="the agency that recorded the consent")
    fields: list[str] = Field(sa_type=JsonColumn)
    referrals: list[str] = Field(sa_type=JsonColumn, description="by which it had read")
    state: NoticeState = Field(default=NoticeState.OPEN, sa_type=coded(NoticeState))
    opened_at: datetime = Field(sa_type=UTCDateTime)
    due_at: datetime = Field(sa_type=UTCDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    done: Done | None = Field(default=None, sa_type=coded(Done))
    article: str | None = None
    officer: str | None = None
    version: int = 1


class Override(SQLModel, table=True):
    """A supervisor lets an agency read without consent, and somebody else reviews it."""

    __tablename__ = "consent_override"
    __table_args__ = (Index("ix_consent_override_open", "review_by", postgresql_where=_HOLDS, sqlite_where=_HOLDS),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    state: OverrideState = Field(default=OverrideState.PENDING, sa_type=coded(OverrideState))
    agency: str = Field(index=True)
    officer: str
    recipient: str
    purpose: Purpose = Field(sa_type=coded(Purpose))
    fields: list[str] = Field(sa_type=JsonColumn)
    reason: str = Field(description="code: why")
    sealed_words: bytes | None = None
    created_at: datetime = Field(sa_type=UTCDateTime)
    review_by: datetime = Field(sa_type=UTCDateTime, description="when it ends, unless it was upheld")
    expires_at: datetime = Field(sa_type=UTCDateTime)
    reviewed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reviewed_by: str | None = Field(default=None, description="agency and officer")
    version: int = 1


class Disclosure(SQLModel, table=True):
    """A recipient read fields of a child: who, when, which, under what. Never a value."""

    __tablename__ = "disclosure"

    id: str = Field(primary_key=True)
    referral_id: str = Field(foreign_key="referral.id", index=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    agency: str = Field(index=True)
    client_id: str
    office: str | None = None
    basis: LawfulBasis = Field(sa_type=coded(LawfulBasis))
    fields: list[str] = Field(sa_type=JsonColumn)
    grants: list[str] = Field(sa_type=JsonColumn, description="the consents and overrides that let it")
    record_version: int = Field(description="the version of intake's record")
    at: datetime = Field(sa_type=UTCDateTime)


class DisclosureStop(SQLModel, table=True):
    """The Procuraduría ended the disclosures of a referral."""

    __tablename__ = "disclosure_stop"

    referral_id: str = Field(primary_key=True, foreign_key="referral.id")
    case_id: str = Field(index=True)
    agency: str
    officer: str
    reason: str = Field(description="code: why")
    at: datetime = Field(sa_type=UTCDateTime)
