"""The table of alerts. They count; they name nobody."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.referral.alerts.rules import AlertSource, Level
from shared.db import UTCDateTime, coded


class Alert(SQLModel, table=True):
    """So many children are expected there, from then until then."""

    __tablename__ = "flow_alert"

    id: str = Field(primary_key=True)
    state: str = Field(index=True)
    point: str
    level: Level = Field(sa_type=coded(Level))
    source: AlertSource = Field(sa_type=coded(AlertSource))
    under_6: int | None = None
    from_6_to_11: int | None = None
    from_12_to_17: int | None = None
    unaccompanied: int | None = None
    starts_at: datetime = Field(sa_type=UTCDateTime)
    ends_at: datetime = Field(index=True, sa_type=UTCDateTime)
    agency: str
    officer: str
    posted_at: datetime = Field(sa_type=UTCDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
