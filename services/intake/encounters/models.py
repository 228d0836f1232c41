"""The table of encounters."""

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from services.intake.children.rules import AgeGroup, Sex
from services.intake.encounters.rules import EncounterKind, Tie, TravelCondition
from shared.db import JsonColumn, UTCDateTime, coded


class Encounter(SQLModel, table=True):
    """An authority met a child: where, when, and how the child was travelling then."""

    __tablename__ = "encounter"
    __table_args__ = (Index("ix_encounter_state_id", "state", "id"),)

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    kind: EncounterKind = Field(sa_type=coded(EncounterKind))
    occurred_at: datetime = Field(sa_type=UTCDateTime, index=True)
    local_day: date = Field(index=True, description="the day in the state's own zone, as the tables count")
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    state: str
    municipality: str | None = None
    point: str | None = None
    agency: str
    office: str | None = None
    tie: Tie = Field(sa_type=coded(Tie))
    tie_proofs: list[str] = Field(sa_type=JsonColumn)
    travel_condition: TravelCondition = Field(sa_type=coded(TravelCondition))
    age_group: AgeGroup = Field(sa_type=coded(AgeGroup))
    age_presumed: bool
    sex: Sex = Field(sa_type=coded(Sex), description="as counted by the tables, at the time")
    nationality: str | None = Field(default=None, description="as counted by the tables, at the time")
