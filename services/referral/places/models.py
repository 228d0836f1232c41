"""Tables of shelters. Where a body is stands there sealed: a dump of the database leads nobody to a shelter."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from services.referral.places.rules import AgeBand, PlaceSex, SuspensionReason
from shared.db import JsonColumn, UTCDateTime, coded


class BodyLocation(SQLModel, table=True):
    """Where a body is."""

    __tablename__ = "body_location"

    body_id: str = Field(primary_key=True)
    address: bytes = Field(description="sealed JSON")
    public: bool = Field(description="whether exports may show it; never of a shelter")
    version: int = 1
    updated_by: str
    updated_at: datetime = Field(sa_type=UTCDateTime)


class Certification(SQLModel, table=True):
    """That a centre may take children in (R11)."""

    __tablename__ = "certification"

    body_id: str = Field(primary_key=True)
    number: str
    authority: str = Field(description="the Procuraduría that certified")
    valid_until: date
    places: list[dict[str, Any]] = Field(sa_type=JsonColumn, description="how many for whom: sex, age_band, capacity")
    suspended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    suspension_reason: SuspensionReason | None = Field(default=None, sa_type=coded(SuspensionReason))
    version: int = 1
    updated_at: datetime = Field(sa_type=UTCDateTime)


class PlaceCount(SQLModel, table=True):
    """What a centre has last said of its places. The row is the lock under which places are taken."""

    __tablename__ = "place_count"

    body_id: str = Field(primary_key=True)
    as_of: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
    updated_by: str
    updated_at: datetime = Field(sa_type=UTCDateTime)


class PlaceUnit(SQLModel, table=True):
    """Places of one kind in a centre."""

    __tablename__ = "place_unit"

    body_id: str = Field(primary_key=True, foreign_key="place_count.body_id")
    sex: PlaceSex = Field(primary_key=True, sa_type=coded(PlaceSex))
    age_band: AgeBand = Field(primary_key=True, sa_type=coded(AgeBand))
    capacity: int
    occupied: int
    held: int
