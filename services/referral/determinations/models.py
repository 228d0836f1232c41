"""The tables of assessments, hearings and determinations. What was said in words is sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.referral.determinations.rules import (
    AssessmentKind,
    BidPurpose,
    BidState,
    Discipline,
    Expression,
    Option,
    ReviewReason,
)
from shared.db import JsonColumn, UTCDateTime, coded


class Assessment(SQLModel, table=True):
    """An assessment of the child: DIF's initial one, or one of best interests."""

    __tablename__ = "assessment"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    kind: AssessmentKind = Field(sa_type=coded(AssessmentKind))
    safe: bool
    private: bool
    findings: list[str] = Field(sa_type=JsonColumn)
    words: bytes | None = Field(default=None, description="sealed")
    agency: str
    officer: str
    assessed_at: datetime = Field(sa_type=UTCDateTime)
    recorded_at: datetime = Field(sa_type=UTCDateTime)


class Hearing(SQLModel, table=True):
    """The child was heard, and told what happens (R27)."""

    __tablename__ = "hearing"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    expression: Expression = Field(sa_type=coded(Expression))
    view: bytes = Field(description="sealed")
    explained: list[str] = Field(sa_type=JsonColumn)
    explanation: bytes = Field(description="sealed")
    language: str = Field(description="ISO 639-3")
    interpreter: bool
    heard_at: datetime = Field(sa_type=UTCDateTime)
    heard_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)


class Determination(SQLModel, table=True):
    """A determination of the child's best interests."""

    __tablename__ = "determination"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    number: int = Field(description="1 for the first of a case")
    follows: str | None = Field(default=None, description="the determination that this one reviews")
    review_reason: ReviewReason | None = Field(default=None, sa_type=coded(ReviewReason))
    purpose: BidPurpose = Field(sa_type=coded(BidPurpose))
    state: BidState = Field(default=BidState.OPEN, sa_type=coded(BidState))
    assessor: str = Field(description="agency and officer")
    opened_by: str
    opened_at: datetime = Field(sa_type=UTCDateTime)
    decision: Option | None = Field(default=None, sa_type=coded(Option))
    reasons: bytes | None = Field(default=None, description="sealed")
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    signed_by: str | None = None
    signed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reference: str | None = Field(default=None, description="the number of the signed document")
    version: int = 1


class Opinion(SQLModel, table=True):
    """What one discipline recommends."""

    __tablename__ = "bid_opinion"

    id: str = Field(primary_key=True)
    determination_id: str = Field(foreign_key="determination.id", index=True)
    discipline: Discipline = Field(sa_type=coded(Discipline))
    recommendation: Option = Field(sa_type=coded(Option))
    words: bytes = Field(description="sealed")
    agency: str
    officer: str
    given_at: datetime = Field(sa_type=UTCDateTime)


class PanelSeat(SQLModel, table=True):
    """Who decides, and that this person undertook to keep it confidential."""

    __tablename__ = "bid_panel"

    id: str = Field(primary_key=True)
    determination_id: str = Field(foreign_key="determination.id", index=True)
    discipline: Discipline = Field(sa_type=coded(Discipline))
    agency: str
    officer: str
    undertaking: str = Field(description="the number of the undertaking of confidentiality")
    undertaken_at: datetime = Field(sa_type=UTCDateTime)
