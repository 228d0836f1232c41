"""Whose calendar is whose, and what a suspension may say. Pure.

Weekends and the rest days of LFT 74 never count (`shared.clocks.calendar`). What else does not count is gazetted by
each authority for itself (LFPA 28) and stands here as rows. Everybody's ship with the software
(`data/suspensions.csv`).
"""

from datetime import date
from enum import StrEnum

from shared.catalogue import Text
from shared.law import Rule

AUTHORITIES = ("COMAR", "INM", "SRE", "PP", "DIF", "MP")
"""The kinds of agency that run a calendar: federal ones one for all their offices, PP and DIF one for each state."""
OF_STATES = ("PP", "DIF")
LONGEST = 366
"""Days that one suspension may last: more is a slip of the pen."""


class SuspensionAction(StrEnum):
    """What may be done to a suspension."""

    WITHDRAW = "withdraw"


OWN_CALENDAR = Rule(
    "CALENDAR",
    Text(
        "An authority suspends its own days only, by what it has published; the clocks that it touches move, each with "
        "an entry in its history.",
        "Cada autoridad suspende sólo sus propios días, según lo publicado; los plazos afectados se recorren, cada uno "
        "con una anotación en su historial.",
    ),
    "LFPA, art. 28 (the act of the head of the authority, published in the gazette)",
    verified=False,
)
RULES = (OWN_CALENDAR,)


def runs_own(kind: str, state: str | None) -> bool:
    """Whether an agency runs the calendar of its authority: a state office of INM does not run INM's."""
    return kind in AUTHORITIES and (state is None or kind in OF_STATES)


def fault_of(first: date, last: date) -> str | None:
    """Return what is wrong with a span of days, if anything is."""
    if last < first:
        return "before_the_first"
    return "too_long" if (last - first).days >= LONGEST else None


def allowed(kind: str, agency: str, recorded_by: str, *, withdrawn: bool) -> list[str]:
    """Return what a caller may do with a suspension now: who recorded it may withdraw it, once."""
    mine = kind in AUTHORITIES and agency == recorded_by
    return [SuspensionAction.WITHDRAW.value] if mine and not withdrawn else []
