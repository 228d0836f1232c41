"""Working days: weekends, the rest days of the Ley Federal del Trabajo, and suspensions that an authority gazettes.

Only this module knows the library of rest days (LFT 74: moved Mondays, 1 October of the year of a change of federal
government). Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from shared.clocks.rules import WorkingDays

FEDERAL = ZoneInfo("America/Mexico_City")
EVERYBODY = "ALL"
"""The authority of suspensions that count for every authority."""
_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days that do not count, the first and the last included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days count for an authority, in a state where it is a state's."""

    closed: tuple[Span, ...] = ()
    authority: str | None = None
    state: str | None = None
    _days: frozenset[date] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        days = {each.first + n * _DAY for each in self.closed for n in range((each.last - each.first).days + 1)}
        object.__setattr__(self, "_days", frozenset(days))

    def works(self, day: date) -> bool:
        """Whether a day counts."""
        return day.weekday() < _SATURDAY and day not in self._days and day not in rest_days(day.year)

    def add(self, day: date, limit: WorkingDays, paused: Iterable[Span] = ()) -> date:
        """Return the last day of a limit that starts after `day`. Days on which the clock was paused do not count."""
        spans = tuple(paused)
        left = limit.days
        while left:
            day += _DAY
            left -= self.works(day) and not any(day in span for span in spans)
        return day


@cache
def rest_days(year: int) -> frozenset[date]:
    """Return the days of obligatory rest of a year (LFT 74)."""
    from holidays.countries.mexico import MX  # heavy, and most processes count no working days

    return frozenset(MX(years=year))  # type: ignore[no-untyped-call]  # its constructor has no types


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a local day ends."""
    return datetime.combine(day + _DAY, time(), zone)


def last_day(due: datetime, zone: ZoneInfo) -> date:
    """Return the local day that ends at `due`, or in which it lies."""
    return (due - timedelta(microseconds=1)).astimezone(zone).date()


def paused_days(paused: datetime, resumed: datetime, zone: ZoneInfo) -> Span | None:
    """Return the days that a pause takes out, if any.

    The day on which it begins counts, as the day of an act always does; that on which it ends does not, and the
    clock runs again from the day after.
    """
    first, last = paused.astimezone(zone).date() + _DAY, resumed.astimezone(zone).date()
    return Span(first, last) if first <= last else None
