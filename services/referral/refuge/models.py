"""The tables of claims, and of what a claim holds up. What was said in words is sealed."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.refuge.codes import ClaimForm, FiledBy, LateReason, PossibleSince
from services.referral.refuge.rules import ClaimAction, ClaimOutcome, ClaimState
from shared.db import UTCDateTime, coded

_LIVE = text("state NOT IN ('final', 'lapsed', 'withdrawn')")
_FILED = text("state = 'filed'")
_STANDING = text("until IS NULL")


class RefugeClaim(SQLModel, table=True):
    """A child's claim for refuge. Of one child at most one is pending."""

    __tablename__ = "refuge_claim"
    __table_args__ = (
        Index("uq_refuge_claim_live", "case_id", unique=True, postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index("ix_refuge_claim_filed", "id", postgresql_where=_FILED, sqlite_where=_FILED),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    state: ClaimState = Field(sa_type=coded(ClaimState))
    filed_by: FiledBy = Field(sa_type=coded(FiledBy))
    form: ClaimForm = Field(sa_type=coded(ClaimForm))
    filed_at: datetime = Field(sa_type=UTCDateTime)
    entered_on: date | None = None
    possible_on: date | None = None
    possible_since: PossibleSince | None = Field(default=None, sa_type=coded(PossibleSince))
    due_on: date = Field(description="D6: the last day to file")
    late_reason: LateReason | None = Field(default=None, sa_type=coded(LateReason), description="null: in time")
    statement: bytes | None = Field(default=None, description="sealed")
    notice_id: str = Field(description="the referral by which COMAR was told")
    recorded_by: str = Field(description="agency and officer")
    outcome: ClaimOutcome | None = Field(default=None, sa_type=coded(ClaimOutcome))
    opinion_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="SRE answered")
    inm_told_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="D8")
    recognised_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="the case took the outcome")
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class RefugeStep(SQLModel, table=True):
    """One step of a claim: who took it, with which codes, and what was said. Never changed."""

    __tablename__ = "refuge_step"

    id: str = Field(primary_key=True)
    claim_id: str = Field(foreign_key="refuge_claim.id", index=True)
    action: ClaimAction = Field(sa_type=coded(ClaimAction))
    at: datetime = Field(sa_type=UTCDateTime, description="when it happened")
    by: str = Field(description="agency and officer")
    codes: str | None = Field(default=None, description="what was coded of it, with blanks between")
    language: str | None = None
    reference: str | None = None
    words: bytes | None = Field(default=None, description="sealed")
    recorded_at: datetime = Field(sa_type=UTCDateTime)


class ProcedureHold(SQLModel, table=True):
    """No procedure for irregular entry may go on, and nobody may be returned. It does not say why."""

    __tablename__ = "procedure_hold"
    __table_args__ = (
        Index("ix_procedure_hold_standing", "case_id", postgresql_where=_STANDING, sqlite_where=_STANDING),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    evidence: str = Field(index=True, description="the id of what causes it; shown to nobody")
    since: datetime = Field(sa_type=UTCDateTime)
    until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="D8: COMAR told INM why")
    version: int = 1
