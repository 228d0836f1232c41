"""The tables of stays. Which place it is stands there sealed."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.encounters.rules import TravelCondition
from services.intake.lodging.rules import EndReason, FacilityKind, Quarters, SplitReason, StayPurpose, StayStatus
from shared.db import UTCDateTime, coded

_SLEEPING = text("status = 'sleeping'")


class Stay(SQLModel, table=True):
    """A child slept, or sleeps, in one place."""

    __tablename__ = "stay"
    __table_args__ = (
        Index("uq_stay_sleeping", "child_id", unique=True, postgresql_where=_SLEEPING, sqlite_where=_SLEEPING),
    )

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    kind: FacilityKind = Field(sa_type=coded(FacilityKind))
    state: str = Field(index=True, description="the state where the place is")
    place: bytes = Field(description="sealed JSON: the place's id, name and municipality")
    place_digest: bytes = Field(description="keyed digest of the place's id: whether two children are in one place")
    purpose: StayPurpose = Field(sa_type=coded(StayPurpose))
    quarters: Quarters = Field(sa_type=coded(Quarters))
    travel_condition: TravelCondition = Field(sa_type=coded(TravelCondition), description="as known then")
    since: datetime = Field(sa_type=UTCDateTime)
    until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    end_reason: EndReason | None = Field(default=None, sa_type=coded(EndReason))
    status: StayStatus = Field(sa_type=coded(StayStatus))
    split_reason: SplitReason | None = Field(default=None, sa_type=coded(SplitReason))
    split_reference: str | None = Field(default=None, description="number of the Procuraduría's decision")
    split_decided_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    separation_id: str | None = Field(default=None, description="the family's separation by which it sleeps apart")
    agency: str
    office: str | None = None
    officer: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class StayRelative(SQLModel, table=True):
    """A child of the same family, as known when the stay was recorded: found from either side."""

    __tablename__ = "stay_relative"

    stay_id: str = Field(primary_key=True, foreign_key="stay.id")
    relative_id: str = Field(primary_key=True, index=True)
