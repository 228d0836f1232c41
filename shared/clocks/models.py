"""The table of clocks."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from shared.clocks.rules import ClockState
from shared.db import UTCDateTime, coded


class Clock(SQLModel, table=True):
    """One running duty: who owes it, for what, until when."""

    __tablename__ = "clock"
    __table_args__ = (
        UniqueConstraint("rule", "resource_id"),
        Index(
            "ix_clock_next",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL"),
            sqlite_where=text("next_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    rule: str
    case_key: str = Field(index=True)
    resource_id: str = Field(index=True)
    agency: str = Field(index=True, description="who owes it")
    state: ClockState = Field(default=ClockState.RUNNING, sa_type=coded(ClockState))
    started_at: datetime = Field(sa_type=UTCDateTime)
    warn_at: datetime = Field(sa_type=UTCDateTime)
    due_at: datetime = Field(sa_type=UTCDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    met_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    breached_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
