"""The table of encounters."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.children.rules import AgeGroup, RetentionClass, Sex
from services.intake.encounters.rules import AnnouncedBy, EncounterKind, Outcome, Relation, Tie, TravelCondition
from shared.db import JsonColumn, UTCDateTime, coded

_UNCOUNTED = text("counted_at IS NULL")
_DUE = text("erase_after IS NOT NULL")


class Encounter(SQLModel, table=True):
    """An authority met a child: where, when, and how the child was travelling then."""

    __tablename__ = "encounter"
    __table_args__ = (
        Index("ix_encounter_state_id", "state", "id"),
        Index("uq_encounter_external_id", "agency", "external_id", unique=True),
        Index("uq_encounter_announcement_id", "announcement_id", unique=True),
        Index("ix_encounter_erase_after", "erase_after", postgresql_where=_DUE, sqlite_where=_DUE),
        Index("ix_encounter_uncounted", "id", postgresql_where=_UNCOUNTED, sqlite_where=_UNCOUNTED),
    )

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
    counted_at: datetime | None = Field(
        default=None, sa_type=UTCDateTime, description="empty: the tables are to count it (anew)"
    )
    external_id: str | None = Field(
        default=None, description="the agency's own id of it: one encounter, however often sent"
    )
    outcome: Outcome | None = Field(default=None, sa_type=coded(Outcome))
    return_point: str | None = Field(default=None, description="where a Mexican child was received")
    returned_from: str | None = Field(default=None, description="the country that returned it")
    state_of_origin: str | None = Field(default=None, description="the Mexican state that it comes from")
    announced_by: AnnouncedBy | None = Field(default=None, sa_type=coded(AnnouncedBy))
    announcing_agency: str | None = None
    announcing_country: str | None = None
    announcement_id: str | None = Field(default=None, description="the announcement that this meeting answers")
    adult: bytes | None = Field(default=None, description="sealed JSON: who the adult was")
    adult_relation: Relation | None = Field(default=None, sa_type=coded(Relation))
    carer_presented_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    pp_attended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    oficio: str | None = Field(default=None, description="number of the oficio de canalización")
    retention_class: RetentionClass = Field(default=RetentionClass.ADULT_MET, sa_type=coded(RetentionClass))
    blocked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    erase_after: datetime | None = Field(default=None, sa_type=UTCDateTime)
