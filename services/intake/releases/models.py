"""The tables of what was published: frozen when it is made."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from services.intake.counts.rules import TableName
from shared.db import UTCDateTime, coded


class Release(SQLModel, table=True):
    """All tables of one period, as they stood at one moment. A later version never replaces an earlier one."""

    __tablename__ = "statistic_release"
    __table_args__ = (UniqueConstraint("first_month", "last_month", "version"),)

    id: str = Field(primary_key=True)
    first_month: str = Field(max_length=7)
    last_month: str = Field(max_length=7)
    version: int
    final: bool
    note: str | None = None
    made_by: str
    made_at: datetime = Field(sa_type=UTCDateTime, description="the cutoff: what was recorded later is not in it")


class ReleaseCell(SQLModel, table=True):
    """One cell of a release: what was exact, what the public reads on, and whether the public reads it at all."""

    __tablename__ = "statistic_cell"

    release_id: str = Field(primary_key=True, foreign_key="statistic_release.id")
    table_name: TableName = Field(primary_key=True, sa_type=coded(TableName))
    cell: str = Field(primary_key=True)
    events: int
    persons: int
    kept_events: int
    kept_persons: int
    shown: bool
