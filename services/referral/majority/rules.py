"""How long ahead of the 18th birthday which tasks open, and for whom. Pure."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from services.referral.agencies.rules import Kind
from services.referral.cases import laws
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove

MONTHS_AHEAD = 6
"""How many months before the month of the 18th birthday the tasks open. No source gives a number [design]."""

RULES = (laws.MAJORITY,)


class Duty(StrEnum):
    """What is due before a child becomes an adult (docs/law.md, the stages of the Ruta: stage 4)."""

    LIFE_PLAN = "LIFE_PLAN"
    DOCUMENTS = "DOCUMENTS"
    AFTERCARE = "AFTERCARE"


class TaskState(StrEnum):
    """Where a task stands."""

    OPEN = "open"  # the agency that owes it acts next
    DONE = "done"
    CANCELLED = "cancelled"  # the birthday turned out to be later, or the case was closed


WHOSE: dict[Duty, Kind] = {Duty.LIFE_PLAN: Kind.DIF, Duty.DOCUMENTS: Kind.PP, Duty.AFTERCARE: Kind.DIF}
"""Who owes it: stage 4 is led by DIF and the Procuraduría; who does what of it is our design."""

_SOURCE = f"Ruta (SIPINNA 2019), stage 4; {MONTHS_AHEAD} months ahead are a design decision"


def _deadline(duty: Duty, en: str, es: str) -> Deadline:
    """Name the deadline of a duty. Its times are a task's own: see `due`."""
    ahead = timedelta(days=30 * MONTHS_AHEAD)
    return Deadline(f"R38_{duty}", Text(en, es), _SOURCE, verified=False, due=ahead, warn=ahead * 2 / 3)


DEADLINE: dict[Duty, Deadline] = {
    Duty.LIFE_PLAN: _deadline(Duty.LIFE_PLAN, "The life plan is drawn up", "Se elabora el plan de vida"),
    Duty.DOCUMENTS: _deadline(Duty.DOCUMENTS, "The adult's documents are ready", "Están listos los documentos"),
    Duty.AFTERCARE: _deadline(Duty.AFTERCARE, "Aftercare is arranged", "Se acuerda el seguimiento posterior"),
}
DEADLINES = tuple(DEADLINE.values())


def horizon(today: date) -> str:
    """Return the last month of a birthday whose tasks are open today: `2027-03`."""
    months = today.year * 12 + today.month - 1 + MONTHS_AHEAD
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def due(month: str) -> datetime:
    """Return when everything has to be done: as the month of the birthday begins."""
    return datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)


def done(state: TaskState) -> TaskState:
    """Return the state of a task that was done. Raises IllegalMove."""
    if state is not TaskState.OPEN:
        raise IllegalMove("This task is not open.", allowed_actions=[])
    return TaskState.DONE
