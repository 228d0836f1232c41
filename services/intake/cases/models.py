"""The table of how cases stand, as referral said it last."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from shared.db import UTCDateTime


class CaseStanding(SQLModel, table=True):
    """Whose territory a child's case is in, and whether it is closed."""

    __tablename__ = "case_standing"

    child_id: str = Field(primary_key=True)
    version: int = Field(description="referral's version of the case: what is older is not taken in")
    state: str
    closed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    told_at: datetime = Field(sa_type=UTCDateTime)
