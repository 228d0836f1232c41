"""What it means that a child left care or is missing, who is told, and when the search is reviewed. Pure."""

from datetime import timedelta
from enum import StrEnum

from services.referral.cases.rules import Action
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.law import Rule


class AbsenceKind(StrEnum):
    """How a child is not where it should be."""

    LEFT_CARE = "LEFT_CARE"  # it went; where to is known, or thought to be
    MISSING = "MISSING"  # nobody knows where it is


class Circumstances(StrEnum):
    """How it came about [design]."""

    LEFT_BY_ITSELF = "LEFT_BY_ITSELF"
    LEFT_WITH_FAMILY = "LEFT_WITH_FAMILY"
    LEFT_WITH_STRANGER = "LEFT_WITH_STRANGER"
    DID_NOT_COME_BACK = "DID_NOT_COME_BACK"  # from school, a visit, a walk
    LOST_ON_THE_WAY = "LOST_ON_THE_WAY"  # during a transfer
    TAKEN_BY_FORCE = "TAKEN_BY_FORCE"
    UNKNOWN = "UNKNOWN"


class Finding(StrEnum):
    """What a review of the search found [design]."""

    NO_TRACE = "NO_TRACE"
    TRACE = "TRACE"
    AUTHORITIES_INFORMED = "AUTHORITIES_INFORMED"
    FAMILY_INFORMED = "FAMILY_INFORMED"


class FoundHow(StrEnum):
    """How a child was found [design]."""

    CAME_BACK = "CAME_BACK"
    FOUND_BY_AUTHORITY = "FOUND_BY_AUTHORITY"
    FOUND_WITH_FAMILY = "FOUND_WITH_FAMILY"
    FOUND_BY_CIVIL_SOCIETY = "FOUND_BY_CIVIL_SOCIETY"


class AbsenceEnd(StrEnum):
    """How an absence ended: as somebody said (`FoundHow`), or by what happened."""

    CAME_BACK = "CAME_BACK"
    FOUND_BY_AUTHORITY = "FOUND_BY_AUTHORITY"
    FOUND_WITH_FAMILY = "FOUND_WITH_FAMILY"
    FOUND_BY_CIVIL_SOCIETY = "FOUND_BY_CIVIL_SOCIETY"
    MET_AGAIN = "MET_AGAIN"  # INM recorded an encounter
    NOW_MISSING = "NOW_MISSING"  # it had left care, and now nobody knows where it is
    CASE_CLOSED = "CASE_CLOSED"


REPORTS: dict[AbsenceKind, Action] = {
    AbsenceKind.LEFT_CARE: Action.REPORT_LEFT_CARE,
    AbsenceKind.MISSING: Action.REPORT_MISSING,
}
ABSENT = Rule(
    "ABSENT",
    Text(
        "A child who left care or is missing stays a case: the Procuraduría is told at once, for a missing one the "
        "Ministerio Público too, the search is reviewed at set times, and the case goes on where it stood.",
        "Una niña o niño que dejó el cuidado o no se localiza sigue siendo un caso: se avisa de inmediato a la "
        "Procuraduría y, si no se localiza, al Ministerio Público; la búsqueda se revisa en plazos fijos y el caso "
        "continúa donde estaba.",
    ),
    "LGDNNA, art. 122 and 123; UPM is cited as reporting children who abandon the procedure; the "
    "notices and the times are a design decision",
    verified=False,
)
RULES = (ABSENT,)

_SOURCE = "Design decision: no source gives the number; the first day matters most"
FIRST_REVIEW = Deadline(
    "SEARCH_FIRST", Text("The search is reviewed for the first time", "La búsqueda se revisa por primera vez"), _SOURCE,
    verified=False, due=timedelta(hours=24), warn=timedelta(hours=12),
)  # fmt: skip
NEXT_REVIEW = Deadline(
    "SEARCH_NEXT", Text("The search is reviewed again", "La búsqueda se revisa de nuevo"), _SOURCE,
    verified=False, due=timedelta(days=7), warn=timedelta(days=5),
)  # fmt: skip
DEADLINES = (FIRST_REVIEW, NEXT_REVIEW)


def review(number: int) -> Deadline:
    """Return within what time the review of this number is due."""
    return FIRST_REVIEW if number == 1 else NEXT_REVIEW
