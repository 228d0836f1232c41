"""The tables of absences. What was said in words is sealed."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.absences.rules import AbsenceEnd, AbsenceKind, Circumstances, Finding
from shared.db import UTCDateTime, coded

_OPEN = text("ended_at IS NULL")


class Absence(SQLModel, table=True):
    """A child is not where it should be, since when, and how that ended."""

    __tablename__ = "absence"
    __table_args__ = (Index("uq_absence_open", "case_id", unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    kind: AbsenceKind = Field(sa_type=coded(AbsenceKind))
    circumstances: Circumstances = Field(sa_type=coded(Circumstances))
    noticed_at: datetime = Field(sa_type=UTCDateTime)
    note: bytes | None = Field(default=None, description="sealed")
    agency: str
    officer: str
    reported_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    ended_how: AbsenceEnd | None = Field(default=None, sa_type=coded(AbsenceEnd))
    ended_by: str | None = Field(default=None, description="agency and officer; null: Ruta itself")
    found_state: str | None = None
    version: int = 1


class AbsenceReview(SQLModel, table=True):
    """A review of the search, due or done."""

    __tablename__ = "absence_review"

    id: str = Field(primary_key=True)
    absence_id: str = Field(foreign_key="absence.id", index=True)
    number: int
    finding: Finding | None = Field(default=None, sa_type=coded(Finding))
    note: bytes | None = Field(default=None, description="sealed")
    reviewed_by: str | None = None
    reviewed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
