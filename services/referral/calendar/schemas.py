"""What authorities send and see of their calendars."""

from datetime import date, datetime

from pydantic import Field

from shared.shapes import Day, In, Line, Out


class CalendarSuspensionIn(In):
    """Days on which the caller's authority suspends its time limits."""

    first: Day = Field(description="the first day that does not count", examples=["2026-12-21"])
    last: Day = Field(description="the last one", examples=["2027-01-01"])
    source: Line = Field(description="where it is published", examples=["DOF 14-12-2026, acuerdo de la COMAR"])


class CalendarSuspensionOut(Out):
    """Days that do not count."""

    id: str
    authority: str
    state: str | None
    first: date
    last: date
    source: str
    verified: bool
    recorded_by: str
    recorded_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    swept: bool
    allowed_actions: list[str]
