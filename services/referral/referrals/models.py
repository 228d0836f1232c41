"""The tables of referrals, and of uploads of many."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Risk
from services.referral.referrals.codes import LawfulBasis, Urgency
from services.referral.referrals.rules import ReferralKind, State
from shared.db import JsonColumn, UTCDateTime, coded

_UNANSWERED = "state IN ('sent', 'received', 'undeliverable')"


class Referral(SQLModel, table=True):
    """What one agency asks of another for one child. It holds codes; identity stays in intake."""

    __tablename__ = "referral"
    __table_args__ = (
        Index("uq_referral_sender_external_id", "sender", "external_id", unique=True),
        Index("ix_referral_unanswered", "due_at", postgresql_where=text(_UNANSWERED), sqlite_where=text(_UNANSWERED)),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    child_id: str
    kind: ReferralKind = Field(sa_type=coded(ReferralKind))
    state: State = Field(default=State.SENT, sa_type=coded(State))
    sender: str = Field(index=True)
    recipient: str = Field(index=True)
    reason: str = Field(description="code: why it was opened")
    service: Service | None = Field(default=None, sa_type=coded(Service))
    urgency: Urgency = Field(sa_type=coded(Urgency))
    lawful_basis: LawfulBasis = Field(sa_type=coded(LawfulBasis))
    note: str | None = Field(default=None, description="of before 0.4.0, in plain text: only read")
    answer_reason: str | None = Field(default=None, description="code: why it was declined")
    answer_note: str | None = Field(default=None, description="of before 0.4.0, in plain text: only read")
    sealed_note: bytes | None = None
    sealed_answer: bytes | None = None
    sealed_contact: bytes | None = Field(default=None, description="how to reach the child safely")
    hold_reason: str | None = Field(default=None, description="code: why it rests, while it does")
    outcome: str | None = Field(default=None, description="code: what came of it, once it is completed")
    end_reason: str | None = Field(default=None, description="code: why it ended otherwise than completed or declined")
    risk: Risk | None = Field(default=None, sa_type=coded(Risk))
    fields: list[str] | None = Field(default=None, sa_type=JsonColumn, description="what the recipient needs to know")
    withheld_from: list[str] | None = Field(
        default=None, sa_type=JsonColumn, description="as `referral_withheld` has it"
    )
    interpreter: str | None = Field(default=None, description="the language of the interpreter who is needed")
    serve_by: datetime | None = Field(default=None, sa_type=UTCDateTime, description="when the service is to begin")
    appointment_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refusal_reason: str | None = Field(default=None, description="code: a refusal that waits for its second party")
    refusal_to: str | None = Field(default=None, index=True, description="who confirms it or returns it")
    refusal_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refusal_returned: str | None = Field(default=None, description="code: why the last refusal was returned")
    parent_id: str | None = Field(default=None, index=True, description="the referral that it is part of")
    depth: int = Field(default=0, description="how many it hangs under")
    follows: str | None = Field(default=None, description="the referral that found no place before it")
    root_id: str | None = Field(default=None, index=True, description="the first of its chain; null for itself")
    external_id: str | None = Field(default=None, description="the sender's own id")
    read_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="when the recipient first read it")
    due_at: datetime = Field(sa_type=UTCDateTime, description="when the acknowledgement is due")
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    escalated_to: str | None = Field(
        default=None, index=True, description="the federal body that learned of the breach, and may read it"
    )
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1

    @property
    def mandatory(self) -> bool:
        """Whether the law orders it."""
        return self.kind is not ReferralKind.SERVICE


class ReferralWithheld(SQLModel, table=True):
    """An agency that must not know of a referral, whatever its role (R29)."""

    __tablename__ = "referral_withheld"

    referral_id: str = Field(primary_key=True, foreign_key="referral.id")
    agency: str = Field(primary_key=True, index=True)


class HandoverEncounter(SQLModel, table=True):
    """An encounter whose hand-over (D2) a referral is. No foreign key: that would lock the referral after the case."""

    __tablename__ = "handover_encounter"

    encounter_id: str = Field(primary_key=True)
    referral_id: str = Field(primary_key=True, index=True)


class ReferralLoad(SQLModel, table=True):
    """One upload of many referrals, however often it is sent: its id follows from client, address and key."""

    __tablename__ = "referral_load"

    id: str = Field(primary_key=True)
    agency: str = Field(index=True)
    client_id: str
    attempts: int = Field(description="how often it was begun; the last one is told")
    last_line: int = 0
    opened: int = 0
    known: int = 0
    refused: int = 0
    started_at: datetime = Field(sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ReferralLoadError(SQLModel, table=True):
    """One fault of one line: where and what kind, never the value."""

    __tablename__ = "referral_load_error"

    load_id: str = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    id: str = Field(primary_key=True, description="line and number of the fault, so that they sort")
    line: int
    code: str
    pointer: str
    reason: str
    rule: str | None = None
