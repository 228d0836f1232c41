"""Tables of the guard. One row per child is the lock on which permits and indications meet."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Representation
from services.referral.protection.lifting import (
    CorrectionReason,
    LiftGround,
    LiftPurpose,
    LiftState,
    ReviewOutcome,
    ReviewState,
    ReviewSubject,
)
from services.referral.protection.rules import Answer, IndicationCode, ReleaseState, ToldBy
from shared.db import JsonColumn, UTCDateTime, coded


class Guard(SQLModel, table=True):
    """What the guard knows of one child. Facts are intake's; null means not yet known."""

    __tablename__ = "guard"

    child_id: str = Field(primary_key=True)
    announced_version: int = Field(default=0, description="the newest version of the facts that intake announced")
    facts_version: int = 0
    nationalities: list[str] | None = Field(default=None, sa_type=JsonColumn)
    residence: str | None = None
    stateless_doubt: bool | None = None
    languages: list[str] | None = Field(default=None, sa_type=JsonColumn)
    blocked_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="the consular block")
    screened_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="as intake has it")


class Kinship(SQLModel, table=True):
    """Two children of one family, each way one row: what protects one protects the other."""

    __tablename__ = "kinship"

    child_id: str = Field(primary_key=True)
    relative_id: str = Field(primary_key=True)


class Indication(SQLModel, table=True):
    """Somebody saw or heard that the child may need protection."""

    __tablename__ = "indication"

    id: str = Field(primary_key=True)
    case_id: str = Field(index=True)
    child_id: str
    code: IndicationCode = Field(sa_type=coded(IndicationCode))
    told_by: ToldBy = Field(sa_type=coded(ToldBy))
    note: bytes | None = Field(default=None, description="sealed")
    agency: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    corrected_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    corrected_by: str | None = Field(default=None, description="agency and officer")
    correction: CorrectionReason | None = Field(default=None, sa_type=coded(CorrectionReason))
    correction_note: bytes | None = Field(default=None, description="sealed")


class Release(SQLModel, table=True):
    """The act by which a consulate, or a body of another state, may be told. Its id is chance and leads to no case."""

    __tablename__ = "release"

    id: str = Field(primary_key=True)
    case_id: str = Field(index=True)
    child_id: str = Field(index=True)
    state: ReleaseState = Field(default=ReleaseState.PROPOSED, sa_type=coded(ReleaseState))
    nationality: str
    screened_at: datetime = Field(sa_type=UTCDateTime)
    told_at: datetime = Field(sa_type=UTCDateTime)
    told_in: str
    objects: bool
    proposed_by: str
    concurred_by: str | None = None
    concurred_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    released_by: str | None = None
    released_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
    recipient: str | None = Field(default=None, description="a body bound to a foreign state; null: the consulate")
    service: Service | None = Field(default=None, sa_type=coded(Service), description="what that body is asked for")
    answer: Answer | None = Field(default=None, sa_type=coded(Answer), description="what that body said")


class Crossing(SQLModel, table=True):
    """What a body bound to a foreign state gets of a released child: all there is, and it never changes."""

    __tablename__ = "crossing"

    id: str = Field(primary_key=True, description="pure chance: it leads to no case and tells no time")
    release_id: str = Field(unique=True)
    agency: str = Field(index=True)
    content: dict[str, Any] = Field(sa_type=JsonColumn)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    answer: Answer | None = Field(default=None, sa_type=coded(Answer))
    answered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Lift(SQLModel, table=True):
    """Two acts by which a closed guard opens, for one purpose and named recipients."""

    __tablename__ = "guard_lift"

    id: str = Field(primary_key=True)
    case_id: str = Field(index=True)
    child_id: str = Field(index=True)
    state: LiftState = Field(default=LiftState.PROPOSED, sa_type=coded(LiftState))
    ground: LiftGround = Field(sa_type=coded(LiftGround))
    purpose: LiftPurpose = Field(sa_type=coded(LiftPurpose))
    recipients: list[str] = Field(sa_type=JsonColumn, description="states, or bodies bound to one")
    consent_by: Representation | None = Field(default=None, sa_type=coded(Representation))
    consent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    proposed_by: str = Field(description="agency and officer")
    proposed_at: datetime = Field(sa_type=UTCDateTime)
    evidence: str = Field(description="the number of the document")
    reasons: bytes = Field(description="sealed")
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    decision_evidence: str | None = None
    decision_reasons: bytes | None = Field(default=None, description="sealed")
    ended_by: str | None = Field(default=None, description="agency and officer; null: an indication")
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    version: int = 1


class Review(SQLModel, table=True):
    """At a set date the Procuraduría looks again at what stands."""

    __tablename__ = "guard_review"

    id: str = Field(primary_key=True)
    case_id: str = Field(index=True)
    subject: ReviewSubject = Field(sa_type=coded(ReviewSubject))
    subject_id: str = Field(index=True)
    state: ReviewState = Field(default=ReviewState.DUE, sa_type=coded(ReviewState))
    due_at: datetime = Field(sa_type=UTCDateTime)
    outcome: ReviewOutcome | None = Field(default=None, sa_type=coded(ReviewOutcome))
    reasons: bytes | None = Field(default=None, description="sealed")
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Permit(SQLModel, table=True):
    """A single send was allowed, for two seconds."""

    __tablename__ = "permit"

    id: str = Field(primary_key=True)
    release_id: str = Field(index=True)
    child_id: str = Field(index=True)
    issued_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
