"""Why a case ends or begins again, and who may decide on it. Pure."""

from enum import StrEnum

from services.referral.cases import laws
from shared.errors import RefusedByLaw


class ClosureReason(StrEnum):
    """Why a case ends (after Primero and CPIMS+). There is no "other"."""

    PLAN_FULFILLED = "PLAN_FULFILLED"  # formal closing
    REPATRIATED = "REPATRIATED"
    TRANSFERRED = "TRANSFERRED"  # to an authority outside the route
    FAMILY_REUNIFIED = "FAMILY_REUNIFIED"
    ADULT = "ADULT"  # turned 18, with everything of stage 4 done
    DEATH = "DEATH"
    NOT_SEEN_AT_VERIFICATION = "NOT_SEEN_AT_VERIFICATION"
    NO_LONGER_IN_COUNTRY = "NO_LONGER_IN_COUNTRY"
    OPENED_IN_ERROR = "OPENED_IN_ERROR"


class ReopeningReason(StrEnum):
    """Why a closed case begins again [design]."""

    NEW_ENCOUNTER = "NEW_ENCOUNTER"  # INM met the child again: by itself
    NEW_FACTS = "NEW_FACTS"
    MEASURE_FAILED = "MEASURE_FAILED"
    CHILD_ASKS = "CHILD_ASKS"
    COURT_ORDER = "COURT_ORDER"
    FOUND = "FOUND"
    CLOSED_IN_ERROR = "CLOSED_IN_ERROR"


class RefusalReason(StrEnum):
    """Why a supervisor does not approve a closing [design]."""

    PLAN_NOT_FULFILLED = "PLAN_NOT_FULFILLED"
    EVIDENCE_MISSING = "EVIDENCE_MISSING"
    CHILD_NOT_HEARD = "CHILD_NOT_HEARD"
    WRONG_REASON = "WRONG_REASON"


class ClosingState(StrEnum):
    """Where a request to close stands."""

    REQUESTED = "requested"  # a supervisor of the Procuraduría acts next
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"  # something else was done with the case meanwhile


RULES = (laws.PLAN,)


def another(requested_by: str, officer: str, *, allowed_actions: list[str]) -> RefusedByLaw | None:
    """Return the refusal of an officer who would approve of what the same officer asked for.

    `requested_by` and `officer` are agency and number; how a number is written makes no second person.
    """
    if requested_by.casefold() != officer.casefold():
        return None
    return laws.PLAN.refuse("Another officer than the one who asked approves.", allowed_actions=allowed_actions)
