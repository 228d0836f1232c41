"""The life of a request, who may ask, and within what time it is answered. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class CorrectionState(StrEnum):
    """Where a request stands."""

    ASKED = "asked"  # INM acts next
    APPLIED = "applied"
    REFUSED = "refused"


class CorrectionAction(StrEnum):
    """What moves a request."""

    APPLY = "apply"
    REFUSE = "refuse"


TRANSITIONS = {
    (CorrectionState.ASKED, CorrectionAction.APPLY): CorrectionState.APPLIED,
    (CorrectionState.ASKED, CorrectionAction.REFUSE): CorrectionState.REFUSED,
}
"""Every move there is."""


class AskedBy(StrEnum):
    """Who asks on the child's behalf (LGPDPPSO 43: by the rules of civil representation)."""

    PARENTAL_AUTHORITY = "PARENTAL_AUTHORITY"
    LEGAL_GUARDIAN = "LEGAL_GUARDIAN"
    PROCURADURIA = "PROCURADURIA"  # en suplencia
    CHILD = "CHILD"  # heard through whoever represents it


class RepresentationProof(StrEnum):
    """What shows that whoever asks represents the child."""

    BIRTH_CERTIFICATE = "BIRTH_CERTIFICATE"
    COURT_DECISION = "COURT_DECISION"
    PP_REPRESENTATION = "PP_REPRESENTATION"
    IDENTITY_DOCUMENT = "IDENTITY_DOCUMENT"


class CorrectionRefusal(StrEnum):
    """Why a request is refused."""

    NOT_PROVEN = "NOT_PROVEN"
    NOT_THE_REPRESENTATIVE = "NOT_THE_REPRESENTATIVE"
    NOTHING_TO_CORRECT = "NOTHING_TO_CORRECT"
    HARMS_ANOTHER = "HARMS_ANOTHER"
    PENDING_PROCEDURE = "PENDING_PROCEDURE"


@dataclass(frozen=True, slots=True)
class Term:
    """A time limit in working days."""

    id: str
    text: Text
    working_days: int
    source: str


TERMS = (
    Term("ARCO_ANSWER", Text("The request is answered", "Se responde la solicitud"), 20, "LGPDPPSO, art. 45"),
    Term("ARCO_EXTENSION", Text("once, for a reason", "por una sola vez, con motivo"), 10, "LGPDPPSO, art. 45"),
    Term("ARCO_EXECUTION", Text("What was granted is done", "Se hace efectivo lo procedente"), 15, "LGPDPPSO, art. 45"),
)
"""Data until the calendar of working days is there: no clock runs on them yet."""

ARCO = Rule(
    "R35",
    Text(
        "A request to correct a child's data is answered within 20 working days, once extended by 10, and done within "
        "15; a refusal says why.",
        "La solicitud de rectificar datos se responde en 20 días hábiles, ampliables una vez por 10, y se hace "
        "efectiva en 15; la negativa dice por qué.",
    ),
    "LGPDPPSO, art. 43 and 45",
)
RULES = (ARCO,)


def advance(state: CorrectionState, action: CorrectionAction) -> CorrectionState:
    """Return the next state. Raises IllegalMove with what may be done instead."""
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A request that is {state} has been decided.", allowed_actions=allowed(state, "INM"))
    return TRANSITIONS[state, action]


def allowed(state: CorrectionState, agency_kind: str) -> list[str]:
    """Return what a caller of this kind may do with a request now: INM, which holds the record, decides."""
    return [action.value for start, action in TRANSITIONS if start is state and agency_kind == "INM"]
