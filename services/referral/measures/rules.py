"""How a measure of protection comes about and ends, and what an admission rests on: tables and functions. Pure."""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum

from services.referral.cases import laws
from services.referral.cases.rules import Part, Status
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule


class MeasureKind(StrEnum):
    """Which of the two kinds a measure is."""

    URGENT = "URGENT"  # imminent risk to life, integrity or liberty
    SPECIAL = "SPECIAL"


class MeasureWay(StrEnum):
    """How an urgent measure comes about. A special one is ordered."""

    REQUESTED = "REQUESTED"  # the Procuraduría asks the Ministerio Público, who decides (LGDNNA 122-VI)
    ORDERED = "ORDERED"  # the Procuraduría orders it and tells Ministerio Público and judge at once (122-VII)


class MeasureCode(StrEnum):
    """What a measure orders (LGDNNA, art. 122, fr. VI, a and b)."""

    CAS_ADMISSION = "CAS_ADMISSION"
    MEDICAL_CARE = "MEDICAL_CARE"


class Ground(StrEnum):
    """What the child is to be protected from. The first three are the article's."""

    RISK_TO_LIFE = "RISK_TO_LIFE"
    RISK_TO_INTEGRITY = "RISK_TO_INTEGRITY"
    RISK_TO_LIBERTY = "RISK_TO_LIBERTY"
    WITHOUT_CARE = "WITHOUT_CARE"
    HEALTH = "HEALTH"


class MeasureState(StrEnum):
    """Where a measure stands."""

    REQUESTED = "requested"  # the Ministerio Público acts next
    DECREED = "decreed"  # by the Ministerio Público; the judge acts next
    ORDERED = "ordered"  # by the Procuraduría; the judge acts next
    CONFIRMED = "confirmed"
    CHANGED = "changed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"  # by the judge
    ENDED = "ended"  # its end was reached, or another one stands in its place


class MeasureAction(StrEnum):
    """What moves a measure."""

    DECREE = "decree"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    CHANGE = "change"
    CANCEL = "cancel"
    END = "end"


class MeasureEnd(StrEnum):
    """Why a measure was refused, withdrawn, cancelled or ended [design]."""

    NO_RISK = "NO_RISK"
    RISK_PASSED = "RISK_PASSED"
    ANOTHER_MEASURE = "ANOTHER_MEASURE"
    NOT_SUITABLE = "NOT_SUITABLE"
    COURT_ORDER = "COURT_ORDER"
    FAMILY_CARE = "FAMILY_CARE"
    LEFT_THE_COUNTRY = "LEFT_THE_COUNTRY"
    ADULT = "ADULT"
    ASKED_IN_ERROR = "ASKED_IN_ERROR"


class Purpose(StrEnum):
    """What a child is admitted for [design]; INAI ordered SNDIF to be able to tell it (route.md, section 4)."""

    URGENT_PROTECTION = "URGENT_PROTECTION"
    CARE_DURING_PROCEDURE = "CARE_DURING_PROCEDURE"
    AWAITING_FAMILY = "AWAITING_FAMILY"
    AWAITING_RETURN = "AWAITING_RETURN"
    TRANSIT = "TRANSIT"


class ExitReason(StrEnum):
    """Why a child left a centre [design]."""

    OTHER_CENTRE = "OTHER_CENTRE"
    FAMILY_REUNIFIED = "FAMILY_REUNIFIED"
    FOSTER_CARE = "FOSTER_CARE"
    RETURN = "RETURN"
    HOSPITAL = "HOSPITAL"
    MEASURE_ENDED = "MEASURE_ENDED"
    LEFT_BY_ITSELF = "LEFT_BY_ITSELF"
    ADULT = "ADULT"
    DEATH = "DEATH"


LIVE = frozenset({MeasureState.DECREED, MeasureState.ORDERED, MeasureState.CONFIRMED, MeasureState.CHANGED})
"""The states in which a child is protected by a measure."""
UNREVIEWED = frozenset({MeasureState.DECREED, MeasureState.ORDERED})
"""Those that the judge has yet to look at."""

_S, _A = MeasureState, MeasureAction
TRANSITIONS: dict[tuple[MeasureState, MeasureAction], MeasureState] = {
    (_S.REQUESTED, _A.DECREE): _S.DECREED,
    (_S.REQUESTED, _A.REFUSE): _S.REFUSED,
    (_S.REQUESTED, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.DECREED, _A.CONFIRM): _S.CONFIRMED,
    (_S.ORDERED, _A.CONFIRM): _S.CONFIRMED,
    (_S.CHANGED, _A.CONFIRM): _S.CONFIRMED,
    **{(state, _A.CHANGE): _S.CHANGED for state in LIVE},
    **{(state, _A.CANCEL): _S.CANCELLED for state in LIVE},
    **{(state, _A.END): _S.ENDED for state in LIVE},
}
"""Every move there is. None is made by time: a clock that breaches ends no measure (R13)."""

JUDICIAL = frozenset({_A.CONFIRM, _A.CHANGE, _A.CANCEL})
"""The judge's: the Procuraduría records them, with the document."""
BY_MP = frozenset({_A.DECREE, _A.REFUSE})
"""The Ministerio Público's own. All others are the Procuraduría's."""

CARED_FOR = (
    Status.IN_CARE, Status.BID_OPEN, Status.PRD_ISSUED, Status.RESTITUTION, Status.REGULARISED, Status.REFUGE,
    Status.TRANSITION_18,
)  # fmt: skip
"""The states in which a child may move from one centre to another."""

URGENT = Rule(
    "R13",
    Text(
        "The Ministerio Público decides on an urgent measure within 3 hours and the judge within 24; when a time is "
        "over an alarm is raised, and the measure goes on until somebody decides.",
        "El Ministerio Público resuelve una medida urgente en 3 horas y la autoridad judicial en 24; al vencer el "
        "plazo se alerta, y la medida sigue hasta que alguien resuelva.",
    ),
    "LGDNNA, art. 122, fr. VI and VII",
)
ADMISSION = laws.MEASURE
RULES = (URGENT,)

DECREE = Deadline(
    "D3", Text("The Ministerio Público decides on an urgent measure", "El MP resuelve sobre la medida urgente"),
    "LGDNNA, art. 122, fr. VI", verified=True, due=timedelta(hours=3), warn=timedelta(hours=2),
)  # fmt: skip
REVIEW = Deadline(
    "D4", Text("The judge reviews an urgent measure", "La autoridad judicial revisa la medida urgente"),
    "LGDNNA, art. 122, fr. VI and VII", verified=True, due=timedelta(hours=24), warn=timedelta(hours=18),
)  # fmt: skip
DEADLINES = (DECREE, REVIEW)


def first(kind: MeasureKind, way: MeasureWay) -> MeasureState:
    """Return the state in which a measure begins. Raises RefusedByLaw for a special one that is asked of the MP."""
    if way is MeasureWay.ORDERED:
        return MeasureState.ORDERED
    if kind is MeasureKind.SPECIAL:
        raise URGENT.refuse("A special measure is the Procuraduría's to order.", allowed_actions=["ORDERED"])
    return MeasureState.REQUESTED


def may(action: MeasureAction, held: Collection[Part], *, is_mp: bool) -> bool:
    """Whether this step is a caller's. `is_mp`: it is the Ministerio Público that was asked."""
    return is_mp if action in BY_MP else Part.PP_HERE in held


def allowed(state: MeasureState, held: Collection[Part], *, is_mp: bool) -> list[str]:
    """Return what a caller may do with a measure now."""
    return [each.value for each in _A if (state, each) in TRANSITIONS and may(each, held, is_mp=is_mp)]


def advance(state: MeasureState, action: MeasureAction, held: Collection[Part], *, is_mp: bool) -> MeasureState:
    """Return where a measure stands next. Raises IllegalMove."""
    instead = allowed(state, held, is_mp=is_mp)
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A measure that is {state} cannot take this step.", allowed_actions=instead)
    if not may(action, held, is_mp=is_mp):
        theirs = "the Ministerio Público that was asked" if action in BY_MP else "the Procuraduría of the territory"
        raise IllegalMove(f"This step is another's: {theirs}.", allowed_actions=instead)
    return TRANSITIONS[state, action]


def check_admission(code: MeasureCode, state: MeasureState) -> None:
    """Raise RefusedByLaw (R11) unless a child may be admitted to a centre on this measure."""
    if code is not MeasureCode.CAS_ADMISSION or state not in LIVE:
        raise ADMISSION.refuse(
            "No live measure orders that the child be admitted to a centre.", allowed_actions=["request", "order"]
        )


def check_end(*, admitted: bool, others: bool) -> None:
    """Raise RefusedByLaw where a child in a centre would be left there without a measure (R11, R13)."""
    if admitted and not others:
        raise ADMISSION.refuse(
            "The child is in a centre on this measure: record where it goes, or another measure, before its end.",
            allowed_actions=["discharge", "request", "order"],
        )
