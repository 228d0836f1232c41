"""The table of screenings. What was found stands there sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class Screening(SQLModel, table=True):
    """An officer looked for signs of a need of protection and of trafficking."""

    __tablename__ = "screening"

    id: str = Field(primary_key=True)
    child_id: str = Field(foreign_key="child.id", index=True)
    screened_at: datetime = Field(sa_type=UTCDateTime)
    screened_in: str
    interpreter: bool
    officer: str
    agency: str
    indicators: bytes = Field(description="sealed JSON list of codes")
    recorded_at: datetime = Field(sa_type=UTCDateTime)
