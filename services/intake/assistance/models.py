"""The table of assistance."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.intake.assistance.rules import AssistanceCode
from shared.db import UTCDateTime, coded


class Assistance(SQLModel, table=True):
    """One help that was given to a child, or offered and declined."""

    __tablename__ = "assistance"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    encounter_id: str = Field(index=True)
    code: AssistanceCode = Field(sa_type=coded(AssistanceCode))
    given_at: datetime = Field(sa_type=UTCDateTime)
    declined: bool
    agency: str
    provider: str | None = Field(default=None, description="the agency that gave it, where that is another one")
