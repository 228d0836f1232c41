"""The life of a referral: one table of moves, and who may make them. Pure.

The states are those of the crosswalk with Primero, proGres and FHIR Task.
"""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule


class ReferralKind(StrEnum):
    """What a referral is. All but SERVICE are ordered by law and opened by Ruta."""

    PP_NOTICE = "PP_NOTICE"
    DIF_HANDOVER = "DIF_HANDOVER"
    COMAR_NOTICE = "COMAR_NOTICE"
    PP_VERIFY = "PP_VERIFY"
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
    DECLINE = "decline"
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
    SYSTEM = "system"


class Urgency(StrEnum):
    """Within what time the recipient should answer a SERVICE referral."""

    HOUR = "1h"
    HOURS = "3h"
    DAY = "1d"
    DAYS = "3d"


class LawfulBasis(StrEnum):
    """Why the data may be shared (R28)."""

    CONSENT = "CONSENT"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"
    VITAL_INTERESTS = "VITAL_INTERESTS"
    BEST_INTERESTS = "BEST_INTERESTS"


class Reason(StrEnum):
    """Why an agency asks another for a service."""

    NEED_ASSESSED = "NEED_ASSESSED"
    REQUESTED_BY_CHILD = "REQUESTED_BY_CHILD"
    PROTECTION_MEASURE = "PROTECTION_MEASURE"
    URGENT_CARE = "URGENT_CARE"


class DeclineReason(StrEnum):
    """Why a recipient cannot take a referral."""

    NO_CAPACITY = "NO_CAPACITY"
    OUT_OF_TERRITORY = "OUT_OF_TERRITORY"
    NOT_COMPETENT = "NOT_COMPETENT"
    OTHER_PROVIDER = "OTHER_PROVIDER"
    SAFETY = "SAFETY"
    CHILD_DECLINES = "CHILD_DECLINES"
    DUPLICATE = "DUPLICATE"


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
TRANSITIONS = _OPEN | {
    (state, Action.ENTER_IN_ERROR): State.ENTERED_IN_ERROR for state in State if state is not State.ENTERED_IN_ERROR
}
"""Every move there is. A pair that is missing is refused."""

WHO = {
    Action.RECEIVE: Party.RECIPIENT,
    Action.ACCEPT: Party.RECIPIENT,
    Action.START: Party.RECIPIENT,
    Action.HOLD: Party.RECIPIENT,
    Action.RESUME: Party.RECIPIENT,
    Action.DECLINE: Party.RECIPIENT,
    Action.COMPLETE: Party.RECIPIENT,
    Action.NOT_ACHIEVE: Party.RECIPIENT,
    Action.WITHDRAW: Party.SENDER,
    Action.EXPIRE: Party.SYSTEM,
    Action.RETURN: Party.SYSTEM,
    Action.ENTER_IN_ERROR: Party.SYSTEM,
}
NEXT: dict[State, Party | None] = {
    State.SENT: Party.RECIPIENT,
    State.RECEIVED: Party.RECIPIENT,
    State.ACCEPTED: Party.RECIPIENT,
    State.WORKING: Party.RECIPIENT,
    State.ON_HOLD: Party.RECIPIENT,
    State.UNDELIVERABLE: Party.SENDER,
    State.DECLINED: Party.SENDER,  # looks for another recipient
    State.NOT_ACHIEVED: Party.SENDER,
    State.EXPIRED: Party.SENDER,
    State.COMPLETED: None,
    State.WITHDRAWN: None,
    State.ENTERED_IN_ERROR: None,
}
LIVE = frozenset(state for state, action in _OPEN)
"""The states in which somebody still has something to do with the referral itself."""

ANSWERS = frozenset({Action.RECEIVE, Action.ACCEPT, Action.DECLINE})
"""What stops the acknowledgement clock."""

NOTICES = frozenset({ReferralKind.PP_NOTICE, ReferralKind.COMAR_NOTICE, ReferralKind.PP_VERIFY})
"""What the law tells an agency: it may be late, and cannot say no."""

ORDERED = Rule(
    "LM112",
    Text(
        "A notice that the law orders is received, never declined; what the law orders is never withdrawn.",
        "Un aviso que la ley ordena se recibe, nunca se rechaza; lo que la ley ordena no se retira.",
    ),
    "Ley de Migración, art. 112, fr. I, II and V",
)
LAST_RESORT = Rule(
    "DIF-NATIONAL",
    Text(
        "Where a state's DIF has no place the national system finds one; it cannot decline in its turn.",
        "Donde el DIF estatal no tiene lugar, el Sistema Nacional lo encuentra; éste no puede declinar a su vez.",
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
RULES = (ORDERED, LAST_RESORT, BASIS)


def _within(rule: str, whom: Text, source: str, warn: timedelta, due: timedelta) -> Deadline:
    name = Text(f"{whom.en} acknowledges", f"{whom.es} acusa recibo")
    return Deadline(rule, name, source, verified=False, due=due, warn=warn)


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_IMMEDIATELY = "“immediately”: the law gives no number, the times are a design decision (D1, D2: R7)"
_PRACTICE = "Primero's urgency of a service; the use as a deadline is a design decision"
_PARTNER = Text("The agency", "La institución")
ACK_PP = _within("ACK_PP", Text("The Procuraduría", "La Procuraduría"), f"LM 112-I; {_IMMEDIATELY}", _HOUR, _DAY)
ACK_DIF = _within("ACK_DIF", Text("DIF", "El DIF"), f"LM 112-I; {_IMMEDIATELY}", _HOUR, _DAY)
ACK_COMAR = _within(
    "ACK_COMAR", Text("COMAR", "La COMAR"), f"LM 112-V, LRPCAP 21; {_IMMEDIATELY}", timedelta(minutes=15), _HOUR
)
ACK_SERVICE = {
    Urgency.HOUR: _within("ACK_SERVICE_1H", _PARTNER, _PRACTICE, timedelta(minutes=30), _HOUR),
    Urgency.HOURS: _within("ACK_SERVICE_3H", _PARTNER, _PRACTICE, 2 * _HOUR, 3 * _HOUR),
    Urgency.DAY: _within("ACK_SERVICE_1D", _PARTNER, _PRACTICE, 18 * _HOUR, _DAY),
    Urgency.DAYS: _within("ACK_SERVICE_3D", _PARTNER, _PRACTICE, 2 * _DAY, 3 * _DAY),
}
_ACK = {
    ReferralKind.PP_NOTICE: ACK_PP,
    ReferralKind.PP_VERIFY: ACK_PP,
    ReferralKind.DIF_HANDOVER: ACK_DIF,
    ReferralKind.COMAR_NOTICE: ACK_COMAR,
}
DEADLINES = (ACK_PP, ACK_DIF, ACK_COMAR, *ACK_SERVICE.values())


def acknowledgement(kind: ReferralKind, urgency: Urgency) -> Deadline:
    """Return within what time the recipient must acknowledge."""
    return _ACK.get(kind) or ACK_SERVICE[urgency]


def allowed(state: State, kind: ReferralKind, parties: Collection[Party], *, last_resort: bool = False) -> list[str]:
    """Return what a caller who is `parties` to a referral may do with it now."""
    return [
        action.value
        for action in Action
        if (state, action) in TRANSITIONS
        and WHO[action] in parties
        and forbidden(action, kind, last_resort=last_resort) is None
    ]


def forbidden(action: Action, kind: ReferralKind, *, last_resort: bool = False) -> Rule | None:
    """Return the rule that forbids an action on this kind of referral, in whatever state."""
    if action is Action.WITHDRAW and kind is not ReferralKind.SERVICE:
        return ORDERED
    if action is Action.DECLINE and kind in NOTICES:
        return ORDERED
    if action is Action.DECLINE and kind is ReferralKind.DIF_HANDOVER and last_resort:
        return LAST_RESORT
    return None


def move(
    state: State, action: Action, kind: ReferralKind, parties: Collection[Party], *, last_resort: bool = False
) -> State:
    """Return the next state. Raises IllegalMove or RefusedByLaw, with what the caller may do instead."""
    instead = allowed(state, kind, parties, last_resort=last_resort)
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A referral that is {state} has no such step.", allowed_actions=instead)
    if WHO[action] not in parties:
        raise IllegalMove(f"This step is the {WHO[action]}'s.", allowed_actions=instead)
    if (rule := forbidden(action, kind, last_resort=last_resort)) is not None:
        raise rule.refuse(f"{rule.text.en}", allowed_actions=instead)
    return TRANSITIONS[state, action]
