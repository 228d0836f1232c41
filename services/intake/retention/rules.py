"""Retention (R35): kept while it serves, then blocked, then erased. The periods are configuration. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from services.intake.children.rules import RetentionClass
from shared.catalogue import Text

NEVER = "never"
_YEAR = timedelta(days=365)


class Start(StrEnum):
    """The day from which a period counts."""

    CLOSING = "CLOSING"  # of the child's case; a case that begins again holds the record
    LAST_FACT = "LAST_FACT"  # what has no case: the last thing that was done with it


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long one kind of record is kept, and how long it stays blocked before it is erased."""

    record: str
    of: RetentionClass
    text: Text
    start: Start
    kept: timedelta | None
    """None: nothing of it is ever blocked or erased by itself."""
    blocked: timedelta
    grown: bool = False
    """Not before the year is over in which the child turns 18: until then it may need the record."""
    source: str = "LGPDPPSO, art. 17 and 18; the years are a design decision until an archive schedule is known"
    verified: bool = False

    def erase_after(self, start: datetime, grown: datetime | None = None) -> datetime | None:
        """Return when the record is erased, counted from `start`. `grown` is the end of the year of majority."""
        if self.kept is None:
            return None
        served = start + self.kept
        return (max(served, grown) if self.grown and grown is not None else served) + self.blocked

    def block_at(self, erase_after: datetime) -> datetime:
        """Return when a record that is erased then is blocked."""
        return erase_after - self.blocked


CHILD, ADULT, CARER, INQUIRY = "child", "encounter", "family_member", "paisano_inquiry"
SCHEDULES = (
    Schedule(
        CHILD, RetentionClass.CHILD_RECORD,
        Text("The record of a child, with everything about it", "El expediente de la NNA, con todo lo suyo"),
        Start.CLOSING, kept=5 * _YEAR, blocked=2 * _YEAR, grown=True,
    ),
    Schedule(
        ADULT, RetentionClass.ADULT_MET,
        Text("Who the adult was whom a child was met with", "Quién era la persona adulta con quien estaba la NNA"),
        Start.CLOSING, kept=_YEAR, blocked=_YEAR,
    ),
    Schedule(
        CARER, RetentionClass.ADULT_MET,
        Text("Who a carer of a family is, once every child's case is closed",
             "Quién es cuidador en una familia, cerrados los casos de todas sus NNA"),
        Start.CLOSING, kept=_YEAR, blocked=_YEAR,
    ),
    Schedule(
        INQUIRY, RetentionClass.ADULT_MET,
        Text("Who complains to Programa Paisano, once the complaint has ended",
             "Quién se queja ante el Programa Paisano, concluida la queja"),
        Start.LAST_FACT, kept=_YEAR, blocked=_YEAR,
    ),
)  # fmt: skip
"""One row for each kind of record that identifies somebody. Nobody has seen an archive schedule of these agencies."""


@cache
def schedules(configured: str = "") -> dict[str, Schedule]:
    """Return the schedules by record. `configured` replaces periods: `child=1825+730 encounter=never`, in days.

    Raises ValueError where it names no record or says no period.
    """
    found = {each.record: each for each in SCHEDULES}
    for entry in configured.split():
        record, _, period = entry.partition("=")
        if record not in found:
            raise ValueError(f"RUTA_RETENTION names no record: {record}.")
        found[record] = _configured(found[record], period)
    return found


def _configured(schedule: Schedule, period: str) -> Schedule:
    if period == NEVER:
        return replace(schedule, kept=None)
    kept, _, blocked = period.partition("+")
    if not (kept.isdecimal() and blocked.isdecimal()):
        raise ValueError(f"RUTA_RETENTION says no period in days for {schedule.record}: 1825+730, or never.")
    return replace(schedule, kept=timedelta(days=int(kept)), blocked=timedelta(days=int(blocked)))


def year_over(month: str | None) -> datetime | None:
    """Return when the year of a month (`2027-03`) is over: a date that stands unsealed must tell no birthday."""
    return None if month is None else datetime(int(month[:4]) + 1, 1, 1, tzinfo=UTC)
