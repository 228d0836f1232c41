"""The tables behind the counts: a ledger of events, and the sums that are read instead of it."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.intake.counts.rules import Series
from shared.db import UTCDateTime, coded


class LedgerEvent(SQLModel, table=True):
    """An event as it is counted now: of which person, on which day, with which dimensions. It identifies nobody."""

    __tablename__ = "statistic_event"
    __table_args__ = (
        Index("ix_statistic_event_series_day", "series", "day"),
        Index(
            "ix_statistic_event_linked", "child_id", postgresql_where=text("person_id <> child_id"),
            sqlite_where=text("person_id <> child_id"),
        ),
    )  # fmt: skip

    id: str = Field(primary_key=True, description="the encounter, or the return")
    child_id: str = Field(index=True)
    person_id: str = Field(index=True)
    series: Series = Field(sa_type=coded(Series))
    day: date
    since: datetime = Field(sa_type=UTCDateTime, description="when it came to be counted in this way")
    nationality: str | None = None
    state: str | None = None
    age_group: str | None = None
    travel_condition: str | None = None
    sex: str | None = None
    return_point: str | None = None
    state_of_origin: str | None = None
    returned_from: str | None = None


class Summary(SQLModel, table=True):
    """How many events one cell has in one month, apart by the month of the person's event before."""

    __tablename__ = "statistic_summary"

    measure: str = Field(primary_key=True)
    month: int = Field(primary_key=True)
    cell: str = Field(primary_key=True)
    previous: int = Field(primary_key=True)
    events: int


class Return(SQLModel, table=True):
    """A completed return of a foreign child, as referral told of it."""

    __tablename__ = "statistic_return"
    __table_args__ = (
        Index(
            "ix_statistic_return_uncounted", "id", postgresql_where=text("counted_at IS NULL"),
            sqlite_where=text("counted_at IS NULL"),
        ),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    child_id: str
    day: date
    nationality: str | None = None
    state: str
    age_group: str | None = None
    travel_condition: str | None = None
    sex: str | None = None
    received_at: datetime = Field(sa_type=UTCDateTime)
    counted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
