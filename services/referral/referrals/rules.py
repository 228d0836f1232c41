"""The life of a referral: one table of moves, and who may make them. Pure.

The states are those of the crosswalk with Primero, proGres and FHIR Task. Codes are in codes.py, time limits in
deadlines.py, who is asked next in ladder.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Risk
from services.referral.referrals.codes import Reason
from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class ReferralKind(StrEnum):
    """What a referral is. All but SERVICE are ordered by law or by rule, and opened by Ruta."""

    PP_NOTICE = "PP_NOTICE"
    DIF_HANDOVER = "DIF_HANDOVER"
    COMAR_NOTICE = "COMAR_NOTICE"
    MP_NOTICE = "MP_NOTICE"
    PP_VERIFY = "PP_VERIFY"
    PP_FIND = "PP_FIND"
    SERVICE = "SERVICE"


class State(StrEnum):
    """Where a referral stands. `NEXT` says who acts next."""

    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    WORKING = "working"
    ON_HOLD = "on_hold"
    UNDELIVERABLE = "undeliverable"
    DECLINED = "declined"
    COMPLETED = "completed"
    NOT_ACHIEVED = "not_achieved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ENTERED_IN_ERROR = "entered_in_error"


class Action(StrEnum):
    """What moves a referral."""

    RECEIVE = "receive"
    ACCEPT = "accept"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    AGREE = "agree"
    DECLINE = "decline"
    CONFIRM_REFUSAL = "confirm_refusal"
    RETURN_REFUSAL = "return_refusal"
    HAND_ON = "hand_on"
    COMPLETE = "complete"
    NOT_ACHIEVE = "not_achieve"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    RETURN = "return"
    ENTER_IN_ERROR = "enter_in_error"


class Party(StrEnum):
    """Who a caller is to a referral."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    REVIEWER = "reviewer"  # the second party that confirms a refusal
    PROCURADURIA = "procuraduria"  # of the case's territory
    SYSTEM = "system"


_OPEN = {
    (State.SENT, Action.RECEIVE): State.RECEIVED,
    (State.SENT, Action.ACCEPT): State.ACCEPTED,  # implies that it was received
    (State.SENT, Action.DECLINE): State.DECLINED,
    (State.SENT, Action.WITHDRAW): State.WITHDRAWN,
    (State.SENT, Action.EXPIRE): State.EXPIRED,
    (State.SENT, Action.RETURN): State.UNDELIVERABLE,
    (State.RECEIVED, Action.ACCEPT): State.ACCEPTED,
    (State.RECEIVED, Action.DECLINE): State.DECLINED,
    (State.RECEIVED, Action.WITHDRAW): State.WITHDRAWN,
    (State.RECEIVED, Action.EXPIRE): State.EXPIRED,
    (State.ACCEPTED, Action.START): State.WORKING,
    (State.ACCEPTED, Action.HOLD): State.ON_HOLD,
    (State.ACCEPTED, Action.AGREE): State.ACCEPTED,
    (State.ACCEPTED, Action.COMPLETE): State.COMPLETED,
    (State.ACCEPTED, Action.NOT_ACHIEVE): State.NOT_ACHIEVED,
    (State.ACCEPTED, Action.WITHDRAW): State.WITHDRAWN,
    (State.WORKING, Action.HOLD): State.ON_HOLD,
    (State.WORKING, Action.COMPLETE): State.COMPLETED,
    (State.WORKING, Action.NOT_ACHIEVE): State.NOT_ACHIEVED,
    (State.WORKING, Action.WITHDRAW): State.WITHDRAWN,
    (State.ON_HOLD, Action.RESUME): State.WORKING,
    (State.ON_HOLD, Action.COMPLETE): State.COMPLETED,
    (State.ON_HOLD, Action.NOT_ACHIEVE): State.NOT_ACHIEVED,
    (State.ON_HOLD, Action.WITHDRAW): State.WITHDRAWN,
    # The recipient may still find by itself what could not be delivered to it: nothing is lost.
    (State.UNDELIVERABLE, Action.RECEIVE): State.RECEIVED,
    (State.UNDELIVERABLE, Action.ACCEPT): State.ACCEPTED,
    (State.UNDELIVERABLE, Action.DECLINE): State.DECLINED,
    (State.UNDELIVERABLE, Action.WITHDRAW): State.WITHDRAWN,
    (State.UNDELIVERABLE, Action.EXPIRE): State.EXPIRED,
}
UNANSWERED = frozenset({State.SENT, State.RECEIVED, State.UNDELIVERABLE})
"""The states in which the recipient has neither accepted nor declined."""

LIVE = frozenset(state for state, action in _OPEN)
"""The states in which somebody still has something to do with the referral itself."""

STANDING = frozenset({State.ACCEPTED, State.WORKING, State.ON_HOLD, State.COMPLETED})
"""The states in which the recipient has taken the referral on."""

TRANSITIONS = (
    _OPEN
    | {(state, Action.HAND_ON): State.COMPLETED for state in LIVE}
    | {(state, Action.CONFIRM_REFUSAL): State.DECLINED for state in UNANSWERED}
    | {(state, Action.RETURN_REFUSAL): state for state in UNANSWERED}
    | {(state, Action.ENTER_IN_ERROR): State.ENTERED_IN_ERROR for state in State if state is not State.ENTERED_IN_ERROR}
)
"""Every move there is. A pair that is missing is refused. A refusal that needs a second party leaves the state."""

WHO = {
    Action.RECEIVE: Party.RECIPIENT,
    Action.ACCEPT: Party.RECIPIENT,
    Action.START: Party.RECIPIENT,
    Action.HOLD: Party.RECIPIENT,
    Action.RESUME: Party.RECIPIENT,
    Action.AGREE: Party.RECIPIENT,
    Action.DECLINE: Party.RECIPIENT,
    Action.CONFIRM_REFUSAL: Party.REVIEWER,
    Action.RETURN_REFUSAL: Party.REVIEWER,
    Action.HAND_ON: Party.RECIPIENT,
    Action.COMPLETE: Party.RECIPIENT,
    Action.NOT_ACHIEVE: Party.RECIPIENT,
    Action.WITHDRAW: Party.SENDER,
    Action.EXPIRE: Party.SYSTEM,
    Action.RETURN: Party.SYSTEM,
    Action.ENTER_IN_ERROR: Party.SENDER,  # of a SERVICE; of what is ordered, the Procuraduría
}
NEXT: dict[State, Party | None] = {
    State.SENT: Party.RECIPIENT,
    State.RECEIVED: Party.RECIPIENT,
    State.ACCEPTED: Party.RECIPIENT,
    State.WORKING: Party.RECIPIENT,
    State.ON_HOLD: Party.RECIPIENT,
    State.UNDELIVERABLE: Party.SENDER,
    State.DECLINED: Party.SENDER,  # looks for another recipient, unless the rule has found one: `follows`
    State.NOT_ACHIEVED: Party.SENDER,
    State.EXPIRED: Party.SENDER,
    State.COMPLETED: None,
    State.WITHDRAWN: None,
    State.ENTERED_IN_ERROR: None,
}
ANSWERS = frozenset({Action.RECEIVE, Action.ACCEPT, Action.DECLINE, Action.CONFIRM_REFUSAL, Action.HAND_ON})
"""What stops the acknowledgement clock. A refusal that is only proposed does not."""

BEGINS = frozenset({Action.START, Action.COMPLETE, Action.HAND_ON})
"""What stops the clock of the beginning."""

CLOSES = frozenset({Action.COMPLETE, Action.NOT_ACHIEVE, Action.WITHDRAW, Action.ENTER_IN_ERROR})
"""What ends a referral that may have others under it."""

MAX_DEPTH = 3
"""How deep referrals may hang under each other [design]."""

NOTICES = frozenset({ReferralKind.PP_NOTICE, ReferralKind.COMAR_NOTICE, ReferralKind.MP_NOTICE, ReferralKind.PP_VERIFY})
"""What the law tells an agency: it may be late, and cannot say no."""

UNREFUSABLE = NOTICES | {ReferralKind.PP_FIND}
"""What nobody can decline."""

ORDERED = Rule(
    "LM112",
    Text(
        "A notice that the law orders is received, never declined; what the law orders is never withdrawn and never "
        "expires.",
        "Un aviso que la ley ordena se recibe, nunca se rechaza; lo que la ley ordena no se retira ni caduca.",
    ),
    "Ley de Migración, art. 112, fr. I, II and V",
)
LAST_RESORT = Rule(
    "DIF-NATIONAL",
    Text(
        "Where a state's DIF has no place the national system finds one; it cannot decline in its turn, it hands on.",
        "Donde el DIF estatal no tiene lugar, el Sistema Nacional lo encuentra; éste no puede declinar a su vez, "
        "lo pasa a otro estado.",
    ),
    "Agreement of SNDIF and Veracruz, 2021 (Al Calor Político, note 337123); its extension is a design decision",
    verified=False,
)
BASIS = Rule(
    "R28",
    Text(
        "A referral needs consent or a coded lawful basis.",
        "Una canalización requiere consentimiento o una base jurídica codificada.",
    ),
    "LGPDPPSO, art. 7, 14, 16 and 59; the code list is a design decision",
)
NEED_TO_KNOW = Rule(
    "R29",
    Text(
        "Recipients see only the fields listed for that referral, and one under it lists no more than it does; "
        "withheld-from lists win over roles.",
        "Los destinatarios ven sólo los campos listados, y una derivada no lista más que la de origen; "
        "las listas de reserva prevalecen sobre los roles.",
    ),
    "LGPDPPSO, art. 59 to 64; the lists are a design decision",
)
SECOND_PARTY = Rule(
    "REFUSAL-CONFIRMED",
    Text(
        "Where the risk is high or the care urgent a refusal counts only once a second party has confirmed it.",
        "Con riesgo alto o atención urgente, una negativa cuenta sólo cuando una segunda instancia la confirma.",
    ),
    "HMIS Warehouse (denied-pending); for this route a design decision",
    verified=False,
)
NEVER_ENDS = Rule(
    "NEVER-ALONE",
    Text(
        "No answer leaves a child without somebody who owes the next step: what finds no place moves on.",
        "Ninguna respuesta deja a una NNA sin quien deba el siguiente paso: lo que no encuentra lugar pasa a otra.",
    ),
    "Agreement of SNDIF and Veracruz, 2021 (Al Calor Político, note 337123); LGDNNA 123; the order is ours [design]",
    verified=False,
)
ABROAD = Rule(
    "R16-ABROAD",
    Text(
        "What reaches a body of a foreign state passes the guard; of referrals, this version lets none through.",
        "Lo que llega a un órgano de otro Estado pasa por la salvaguarda; esta versión no deja pasar canalizaciones.",
    ),
    "LRPCAP, art. 21; Ley de Migración, art. 112, fr. V; that none passes is a design decision",
    verified=False,
)
PARTS_FIRST = Rule(
    "PARTS-FIRST",
    Text(
        "A referral ends when those under it have ended, or together with them if that is said.",
        "Una canalización termina cuando terminaron las derivadas de ella, o junto con ellas si así se dice.",
    ),
    "FHIR Task.partOf; a design decision",
    verified=False,
)
STANDS = Rule(
    "ACCEPTED-STANDS",
    Text(
        "What the law orders and its recipient has taken on was no error.",
        "Lo que la ley ordena y su destinatario asumió no fue un error.",
    ),
    "Design decision",
    verified=False,
)
RULES = (ORDERED, LAST_RESORT, BASIS, NEED_TO_KNOW, SECOND_PARTY, NEVER_ENDS, ABROAD, PARTS_FIRST, STANDS)


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a referral decides which steps there are."""

    state: State
    kind: ReferralKind = ReferralKind.SERVICE
    last_resort: bool = False
    """Whether its recipient is the national DIF, which cannot decline."""
    proposed: bool = False
    """Whether a refusal waits for its second party."""


def needs_second(reason: str, service: Service | None, risks: Collection[Risk | None]) -> bool:
    """Whether a refusal must be confirmed by a second party: a high risk, or urgent care."""
    return Risk.HIGH in risks or reason == Reason.URGENT_CARE or service is Service.URGENT_MEASURES


def who(action: Action, kind: ReferralKind) -> Party:
    """Return whose step this is."""
    ordered = kind is not ReferralKind.SERVICE
    return Party.PROCURADURIA if ordered and action is Action.ENTER_IN_ERROR else WHO[action]


def exists(action: Action, standing: Standing) -> bool:
    """Whether there is such a step now, whoever takes it."""
    if (standing.state, action) not in TRANSITIONS:
        return False
    if action in (Action.CONFIRM_REFUSAL, Action.RETURN_REFUSAL):
        return standing.proposed
    if action in (Action.DECLINE, Action.EXPIRE):
        return not standing.proposed
    if action is Action.AGREE:
        return standing.kind is ReferralKind.SERVICE
    if action is Action.HAND_ON:
        finds = standing.kind is ReferralKind.DIF_HANDOVER and standing.last_resort
        return standing.kind is ReferralKind.PP_FIND or (finds and standing.state in UNANSWERED)
    return True


def allowed(standing: Standing, parties: Collection[Party]) -> list[str]:
    """Return what a caller who is `parties` to a referral may do with it now."""
    return [
        action.value
        for action in Action
        if exists(action, standing) and who(action, standing.kind) in parties and forbidden(action, standing) is None
    ]


def forbidden(action: Action, standing: Standing) -> Rule | None:
    """Return the rule that forbids an action, in whatever state."""
    ordered = standing.kind is not ReferralKind.SERVICE
    if action in (Action.WITHDRAW, Action.EXPIRE) and ordered:
        return ORDERED
    if action is Action.DECLINE and standing.kind in UNREFUSABLE:
        return ORDERED
    if action is Action.NOT_ACHIEVE and standing.kind is ReferralKind.PP_FIND:
        return NEVER_ENDS
    if action in (Action.DECLINE, Action.NOT_ACHIEVE) and standing.last_resort:
        return LAST_RESORT if standing.kind is ReferralKind.DIF_HANDOVER else None
    if action is Action.ENTER_IN_ERROR and ordered and standing.state in STANDING:
        return STANDS
    return None


def move(standing: Standing, action: Action, parties: Collection[Party]) -> State:
    """Return the next state. Raises IllegalMove or RefusedByLaw, with what the caller may do instead."""
    instead = allowed(standing, parties)
    if not exists(action, standing):
        raise IllegalMove(f"A referral that is {standing.state} has no such step.", allowed_actions=instead)
    if (party := who(action, standing.kind)) not in parties:
        raise IllegalMove(f"This step is the {party}'s.", allowed_actions=instead)
    if (rule := forbidden(action, standing)) is not None:
        raise rule.refuse(f"{rule.text.en}", allowed_actions=instead)
    return TRANSITIONS[standing.state, action]
