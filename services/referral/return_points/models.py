"""The tables of return points: what counts now, and what counted."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.referral.return_points.rules import Instrument, ReturnRoute
from shared.db import JsonColumn, UTCDateTime, coded


class ReturnPoint(SQLModel, table=True):
    """Where a country receives children, when, and by which instrument."""

    __tablename__ = "return_point"

    id: str = Field(primary_key=True)
    country: str = Field(index=True)
    name: str
    route: ReturnRoute = Field(sa_type=coded(ReturnRoute))
    instrument: Instrument = Field(sa_type=coded(Instrument))
    zone: str
    week: list[dict[str, Any]] = Field(sa_type=JsonColumn)
    closed_on: list[str] = Field(sa_type=JsonColumn)
    notice_hours: int
    valid_from: date
    valid_to: date | None = None
    source: str
    verified: bool
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1


class ReturnPointVersion(SQLModel, table=True):
    """What a point was at one version."""

    __tablename__ = "return_point_version"

    point_id: str = Field(primary_key=True, foreign_key="return_point.id")
    version: int = Field(primary_key=True)
    content: dict[str, Any] = Field(sa_type=JsonColumn)
    changed_by: str
    changed_at: datetime = Field(sa_type=UTCDateTime)
