"""The tables of measures and admissions. What was said in words is sealed."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.measures.rules import (
    ExitReason,
    Ground,
    MeasureCode,
    MeasureEnd,
    MeasureKind,
    MeasureState,
    MeasureWay,
    Purpose,
)
from services.referral.places.rules import AgeBand, PlaceSex
from shared.db import UTCDateTime, coded

_OPEN = text("left_at IS NULL")


class Measure(SQLModel, table=True):
    """An urgent or special measure of protection."""

    __tablename__ = "measure"

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    kind: MeasureKind = Field(sa_type=coded(MeasureKind))
    way: MeasureWay = Field(sa_type=coded(MeasureWay))
    code: MeasureCode = Field(sa_type=coded(MeasureCode))
    ground: Ground = Field(sa_type=coded(Ground))
    state: MeasureState = Field(sa_type=coded(MeasureState))
    mp: str = Field(index=True, description="the Ministerio Público that is asked, or told")
    reference: str = Field(description="the request's or the order's number")
    notice: str | None = Field(default=None, description="the number of the notice to the judge")
    reasons: bytes = Field(description="sealed")
    asked_by: str = Field(description="agency and officer")
    asked_at: datetime = Field(sa_type=UTCDateTime)
    live_since: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reviewed_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="when the judge first decided")
    over_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    end: MeasureEnd | None = Field(default=None, sa_type=coded(MeasureEnd))
    version: int = 1


class MeasureStep(SQLModel, table=True):
    """One decision on a measure, with its document. Rows are only added."""

    __tablename__ = "measure_step"

    id: str = Field(primary_key=True)
    measure_id: str = Field(foreign_key="measure.id", index=True)
    state: MeasureState = Field(sa_type=coded(MeasureState), description="the state that it led to")
    decided_at: datetime = Field(sa_type=UTCDateTime)
    reference: str | None = Field(default=None, description="the number of the decision")
    note: bytes | None = Field(default=None, description="sealed")
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)


class Admission(SQLModel, table=True):
    """A child lives in a centre, since when, on which measure, and how that ended."""

    __tablename__ = "admission"
    __table_args__ = (Index("uq_admission_open", "case_id", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    measure_id: str = Field(foreign_key="measure.id", index=True)
    cas: str = Field(index=True)
    state: str | None = Field(default=None, description="where the centre stands")
    sex: PlaceSex = Field(sa_type=coded(PlaceSex))
    age_band: AgeBand = Field(sa_type=coded(AgeBand))
    place: PlaceSex | None = Field(default=None, sa_type=coded(PlaceSex), description="for whom the place is")
    nationality: str | None = None
    referred_by: str = Field(description="the authority that handed the child over")
    purpose: Purpose = Field(sa_type=coded(Purpose))
    admitted_at: datetime = Field(sa_type=UTCDateTime, index=True)
    admitted_by: str
    left_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    exit_reason: ExitReason | None = Field(default=None, sa_type=coded(ExitReason))
    left_recorded_by: str | None = None
    version: int = 1
