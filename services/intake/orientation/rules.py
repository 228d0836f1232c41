"""Field actions, topics, and the life of a complaint. Pure."""

from enum import StrEnum

from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class FieldActionCode(StrEnum):
    """What a Grupo Beta did (LM 71)."""

    RESCUE = "RESCUE"
    FIRST_AID = "FIRST_AID"
    SOCIAL_AID = "SOCIAL_AID"
    ORIENTATION = "ORIENTATION"
    LEGAL_ADVICE = "LEGAL_ADVICE"
    MISSING_PERSON_SEARCH = "MISSING_PERSON_SEARCH"
    PATROL = "PATROL"


class InquiryTopic(StrEnum):
    """What returning nationals ask or complain about [design]."""

    RIGHTS = "RIGHTS"
    CUSTOMS = "CUSTOMS"
    VEHICLE = "VEHICLE"
    DOCUMENTS = "DOCUMENTS"
    EXTORTION = "EXTORTION"
    MISTREATMENT = "MISTREATMENT"
    CHILDREN = "CHILDREN"
    HEALTH = "HEALTH"
    OTHER = "OTHER"


class InquiryKind(StrEnum):
    """What came of it. What is settled on the spot is counted apart from a formal complaint."""

    ORIENTATION = "ORIENTATION"
    RESOLVED_ON_SPOT = "RESOLVED_ON_SPOT"
    FORMAL = "FORMAL"


class InquiryStatus(StrEnum):
    """Where it stands."""

    CLOSED = "closed"
    RECEIVED = "received"  # a formal complaint; the authority that it is about acts next
    FORWARDED = "forwarded"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


class InquiryAction(StrEnum):
    """What moves it."""

    FORWARD = "forward"
    RESOLVE = "resolve"
    WITHDRAW = "withdraw"


FIRST = {
    InquiryKind.ORIENTATION: InquiryStatus.CLOSED,
    InquiryKind.RESOLVED_ON_SPOT: InquiryStatus.CLOSED,
    InquiryKind.FORMAL: InquiryStatus.RECEIVED,
}
"""Where each begins: only a formal complaint has a life."""

TRANSITIONS = {
    (InquiryStatus.RECEIVED, InquiryAction.FORWARD): InquiryStatus.FORWARDED,
    (InquiryStatus.RECEIVED, InquiryAction.RESOLVE): InquiryStatus.RESOLVED,
    (InquiryStatus.RECEIVED, InquiryAction.WITHDRAW): InquiryStatus.WITHDRAWN,
    (InquiryStatus.FORWARDED, InquiryAction.RESOLVE): InquiryStatus.RESOLVED,
    (InquiryStatus.FORWARDED, InquiryAction.WITHDRAW): InquiryStatus.WITHDRAWN,
}
"""Every move there is."""

NAMELESS = Rule(
    "PAISANO",
    Text(
        "What is settled on the spot, and orientation, is recorded without any name; a formal complaint names who "
        "complains, sealed.",
        "Lo resuelto en el lugar y la orientación se registran sin nombres; la queja formal lleva los datos de quien "
        "se queja, bajo sello.",
    ),
    "LGPDPPSO, art. 7; INM practice of Programa Paisano; a design decision",
    verified=False,
)
RULES = (NAMELESS,)


def check_names(kind: InquiryKind, *, named: bool) -> None:
    """Raise RefusedByLaw for a name where none belongs, and for a formal complaint of nobody."""
    if named is not (kind is InquiryKind.FORMAL):
        raise NAMELESS.refuse(
            "Only a formal complaint names who complains, and it must (`complainant`).",
            allowed_actions=["complainant"] if not named else [InquiryKind.FORMAL.value],
        )


def advance(status: InquiryStatus, action: InquiryAction) -> InquiryStatus:
    """Return the next status. Raises IllegalMove with what may be done instead."""
    if (status, action) not in TRANSITIONS:
        raise IllegalMove(f"What is {status} cannot be moved so.", allowed_actions=allowed(status))
    return TRANSITIONS[status, action]


def allowed(status: InquiryStatus) -> list[str]:
    """Return what may be done with it now."""
    return [action.value for start, action in TRANSITIONS if start is status]
