"""The table of age decisions."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.intake.children.rules import AgeOutcome
from shared.db import JsonColumn, UTCDateTime, coded


class AgeDecision(SQLModel, table=True):
    """The Procuraduría decided on an age in doubt."""

    __tablename__ = "age_decision"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    outcome: AgeOutcome = Field(sa_type=coded(AgeOutcome))
    evidence: list[str] = Field(sa_type=JsonColumn)
    pp_order: str | None = Field(default=None, description="the order of an examination")
    reference: str = Field(description="number of the reasoned decision")
    child_heard: bool
    approved_by: str = Field(description="agency and officer")
    decided_at: datetime = Field(sa_type=UTCDateTime)
    recorded_at: datetime = Field(sa_type=UTCDateTime)
