"""Assisted return: its machine, and everything that stands in its way, each with its rule (R21, R22). Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.referral.cases.rules import Part
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule


class ReturnState(StrEnum):
    """Where a return stands."""

    PROPOSED = "proposed"  # the Procuraduría acts next: it assesses
    ASSESSED = "assessed"  # the Procuraduría concurs, then INM decides
    AUTHORISED = "authorised"  # INM acts next: it plans
    PLANNED = "planned"  # INM acts next: the child departs with its escort
    DEPARTED = "departed"  # INM acts next: the child is received, or comes back
    RECEIVED = "received"
    FAILED = "failed"  # the child came back
    CANCELLED = "cancelled"


class ReturnAction(StrEnum):
    """What moves a return."""

    ASSESS = "assess"
    CONCUR = "concur"
    AUTHORISE = "authorise"
    PLAN = "plan"
    DEPART = "depart"
    RECEIVE = "receive"
    FAIL = "fail"
    CANCEL = "cancel"


class ReturnKind(StrEnum):
    """To what a child returns."""

    ASSISTED_RETURN = "ASSISTED_RETURN"
    FAMILY_REUNIFICATION = "FAMILY_REUNIFICATION"


class AskedKind(StrEnum):
    """What may be asked for; the last one is refused (R2)."""

    ASSISTED_RETURN = "ASSISTED_RETURN"
    FAMILY_REUNIFICATION = "FAMILY_REUNIFICATION"
    DEPORTATION = "DEPORTATION"


class Danger(StrEnum):
    """What the assessment of danger found."""

    NO_DANGER = "NO_DANGER"
    DANGER = "DANGER"
    NOT_CLEAR = "NOT_CLEAR"


class Wish(StrEnum):
    """What the child wishes. Its best interests decide, and its wish weighs in them."""

    WISHES = "WISHES"
    DOES_NOT_WISH = "DOES_NOT_WISH"
    UNDECIDED = "UNDECIDED"


class FailReason(StrEnum):
    """Why a child came back."""

    NOT_RECEIVED = "NOT_RECEIVED"
    POINT_CLOSED = "POINT_CLOSED"
    CHILD_UNWELL = "CHILD_UNWELL"
    CHILD_DOES_NOT_WISH = "CHILD_DOES_NOT_WISH"
    PROTECTION_NEED = "PROTECTION_NEED"
    TRANSPORT = "TRANSPORT"
    UNSAFE_ROUTE = "UNSAFE_ROUTE"


class CancelReason(StrEnum):
    """Why a return is called off before the child departs."""

    PLAN_CHANGED = "PLAN_CHANGED"
    DANGER_FOUND = "DANGER_FOUND"
    CHILD_DOES_NOT_WISH = "CHILD_DOES_NOT_WISH"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    PROTECTION_NEED = "PROTECTION_NEED"
    ENTERED_IN_ERROR = "ENTERED_IN_ERROR"


_BEFORE = (ReturnState.PROPOSED, ReturnState.ASSESSED, ReturnState.AUTHORISED, ReturnState.PLANNED)
LIVE = frozenset({*_BEFORE, ReturnState.DEPARTED})

TRANSITIONS: dict[tuple[ReturnState, ReturnAction], ReturnState] = {
    **{(each, ReturnAction.ASSESS): ReturnState.ASSESSED for each in _BEFORE},  # anew: what followed is void
    (ReturnState.ASSESSED, ReturnAction.CONCUR): ReturnState.ASSESSED,
    (ReturnState.ASSESSED, ReturnAction.AUTHORISE): ReturnState.AUTHORISED,
    (ReturnState.AUTHORISED, ReturnAction.PLAN): ReturnState.PLANNED,
    (ReturnState.PLANNED, ReturnAction.PLAN): ReturnState.PLANNED,  # another point or hour
    (ReturnState.PLANNED, ReturnAction.DEPART): ReturnState.DEPARTED,
    (ReturnState.DEPARTED, ReturnAction.RECEIVE): ReturnState.RECEIVED,
    (ReturnState.DEPARTED, ReturnAction.FAIL): ReturnState.FAILED,
    **{(each, ReturnAction.CANCEL): ReturnState.CANCELLED for each in _BEFORE},
}
"""Every move there is. A pair that is missing is refused."""

WHO: dict[ReturnAction, tuple[Part, ...]] = {
    ReturnAction.ASSESS: (Part.PP_HERE,),
    ReturnAction.CONCUR: (Part.PP_HERE,),
    ReturnAction.AUTHORISE: (Part.INM,),
    ReturnAction.PLAN: (Part.INM,),
    ReturnAction.DEPART: (Part.INM,),
    ReturnAction.RECEIVE: (Part.INM,),
    ReturnAction.FAIL: (Part.INM,),
    ReturnAction.CANCEL: (Part.PP_HERE, Part.INM),
}
"""Whose step it is. No step is Ruta's own: a return is always somebody's decision."""


class Hindrance(StrEnum):
    """What keeps a child from being returned. Each is a reason by itself."""

    NOT_ON_THE_ROUTE = "NOT_ON_THE_ROUTE"
    PLAN_DOES_NOT_ALLOW = "PLAN_DOES_NOT_ALLOW"
    DANGER_NOT_ASSESSED = "DANGER_NOT_ASSESSED"
    DANGER = "DANGER"
    CLAIM_PENDING = "CLAIM_PENDING"
    APPEAL_PENDING = "APPEAL_PENDING"
    RETURN_UNLAWFUL = "RETURN_UNLAWFUL"
    PROTECTED = "PROTECTED"
    NOT_HEARD = "NOT_HEARD"
    FACTS_UNKNOWN = "FACTS_UNKNOWN"
    DESTINATION = "DESTINATION"
    FAMILY_NOT_VERIFIED = "FAMILY_NOT_VERIFIED"
    NO_CONCURRENCE = "NO_CONCURRENCE"
    NO_ESCORT = "NO_ESCORT"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    POINT_CLOSED = "POINT_CLOSED"
    NOTICE_TOO_SHORT = "NOTICE_TOO_SHORT"
    BARRED = "BARRED"  # what INM sees of those that tell of a claim or of protection


def _rule(name: str, en: str, es: str, source: str, *, verified: bool = True) -> Rule:
    return Rule(name, Text(en, es), source, verified)


NEVER_DEPORTED = _rule(
    "R2-RETURN", "A child is never deported: it returns with assistance, as its plan says.",
    "Ninguna niña o niño es deportado: retorna de forma asistida, según su plan.",
    "Ley de Migración, art. 112, fr. III, and 120",
)  # fmt: skip
PLAN = _rule(
    "R21-PLAN", "A child returns only where its signed plan of restitution allows it to leave.",
    "El retorno procede sólo si el plan de restitución firmado permite la salida.",
    "Ley de Migración, art. 112, fr. III, and 120; LGDNNA, art. 123",
)  # fmt: skip
ASSESSED = _rule(
    "R21-DANGER", "No return before danger to life, liberty or safety was assessed, and none into such danger.",
    "No hay retorno sin evaluar el peligro para la vida, la libertad o la seguridad, ni hacia él.",
    "Ley de Migración, art. 74; LGDNNA, art. 96 and 97",
)  # fmt: skip
NO_CLAIM = _rule(
    "R21-CLAIM", "No return while a claim is pending or an appeal may be filed, nor of a child under protection.",
    "No hay retorno mientras penda una solicitud o corra el plazo para recurrir, ni de quien tiene protección.",
    "LRPCAP, art. 6, 7 and 25",
)  # fmt: skip
BARRED = _rule(
    "R21", "A return needs everything that the law asks for; something forbids this one. Ask the Procuraduría.",
    "El retorno requiere todo lo que la ley exige; algo impide éste. Consulte a la Procuraduría.",
    "Ley de Migración, art. 74, 112, fr. III, and 120; LGDNNA, art. 96 and 97",
)  # fmt: skip
HEARD = _rule(
    "R21-HEARD", "The child was heard on its return, and the return was explained to it in its language.",
    "La niña o niño fue escuchado sobre su retorno y se le explicó en su lengua.",
    "LGDNNA, art. 71 to 74 and 92, fr. IV; Ley de Migración, art. 112, fr. IV",
)  # fmt: skip
ESCORT = _rule(
    "R21-ESCORT", "A named officer who is specialised in children (OPI) escorts the child.",
    "Acompaña una persona servidora pública especializada en niñez (OPI), con nombre.",
    "Ley de Migración, art. 112, fr. III",
)  # fmt: skip
ACCEPTED = _rule(
    "R21-ACCEPTED", "The receiving authority has accepted the child.",
    "La autoridad receptora aceptó a la niña o niño.", "Ley de Migración, art. 112, fr. III",
)  # fmt: skip
HOURS = _rule(
    "R21-HOURS", "A child is handed over at a return point of that country that is in force, within its hours, with "
    "the notice that it asks for.",
    "La entrega es en un punto de retorno vigente de ese país, dentro de su horario y con el aviso previo que pide.",
    "Ley de Migración, art. 112, fr. III (in good time); the points are rows with their own sources", verified=False,
)  # fmt: skip
CONCURRENCE = _rule(
    "R21-CONCUR", "INM decides following the plan, once the Procuraduría has concurred.",
    "El INM resuelve conforme al plan, con la conformidad de la Procuraduría.",
    "Ley de Migración, art. 112, fr. III, and 120; the concurrence is a design decision", verified=False,
)  # fmt: skip
DESTINATION = _rule(
    "R22", "A child returns to a state of its nationality or residence, and to no other; a Mexican child to none.",
    "El retorno es al Estado de nacionalidad o residencia, a ningún otro; de una niña o niño mexicano, a ninguno.",
    "Ley de Migración, art. 112, fr. III, and 120",
)  # fmt: skip
FAMILY = _rule(
    "R21-FAMILY", "Before a child joins family abroad, the Procuraduría has verified the tie and the family's means.",
    "Antes de reunirse con familia en el extranjero, la Procuraduría verificó el vínculo y la idoneidad.",
    "LGDNNA, art. 22 to 25 and 94; the form is a design decision", verified=False,
)  # fmt: skip
GUARDED = _rule(
    "R16-RETURN", "While the guard is closed no authority of the state of origin is asked to receive the child.",
    "Mientras la salvaguarda está cerrada no se pide a ninguna autoridad del Estado de origen que reciba.",
    "LRPCAP, art. 21; Ley de Migración, art. 112, fr. V",
)  # fmt: skip
RULES = (
    NEVER_DEPORTED, PLAN, ASSESSED, NO_CLAIM, BARRED, HEARD, ESCORT, ACCEPTED, HOURS, CONCURRENCE, DESTINATION, FAMILY,
    GUARDED,
)  # fmt: skip

LAW_OF: dict[Hindrance, Rule] = {
    Hindrance.NOT_ON_THE_ROUTE: PLAN, Hindrance.PLAN_DOES_NOT_ALLOW: PLAN, Hindrance.DANGER_NOT_ASSESSED: ASSESSED,
    Hindrance.DANGER: ASSESSED, Hindrance.CLAIM_PENDING: NO_CLAIM, Hindrance.APPEAL_PENDING: NO_CLAIM,
    Hindrance.RETURN_UNLAWFUL: NO_CLAIM, Hindrance.PROTECTED: GUARDED, Hindrance.NOT_HEARD: HEARD,
    Hindrance.FACTS_UNKNOWN: DESTINATION, Hindrance.DESTINATION: DESTINATION, Hindrance.FAMILY_NOT_VERIFIED: FAMILY,
    Hindrance.NO_CONCURRENCE: CONCURRENCE, Hindrance.NO_ESCORT: ESCORT, Hindrance.NOT_ACCEPTED: ACCEPTED,
    Hindrance.POINT_CLOSED: HOURS, Hindrance.NOTICE_TOO_SHORT: HOURS, Hindrance.BARRED: BARRED,
}  # fmt: skip
"""The rule behind each obstacle."""
_TELLING = frozenset({
    Hindrance.CLAIM_PENDING, Hindrance.APPEAL_PENDING, Hindrance.RETURN_UNLAWFUL, Hindrance.PROTECTED, Hindrance.DANGER,
})  # fmt: skip
OF_A_PLAN = frozenset({
    Hindrance.NO_ESCORT, Hindrance.NOT_ACCEPTED, Hindrance.POINT_CLOSED, Hindrance.NOTICE_TOO_SHORT,
})  # fmt: skip
STOPPED_BY: dict[ReturnAction, frozenset[Hindrance]] = {
    ReturnAction.CONCUR: frozenset(Hindrance) - OF_A_PLAN - {Hindrance.NO_CONCURRENCE},
    ReturnAction.AUTHORISE: frozenset(Hindrance) - OF_A_PLAN,
    ReturnAction.PLAN: frozenset(Hindrance),
    ReturnAction.DEPART: frozenset(Hindrance) - {Hindrance.NOTICE_TOO_SHORT},  # it was in good time when it was given
    ReturnAction.RECEIVE: _TELLING,  # and whoever is on the way is not handed over, whatever was planned
}
"""Step → what it is refused for. Assessing, failing and cancelling are refused for nothing."""

ARRIVAL = Deadline(
    "RETURN_ARRIVAL",
    Text("A child on its way is received, or is back", "Quien va en camino es recibida o regresa"),
    "Design decision: no source gives the number", verified=False, due=timedelta(hours=24), warn=timedelta(hours=12),
)  # fmt: skip
DEADLINES = (ARRIVAL,)


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known of a return and its child at one moment. None means unknown."""

    restitution: bool
    plan_signed: bool
    plan_allows: bool | None
    danger: Danger | None
    claim: bool
    appeal: bool
    unlawful: bool
    protected: bool
    heard: bool
    homes: frozenset[str] | None
    """The states of nationality and residence; null while intake's facts are not here."""
    destination: str
    family_verified: bool
    concurred: bool = False
    escort: bool = False
    accepted: bool = False
    receives: bool = False
    in_good_time: bool = False


def obstacles(known: Known) -> list[Hindrance]:
    """Return everything that stands in the way of a return that would depart as it is planned."""
    homes = known.homes or frozenset()
    found = (
        (Hindrance.NOT_ON_THE_ROUTE, not known.restitution),
        (Hindrance.PLAN_DOES_NOT_ALLOW, not (known.plan_signed and known.plan_allows)),
        (Hindrance.DANGER_NOT_ASSESSED, known.danger in (None, Danger.NOT_CLEAR)),
        (Hindrance.DANGER, known.danger is Danger.DANGER),
        (Hindrance.CLAIM_PENDING, known.claim),
        (Hindrance.APPEAL_PENDING, known.appeal),
        (Hindrance.RETURN_UNLAWFUL, known.unlawful),
        (Hindrance.PROTECTED, known.protected),
        (Hindrance.NOT_HEARD, not known.heard),
        (Hindrance.FACTS_UNKNOWN, known.homes is None),
        (Hindrance.DESTINATION, known.homes is not None and not _home(known.destination, homes)),
        (Hindrance.FAMILY_NOT_VERIFIED, not known.family_verified),
        (Hindrance.NO_CONCURRENCE, not known.concurred),
        (Hindrance.NO_ESCORT, not known.escort),
        (Hindrance.NOT_ACCEPTED, not known.accepted),
        (Hindrance.POINT_CLOSED, not known.receives),
        (Hindrance.NOTICE_TOO_SHORT, not known.in_good_time),
    )
    return [obstacle for obstacle, present in found if present]


def _home(destination: str, homes: Collection[str]) -> bool:
    return destination in homes and "MEX" not in homes


def shown_to(held: Collection[Part], found: Iterable[Hindrance]) -> list[Hindrance]:
    """Return what these may know of obstacles: what tells of a claim or of protection is the Procuraduría's to know."""
    if not {Part.PP_HERE, Part.SYSTEM}.isdisjoint(held):
        return list(found)
    return list(dict.fromkeys(Hindrance.BARRED if each in _TELLING else each for each in found))


def stopping(action: ReturnAction, found: Iterable[Hindrance]) -> list[Hindrance]:
    """Return for what of this a step is refused."""
    return [each for each in found if each in STOPPED_BY.get(action, frozenset())]


def allowed(state: ReturnState, held: Collection[Part], found: Collection[Hindrance], *, concurred: bool) -> list[str]:
    """Return what these may do with a return now. What a plan says itself does not keep it from being made."""
    return [
        action.value
        for action in ReturnAction
        if (state, action) in TRANSITIONS
        and not set(WHO[action]).isdisjoint(held)
        and not (action is ReturnAction.CONCUR and concurred)
        and not [each for each in stopping(action, found) if action is not ReturnAction.PLAN or each not in OF_A_PLAN]
    ]


def move(
    state: ReturnState,
    action: ReturnAction,
    held: Collection[Part],
    found: Collection[Hindrance],
    *,
    concurred: bool,
) -> ReturnState:
    """Return the next state. Raises IllegalMove or RefusedByLaw, with what the caller may do instead."""
    instead = allowed(state, held, found, concurred=concurred)
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A return that is {state} has no such step.", allowed_actions=instead)
    if set(WHO[action]).isdisjoint(held):
        raise IllegalMove(f"This step is another's: {', '.join(WHO[action])}.", allowed_actions=instead)
    if action is ReturnAction.CONCUR and concurred:
        raise IllegalMove("The Procuraduría has concurred.", allowed_actions=instead)
    if stopped := shown_to(held, stopping(action, found)):
        words = "; ".join(f"{each.value} ({LAW_OF[each].id}, {LAW_OF[each].source})" for each in stopped)
        raise LAW_OF[stopped[0]].refuse(f"The child may not be returned: {words}.", allowed_actions=instead)
    return TRANSITIONS[state, action]
