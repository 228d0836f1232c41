"""Transfers in two phases: agreed first, and done when the child has arrived. Pure."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum

from services.referral.agencies.rules import Agency, Kind
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule


class TransferKind(StrEnum):
    """What passes to another authority."""

    CUSTODY = "CUSTODY"  # the child: from one DIF or shelter to another
    TERRITORY = "TERRITORY"  # the case: from the Procuraduría of one state to another's, INM's territory with it


class TransferState(StrEnum):
    """Where a transfer stands. `NEXT` says who acts next."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DEPARTED = "departed"
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class TransferAction(StrEnum):
    """What moves a transfer."""

    ACCEPT = "accept"
    DECLINE = "decline"
    DEPART = "depart"
    ARRIVE = "arrive"
    NOT_ARRIVE = "not_arrive"
    WITHDRAW = "withdraw"


class Side(StrEnum):
    """Who a caller is to a transfer."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    SYSTEM = "system"


class View(StrEnum):
    """How much of a transfer its reader sees."""

    FULL = "full"
    LISTED = "listed"  # the recipient, until the child has arrived: of the case only what was listed
    REDUCED = "reduced"  # the sender, once the child has arrived: that it sent, and where the case stands


class TransferReason(StrEnum):
    """Why a child or a case is to pass to another authority."""

    NO_CAPACITY = "NO_CAPACITY"
    SPECIALISED_CARE = "SPECIALISED_CARE"
    FAMILY_UNITY = "FAMILY_UNITY"
    SAFETY = "SAFETY"
    COMPETENCE = "COMPETENCE"
    CHILD_ASKED = "CHILD_ASKED"


class TransferRefusal(StrEnum):
    """Why the recipient does not take over."""

    NO_CAPACITY = "NO_CAPACITY"
    NOT_COMPETENT = "NOT_COMPETENT"
    SAFETY = "SAFETY"
    CHILD_DECLINES = "CHILD_DECLINES"


class TransferWithdrawal(StrEnum):
    """Why the sender takes a transfer back."""

    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"
    CHILD_DECLINES = "CHILD_DECLINES"
    SAFETY = "SAFETY"
    CHILD_IS_BACK = "CHILD_IS_BACK"
    IN_ERROR = "IN_ERROR"


class Condition(StrEnum):
    """How the child was when it arrived."""

    WELL = "WELL"
    TIRED = "TIRED"
    DISTRESSED = "DISTRESSED"
    UNWELL = "UNWELL"
    INJURED = "INJURED"
    NEEDS_URGENT_CARE = "NEEDS_URGENT_CARE"


class CaseField(StrEnum):
    """What of a case the recipient may need before it takes over, by the names of the case itself."""

    STATUS = "status"
    STAGE = "stage"
    STATE = "state"
    REPRESENTATION = "representation"
    REPRESENTATIVE = "representative"
    NOTIFIED_AT = "notified_at"
    NOTIFIED_BY = "notified_by"
    DIF = "dif"
    DIF_ACCEPTED_AT = "dif_accepted_at"
    RISK = "risk"


_S, _A = TransferState, TransferAction
TRANSITIONS = {
    (_S.PROPOSED, _A.ACCEPT): _S.ACCEPTED,
    (_S.PROPOSED, _A.DECLINE): _S.DECLINED,
    (_S.PROPOSED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.ACCEPTED, _A.DECLINE): _S.DECLINED,  # the place is gone before the child left
    (_S.ACCEPTED, _A.DEPART): _S.DEPARTED,
    (_S.ACCEPTED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.DEPARTED, _A.ARRIVE): _S.ARRIVED,
    (_S.DEPARTED, _A.NOT_ARRIVE): _S.NOT_ARRIVED,
    (_S.DEPARTED, _A.WITHDRAW): _S.WITHDRAWN,  # the child is back with the sender
    (_S.NOT_ARRIVED, _A.ARRIVE): _S.ARRIVED,
    (_S.NOT_ARRIVED, _A.WITHDRAW): _S.WITHDRAWN,
}
"""Every move there is. A pair that is missing is refused."""

WHO: Mapping[TransferAction, frozenset[Side]] = {
    _A.ACCEPT: frozenset({Side.RECIPIENT}),
    _A.DECLINE: frozenset({Side.RECIPIENT}),
    _A.DEPART: frozenset({Side.SENDER}),
    _A.ARRIVE: frozenset({Side.RECIPIENT}),
    _A.NOT_ARRIVE: frozenset({Side.RECIPIENT, Side.SYSTEM}),
    _A.WITHDRAW: frozenset({Side.SENDER}),
}
NEXT: Mapping[TransferState, Side | None] = {
    _S.PROPOSED: Side.RECIPIENT,
    _S.ACCEPTED: Side.SENDER,
    _S.DEPARTED: Side.RECIPIENT,
    _S.NOT_ARRIVED: Side.SENDER,  # says where the child is
    _S.ARRIVED: None,
    _S.DECLINED: None,
    _S.WITHDRAWN: None,
}
LIVE = frozenset(state for state, _ in TRANSITIONS)
UNDER_WAY = frozenset({_S.DEPARTED, _S.NOT_ARRIVED})
"""The child is with neither: its case is in its side state."""

CUSTODIANS = frozenset({"DIF", "MUNICIPAL_DIF", "CAS"})
"""The kinds of body that take care of a child."""

ON_ARRIVAL = Rule(
    "R30",
    Text(
        "A transfer changes who owns the case only when the recipient has accepted it and confirmed the child's "
        "arrival; the sender cannot do either.",
        "Un traslado cambia la titularidad sólo cuando quien recibe lo aceptó y confirmó la llegada de la NNA; "
        "quien envía no puede hacer ni lo uno ni lo otro.",
    ),
    "Primero (the sender cannot accept); 8 USC 1232 (custody passes on physical arrival); a design decision",
    verified=False,
)
TERRITORY = Rule(
    "R37-TRANSFER",
    Text(
        "The new territory reads of a case what was listed, from its acceptance on; all of it from the arrival on. "
        "Who sent it sees from then on that it did, and where the case stands.",
        "El nuevo territorio ve del caso lo listado desde su aceptación, y todo desde la llegada. Quien lo envió ve "
        "desde entonces que lo hizo y en qué etapa está el caso.",
    ),
    "LGPDPPSO, art. 25 to 27 and 59 to 64; the division is a design decision",
    verified=False,
)
OWNER = Rule(
    "OWNER-TRANSFERS",
    Text(
        "Only who has the child in care hands over its custody, only the Procuraduría of the territory the case.",
        "Sólo quien tiene el cuidado entrega la custodia; sólo la Procuraduría del territorio, el caso.",
    ),
    "LGDNNA 122-II and 123; LM 29; as a gate a design decision",
    verified=False,
)
RULES = (ON_ARRIVAL, TERRITORY, OWNER)

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_DESIGN = "Design decision"
GRACE = 3 * _HOUR
ANSWER = Deadline(
    "TRANSFER_ANSWER",
    Text("The recipient answers a proposed transfer", "Quien recibe contesta un traslado propuesto"),
    _DESIGN, verified=False, due=_DAY, warn=18 * _HOUR,
)  # fmt: skip
DEPART = Deadline(
    "TRANSFER_DEPART",
    Text("The child departs after acceptance", "La NNA sale tras la aceptación"),
    "Design decision, after the 72 hours of 8 USC 1232", verified=False, due=3 * _DAY, warn=2 * _DAY,
)  # fmt: skip
ARRIVE = Deadline(
    "TRANSFER_ARRIVE",
    Text("The recipient confirms the arrival, counted from when it is expected", "Quien recibe confirma la llegada"),
    _DESIGN, verified=False, due=GRACE, warn=timedelta(),
)  # fmt: skip
DEADLINES = (ANSWER, DEPART, ARRIVE)

KINDS: Mapping[TransferKind, Text] = {
    TransferKind.CUSTODY: Text("The child, from one DIF or centre to another", "La niña o niño, a otro DIF o centro"),
    TransferKind.TERRITORY: Text(
        "The case, to another state's authorities", "El caso, a las autoridades de otro estado"
    ),
}
REASONS: Mapping[TransferReason, Text] = {
    TransferReason.NO_CAPACITY: Text("No place or no staff", "Sin lugar o sin personal"),
    TransferReason.SPECIALISED_CARE: Text("Care that only the other gives", "Atención que sólo la otra presta"),
    TransferReason.FAMILY_UNITY: Text("To be with the family", "Unidad familiar"),
    TransferReason.SAFETY: Text("The child's safety", "Seguridad de la NNA"),
    TransferReason.COMPETENCE: Text("The other is competent", "La otra es competente"),
    TransferReason.CHILD_ASKED: Text("The child asked for it", "La NNA lo pidió"),
}
REFUSALS: Mapping[TransferRefusal, Text] = {
    TransferRefusal.NO_CAPACITY: Text("No place or no staff", "Sin lugar o sin personal"),
    TransferRefusal.NOT_COMPETENT: Text("Not competent", "No es competente"),
    TransferRefusal.SAFETY: Text("The child would not be safe there", "Ahí no habría seguridad para la NNA"),
    TransferRefusal.CHILD_DECLINES: Text("The child does not want it", "La NNA no lo desea"),
}
WITHDRAWALS: Mapping[TransferWithdrawal, Text] = {
    TransferWithdrawal.NO_LONGER_NEEDED: Text("No longer needed", "Ya no hace falta"),
    TransferWithdrawal.CHILD_DECLINES: Text("The child does not want it", "La NNA no lo desea"),
    TransferWithdrawal.SAFETY: Text("The child would not be safe", "No habría seguridad para la NNA"),
    TransferWithdrawal.CHILD_IS_BACK: Text("The child is back with the sender", "La NNA está de vuelta"),
    TransferWithdrawal.IN_ERROR: Text("Entered in error", "Registrado por error"),
}
CONDITIONS: Mapping[Condition, Text] = {
    Condition.WELL: Text("Well", "Bien"),
    Condition.TIRED: Text("Tired", "Con cansancio"),
    Condition.DISTRESSED: Text("Distressed", "Con angustia"),
    Condition.UNWELL: Text("Unwell", "Con malestar"),
    Condition.INJURED: Text("Injured", "Con lesiones"),
    Condition.NEEDS_URGENT_CARE: Text("Needs urgent care", "Necesita atención urgente"),
}
CASE_FIELDS: Mapping[CaseField, Text] = {
    CaseField.STATUS: Text("Where the case stands", "En qué punto está el caso"),
    CaseField.STAGE: Text("The stage of the Ruta", "La etapa de la Ruta"),
    CaseField.STATE: Text("The state", "La entidad"),
    CaseField.REPRESENTATION: Text("How the child is represented", "Cómo se representa a la NNA"),
    CaseField.REPRESENTATIVE: Text("The Procuraduría", "La Procuraduría"),
    CaseField.NOTIFIED_AT: Text("When the Procuraduría was notified", "Cuándo se avisó a la Procuraduría"),
    CaseField.NOTIFIED_BY: Text("Which Procuraduría acknowledged", "Qué Procuraduría acusó recibo"),
    CaseField.DIF: Text("Who has the child in care", "Quién tiene el cuidado"),
    CaseField.DIF_ACCEPTED_AT: Text("Since when", "Desde cuándo"),
    CaseField.RISK: Text("How much harm threatens", "Nivel de riesgo"),
}


def allowed(state: TransferState, sides: Collection[Side]) -> list[str]:
    """Return what a caller who is `sides` to a transfer may do with it now."""
    return [each.value for each in TransferAction if (state, each) in TRANSITIONS and WHO[each] & set(sides)]


def move(state: TransferState, action: TransferAction, sides: Collection[Side]) -> TransferState:
    """Return the next state. Raises IllegalMove, or RefusedByLaw where a sender would accept its own transfer."""
    instead = allowed(state, sides)
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A transfer that is {state} has no such step.", allowed_actions=instead)
    if not WHO[action] & set(sides):
        if Side.SENDER in sides and action in (TransferAction.ACCEPT, TransferAction.ARRIVE):
            raise ON_ARRIVAL.refuse("The sender neither accepts nor confirms the arrival.", allowed_actions=instead)
        raise IllegalMove(f"This step is another's: {', '.join(sorted(WHO[action]))}.", allowed_actions=instead)
    return TRANSITIONS[state, action]


def fits(kind: TransferKind, recipient: Agency, *, sender: str, state: str) -> bool:
    """Whether a body can take over: one that cares for children, or the Procuraduría of another state."""
    if recipient.id == sender or getattr(recipient, "bound_to", None) is not None:
        return False
    if kind is TransferKind.CUSTODY:
        return recipient.kind.value in CUSTODIANS
    return recipient.kind is Kind.PP and recipient.state is not None and recipient.state != state


def view(state: TransferState, *, sender: bool, recipient: bool) -> View:
    """Return how much of a transfer a reader sees. Who is neither reads the case itself: all of it."""
    if sender and state is TransferState.ARRIVED:
        return View.REDUCED
    return View.LISTED if recipient and state is not TransferState.ARRIVED else View.FULL
