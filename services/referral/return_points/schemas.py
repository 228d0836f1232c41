"""What is sent and seen of return points."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from services.referral.duty.schemas import WeekHours
from services.referral.return_points.rules import Instrument, ReturnRoute
from shared.shapes import Country, Day, In, Line, Out

ZONES = frozenset({
    "America/Guatemala", "America/El_Salvador", "America/Tegucigalpa", "America/Managua", "America/Belize",
    "America/Costa_Rica", "America/Panama", "America/Santo_Domingo", "America/Port-au-Prince", "America/Havana",
    "America/Bogota", "America/Guayaquil", "America/Caracas", "America/Lima", "America/Sao_Paulo",
    "America/Los_Angeles", "America/Phoenix", "America/Denver", "America/Chicago", "America/New_York",
    "America/Toronto", "America/Mexico_City", "America/Cancun", "UTC",
})  # fmt: skip
"""The zones in which points keep their hours."""


def _zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError("no zone of a return point")
    return name


Zone = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_zone),
    Field(examples=["America/Guatemala"], description="the time zone of the hours (IANA)"),
]
Notice = Annotated[int, Field(ge=0, le=720, description="how long before it wants to know, in hours", examples=[24])]


class ReturnPointIn(In):
    """A point at which a country receives children."""

    country: Country
    name: Line = Field(description="what it is called", examples=["Punto Ejemplo (ficticio)"])
    route: ReturnRoute = Field(description="how one gets there", examples=["LAND"])
    instrument: Instrument = Field(description="by what the country receives there", examples=["NOTE"])
    zone: Zone
    week: list[WeekHours] = Field(max_length=21, description="when it receives; empty: not known, so never")
    closed_on: list[Day] = Field(default=[], max_length=100, description="days on which it does not", examples=[[]])
    notice_hours: Notice
    valid_from: Day = Field(description="its first day", examples=["2026-01-01"])
    valid_to: Day | None = Field(default=None, description="the first day on which it counts no more", examples=[None])
    source: Line = Field(description="where it is written", examples=["Nota diplomática (ficticia)"])
    verified: bool = Field(default=False, description="whether a person has checked it")


class ReturnPointOut(Out):
    """A point, as it counts now."""

    id: str = Field(description="its id", examples=["rpt_019aa7c3f0e57d1e8c2f4b6a90d31e66"])
    country: str = Field(description="ISO 3166-1 alpha-3", examples=["HND"])
    name: str = Field(description="what it is called", examples=["Punto Ejemplo (ficticio)"])
    route: ReturnRoute = Field(description="how one gets there", examples=["LAND"])
    instrument: Instrument = Field(description="by what the country receives there", examples=["NOTE"])
    zone: str = Field(description="the time zone of the hours (IANA)", examples=["America/Guatemala"])
    week: list[WeekHours] = Field(description="when it receives; empty: not known, so never")
    closed_on: list[date] = Field(description="days on which it does not", examples=[[]])
    notice_hours: int = Field(description="how long before it wants to know", examples=[24])
    valid_from: date = Field(description="its first day", examples=["2026-01-01"])
    valid_to: date | None = Field(description="the first day on which it counts no more", examples=[None])
    source: str = Field(description="where it is written", examples=["Nota diplomática (ficticia)"])
    verified: bool = Field(description="whether a person has checked it", examples=[False])
    created_at: datetime
    updated_at: datetime
    version: int
    allowed_actions: list[str]


class ReturnPointVersionOut(Out):
    """What a point was at one version."""

    version: int
    content: ReturnPointIn = Field(description="the whole row as it counted")
    changed_by: str = Field(description="the agency", examples=["inm"])
    changed_at: datetime = Field(description="when", examples=["2026-11-20T15:04:05Z"])


class ReturnPointHistory(Out):
    """Every version of a point, oldest first."""

    items: list[ReturnPointVersionOut]
