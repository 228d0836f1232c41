"""Where a case stands and what moves it: stage 1 of the route so far. Pure.

The states are ours [design], after the stages of the Ruta; the later ones come with their slices.
"""

from enum import StrEnum

from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class Status(StrEnum):
    """Where a case stands."""

    DETECTED = "DETECTED"  # the Procuraduría acts next: it acknowledges the notice
    NOTIFIED = "NOTIFIED"  # INM acts next: it issues the acta once DIF has accepted
    CHANNELLED = "CHANNELLED"  # DIF and the Procuraduría act next


class Action(StrEnum):
    """What moves a case."""

    NOTIFY = "notify"  # the Procuraduría acknowledged: through its referral, never by itself
    ISSUE_ACTA = "issue_acta"


class Representation(StrEnum):
    """Who represents the child (R26). The Procuraduría stands by in every case, as *coadyuvante*."""

    PP_EN_SUPLENCIA = "PP_EN_SUPLENCIA"
    LEGAL_REPRESENTATIVE = "LEGAL_REPRESENTATIVE"


class Risk(StrEnum):
    """How much harm threatens the child: HIGH is significant harm or death likely, LOW a risk of harm (CPIMS+)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


TRANSITIONS = {
    (Status.DETECTED, Action.NOTIFY): Status.NOTIFIED,
    (Status.NOTIFIED, Action.ISSUE_ACTA): Status.CHANNELLED,
}
STAGES = {Status.DETECTED: 1, Status.NOTIFIED: 1, Status.CHANNELLED: 1}
"""Stages 0 to 4 of the Ruta: 1 is entry, identification and urgent measures."""

NOTICE = Rule(
    "R4",
    Text(
        "A case leaves DETECTED only when the Procuraduría has acknowledged the notice.",
        "Un caso sale de DETECTED sólo cuando la Procuraduría acusó recibo del aviso.",
    ),
    "Ley de Migración, art. 112, fr. I",
)
REPRESENTED = Rule(
    "R26",
    Text(
        "Representation is never empty: a legal representative, or the Procuraduría en suplencia; "
        "the Procuraduría is coadyuvante always.",
        "La representación nunca está vacía: representante legal o la Procuraduría en suplencia; "
        "la Procuraduría es siempre coadyuvante.",
    ),
    "LGDNNA, art. 106 and 122, fr. II",
)
TERRITORY = Rule(
    "R37",
    Text(
        "INM and the Procuraduría of a state see the cases of that state; others, those they take part in.",
        "El INM y la Procuraduría de un estado ven los casos de ese estado; los demás, aquellos en que participan.",
    ),
    "LGPDPPSO, art. 25-27; the division is a design decision",
    verified=False,
)
RULES = (NOTICE, REPRESENTED, TERRITORY)


def advance(status: Status, action: Action, *, allowed: list[str]) -> Status:
    """Return the next status. Raises IllegalMove with what the caller may do instead."""
    if (status, action) not in TRANSITIONS:
        raise IllegalMove(f"A case that is {status} cannot take this step.", allowed_actions=allowed)
    return TRANSITIONS[status, action]


def allowed(status: Status, agency_kind: str, *, dif_accepted: bool) -> list[str]:
    """Return what a caller of this kind may do with a case now."""
    may_issue = agency_kind == "INM" and dif_accepted and (status, Action.ISSUE_ACTA) in TRANSITIONS
    return [Action.ISSUE_ACTA.value] if may_issue else []
