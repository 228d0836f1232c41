"""The half-yearly report on social-assistance centres (D14). Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule

WARN_BEFORE = timedelta(days=30)


def warned(left: timedelta) -> timedelta:
    """Return after how long a duty with this much time left warns: thirty days before its end, or half-way."""
    return max(left - WARN_BEFORE, left / 2)


class ReportStatus(StrEnum):
    """Where a report stands."""

    OWED = "owed"  # the state's Procuraduría acts next
    SUBMITTED = "submitted"  # the federal one acts next
    ACKNOWLEDGED = "acknowledged"


class ReportAction(StrEnum):
    """What moves a report."""

    SUBMIT = "submit"
    CORRECT = "correct"
    ACKNOWLEDGE = "acknowledge"


TRANSITIONS = {
    (ReportStatus.OWED, ReportAction.SUBMIT): ReportStatus.SUBMITTED,
    (ReportStatus.SUBMITTED, ReportAction.CORRECT): ReportStatus.SUBMITTED,
    (ReportStatus.SUBMITTED, ReportAction.ACKNOWLEDGE): ReportStatus.ACKNOWLEDGED,
}
"""Every move there is."""


class Operation(StrEnum):
    """Whether a centre works."""

    OPERATING = "OPERATING"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


class VisitResult(StrEnum):
    """What a visit found."""

    MEETS = "MEETS"
    MEETS_IN_PART = "MEETS_IN_PART"
    DOES_NOT_MEET = "DOES_NOT_MEET"
    NOT_LET_IN = "NOT_LET_IN"


OPERATIONS = {
    Operation.OPERATING: Text("In operation", "En operación"),
    Operation.SUSPENDED: Text("Suspended", "Suspendido"),
    Operation.CLOSED: Text("Closed", "Cerrado"),
}
RESULTS = {
    VisitResult.MEETS: Text("Meets the requirements", "Cumple los requisitos"),
    VisitResult.MEETS_IN_PART: Text("Meets them in part", "Cumple parcialmente"),
    VisitResult.DOES_NOT_MEET: Text("Does not meet them", "No cumple"),
    VisitResult.NOT_LET_IN: Text("The visitors were not let in", "No se permitió la visita"),
}

_ARTICLE = "LGDNNA, art. 112"
COMPLETE = Rule(
    "D14-COMPLETE",
    Text(
        "The half-yearly report names every centre of the state that the directory has, and no visit to another one.",
        "El informe semestral incluye todos los centros de la entidad que constan en el directorio, y ninguna visita "
        "a otro.",
    ),
    _ARTICLE,
)
WHO = Rule(
    "D14-WHO",
    Text(
        "The Procuraduría of the state submits and corrects its report; the federal one acknowledges it.",
        "La Procuraduría de la entidad presenta y corrige su informe; la Federal acusa recibo.",
    ),
    _ARTICLE,
)
RULES = (COMPLETE, WHO)

D14 = Deadline(
    "D14",
    Text(
        "The state's Procuraduría reports its register of centres and what its visits found, every half-year",
        "La Procuraduría de la entidad informa cada semestre la actualización de su registro de centros y sus visitas",
    ),
    f"{_ARTICLE} (half-yearly; that it is due when the half-year ends is a design decision)",
    verified=False,
    due=timedelta(days=181),
    warn=timedelta(days=151),
)
"""Published with the days of the shortest half-year; each clock ends with its own."""
DEADLINES = (D14,)

_NAME = re.compile(r"(?P<year>20[0-9]{2})-H(?P<half>[12])")


@dataclass(frozen=True, slots=True)
class HalfYear:
    """Half of a calendar year: `2026-H1` is January to June."""

    year: int
    half: int

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the half-year of a day."""
        return cls(day.year, 1 if day.month <= 6 else 2)

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the half-year of a name. Raises ValueError."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError("no half-year")
        return cls(int(found["year"]), int(found["half"]))

    def __str__(self) -> str:
        return f"{self.year}-H{self.half}"

    def ends(self, zone: ZoneInfo) -> datetime:
        """Return the moment at which it is over in a zone, in UTC."""
        next_day = date(self.year, 7, 1) if self.half == 1 else date(self.year + 1, 1, 1)
        return datetime.combine(next_day, time(), zone).astimezone(UTC)


def advance(status: ReportStatus, action: ReportAction, *, owes: bool, federal: bool) -> ReportStatus:
    """Return the next status. Raises IllegalMove or RefusedByLaw, with what the caller may do instead."""
    instead = allowed(status, owes=owes, federal=federal)
    if (status, action) not in TRANSITIONS:
        raise IllegalMove(f"A report that is {status} has no such step.", allowed_actions=instead)
    if action.value not in instead:
        raise WHO.refuse("This step is another Procuraduría's.", allowed_actions=instead)
    return TRANSITIONS[status, action]


def allowed(status: ReportStatus, *, owes: bool, federal: bool) -> list[str]:
    """Return what a caller may do: the one that owes the report, or the federal Procuraduría."""
    return [
        action.value
        for start, action in TRANSITIONS
        if start is status and (federal if action is ReportAction.ACKNOWLEDGE else owes)
    ]
