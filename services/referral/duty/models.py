"""The table of duty rosters: one sealed document for each body."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class DutyRoster(SQLModel, table=True):
    """Whom to call at a body."""

    __tablename__ = "duty_roster"

    body_id: str = Field(primary_key=True)
    contacts: bytes = Field(description="sealed JSON")
    version: int = 1
    updated_by: str
    updated_at: datetime = Field(sa_type=UTCDateTime)
