"""The tables of clocks: the clocks, what was done to each, and the days that do not count."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from shared.clocks.calendar import FEDERAL, last_day
from shared.clocks.rules import ChangeKind, ClockState
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
        Index(
            "ix_clock_working_days",
            "id",
            postgresql_where=text("working_days IS NOT NULL AND met_at IS NULL"),
            sqlite_where=text("working_days IS NOT NULL AND met_at IS NULL"),
        ),
        Index("ix_clock_owed", "agency", "due_at", "id"),
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
    next_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="when it speaks next")
    met_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    breached_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    warned_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    step: int = Field(default=0, description="how many steps of its chain it has taken since its breach")
    working_days: int | None = Field(default=None, description="its limit, extensions included; null: hours")
    warn_days: int | None = None
    zone: str | None = Field(default=None, description="where its days end, if it counts days")
    authority: str | None = Field(default=None, description="whose suspensions count, besides everybody's")
    authority_state: str | None = Field(default=None, description="the state of that authority, if it is a state's")
    paused_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    pause_reason: str | None = None
    extended: int = Field(default=0, description="how many times")
    origin: str | None = Field(default=None, description="the sister that runs it: this row is a copy")
    follower: str | None = Field(default=None, description="the sister that keeps a copy")

    @property
    def due_on(self) -> date:
        """The local day on which it is due."""
        return last_day(self.due_at, ZoneInfo(self.zone) if self.zone else FEDERAL)


class ClockChange(SQLModel, table=True):
    """What was done to a clock after it had started, by whom, and why. Never changed."""

    __tablename__ = "clock_change"

    id: str = Field(primary_key=True)
    clock_id: str = Field(index=True)
    kind: ChangeKind = Field(sa_type=coded(ChangeKind))
    at: datetime = Field(sa_type=UTCDateTime)
    by: str = Field(description="the agency")
    reason: str | None = Field(default=None, description="the ground's code, or the suspension's id")
    since: datetime | None = Field(default=None, sa_type=UTCDateTime, description="resumed: when it was paused")
    due_before: datetime | None = Field(default=None, sa_type=UTCDateTime)
    due_after: datetime | None = Field(default=None, sa_type=UTCDateTime, description="null: paused, not known yet")


class Suspension(SQLModel, table=True):
    """Days that do not count for an authority: a row for each gazetted span. Withdrawn, never deleted."""

    __tablename__ = "calendar_suspension"

    id: str = Field(primary_key=True)
    authority: str = Field(index=True, description="COMAR, INM, SRE, PP …, or ALL")
    state: str | None = Field(default=None, description="where the authority is a state's; null: all of it")
    first: date
    last: date
    source: str
    verified: bool
    recorded_by: str
    recorded_at: datetime = Field(sa_type=UTCDateTime)
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    sweep_at: datetime | None = Field(default=None, sa_type=UTCDateTime, description="when clocks are looked at next")
    sweep_from: str = Field(default="", description="the last clock that was looked at")
    sweeps_left: int = 0
