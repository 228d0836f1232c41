"""The table of attendances. The last one counts; what was recorded before stays."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class CarerAttendance(SQLModel, table=True):
    """The Procuraduría attended at a meeting of a child and its carer, and the oficio de canalización was drawn up."""

    __tablename__ = "carer_attendance"

    id: str = Field(primary_key=True)
    encounter_id: str = Field(foreign_key="encounter.id", index=True)
    attended_at: datetime = Field(sa_type=UTCDateTime)
    officer: str = Field(description="who attended")
    oficio: str = Field(description="number of the oficio de canalización")
    oficio_date: date
    agency: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
