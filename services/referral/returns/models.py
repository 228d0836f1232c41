"""The table of returns. The child's view and the escort's name are sealed."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.returns.rules import CancelReason, Danger, FailReason, ReturnKind, ReturnState, Wish
from shared.db import UTCDateTime, coded

_LIVE = text("state NOT IN ('received', 'failed', 'cancelled')")


class AssistedReturn(SQLModel, table=True):
    """A child's return to a state of its nationality or residence. Of one child at most one is under way."""

    __tablename__ = "assisted_return"
    __table_args__ = (
        Index("uq_assisted_return_live", "case_id", unique=True, postgresql_where=_LIVE, sqlite_where=_LIVE),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    state: ReturnState = Field(default=ReturnState.PROPOSED, sa_type=coded(ReturnState))
    kind: ReturnKind = Field(sa_type=coded(ReturnKind))
    destination: str
    proposed_by: str = Field(description="agency and officer")
    finding: Danger | None = Field(default=None, sa_type=coded(Danger))
    assessed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    plan_allows: bool | None = Field(default=None, description="whether the plan of restitution allows the exit")
    plan_reference: str | None = None
    heard_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    explained_in: str | None = None
    wish: Wish | None = Field(default=None, sa_type=coded(Wish))
    view: bytes | None = Field(default=None, description="sealed")
    family_reference: str | None = Field(default=None, description="by what the family abroad was verified")
    concurred_by: str | None = Field(default=None, description="agency and officer")
    decision: str | None = Field(default=None, description="the number of INM's decision")
    point_id: str | None = Field(default=None, foreign_key="return_point.id")
    planned_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    escort: bytes | None = Field(default=None, description="sealed: the name")
    escort_officer: str | None = None
    escort_specialised: bool | None = None
    accepted_by: str | None = Field(default=None, description="the receiving authority")
    accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    acceptance: str | None = Field(default=None, description="the number of its acceptance")
    departed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    received_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    received_by: str | None = None
    failed_because: FailReason | None = Field(default=None, sa_type=coded(FailReason))
    cancelled_because: CancelReason | None = Field(default=None, sa_type=coded(CancelReason))
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
