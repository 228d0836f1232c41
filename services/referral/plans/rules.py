"""What a plan of restitution holds, and how its items are done: tables and functions. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.referral.cases import laws
from services.referral.cases.rules import Gate, Part
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove


class Right(StrEnum):
    """Which right is restored: the fractions of LGDNNA, art. 13, in their order."""

    LIFE_AND_DEVELOPMENT = "LIFE_AND_DEVELOPMENT"
    PRIORITY = "PRIORITY"
    IDENTITY = "IDENTITY"
    FAMILY = "FAMILY"
    SUBSTANTIVE_EQUALITY = "SUBSTANTIVE_EQUALITY"
    NO_DISCRIMINATION = "NO_DISCRIMINATION"
    WELL_BEING = "WELL_BEING"
    LIFE_FREE_OF_VIOLENCE = "LIFE_FREE_OF_VIOLENCE"
    HEALTH_AND_SOCIAL_SECURITY = "HEALTH_AND_SOCIAL_SECURITY"
    INCLUSION_WITH_DISABILITY = "INCLUSION_WITH_DISABILITY"
    EDUCATION = "EDUCATION"
    REST_AND_PLAY = "REST_AND_PLAY"
    CONSCIENCE_AND_CULTURE = "CONSCIENCE_AND_CULTURE"
    EXPRESSION_AND_INFORMATION = "EXPRESSION_AND_INFORMATION"
    PARTICIPATION = "PARTICIPATION"
    ASSOCIATION = "ASSOCIATION"
    PRIVACY = "PRIVACY"
    LEGAL_CERTAINTY = "LEGAL_CERTAINTY"
    MIGRANTS = "MIGRANTS"
    ACCESS_TO_TECHNOLOGY = "ACCESS_TO_TECHNOLOGY"


RIGHTS: dict[Right, Text] = {
    Right.LIFE_AND_DEVELOPMENT: Text("Life, survival and development", "Vida, supervivencia y desarrollo"),
    Right.PRIORITY: Text("Priority", "Prioridad"),
    Right.IDENTITY: Text("Identity", "Identidad"),
    Right.FAMILY: Text("Living in a family", "Vivir en familia"),
    Right.SUBSTANTIVE_EQUALITY: Text("Substantive equality", "Igualdad sustantiva"),
    Right.NO_DISCRIMINATION: Text("Not being discriminated against", "No ser discriminado"),
    Right.WELL_BEING: Text("Well-being and sound development", "Condiciones de bienestar y sano desarrollo integral"),
    Right.LIFE_FREE_OF_VIOLENCE: Text("A life free of violence", "Vida libre de violencia e integridad personal"),
    Right.HEALTH_AND_SOCIAL_SECURITY: Text("Health and social security", "Protección de la salud y seguridad social"),
    Right.INCLUSION_WITH_DISABILITY: Text("Inclusion with a disability", "Inclusión con discapacidad"),
    Right.EDUCATION: Text("Education", "Educación"),
    Right.REST_AND_PLAY: Text("Rest and play", "Descanso y esparcimiento"),
    Right.CONSCIENCE_AND_CULTURE: Text("Conscience, religion and culture", "Convicciones, religión y cultura"),
    Right.EXPRESSION_AND_INFORMATION: Text("Expression and information", "Expresión y acceso a la información"),
    Right.PARTICIPATION: Text("Participation", "Participación"),
    Right.ASSOCIATION: Text("Association and assembly", "Asociación y reunión"),
    Right.PRIVACY: Text("Privacy", "Intimidad"),
    Right.LEGAL_CERTAINTY: Text("Legal certainty and due process", "Seguridad jurídica y debido proceso"),
    Right.MIGRANTS: Text("Rights of migrant children", "Derechos de niñas, niños y adolescentes migrantes"),
    Right.ACCESS_TO_TECHNOLOGY: Text("Access to technology", "Acceso a las tecnologías de la información"),
}
"""LGDNNA, art. 13, fr. I to XX."""


class Beneficiary(StrEnum):
    """Whom an item serves."""

    CHILD = "CHILD"
    SIBLINGS = "SIBLINGS"
    FAMILY = "FAMILY"
    CARER = "CARER"


class Periodicity(StrEnum):
    """How often something is done."""

    ONCE = "ONCE"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    AS_NEEDED = "AS_NEEDED"


class Unmet(StrEnum):
    """Why an item cannot be met: what reasons it (R25) [design]."""

    CHILD_DECLINES = "CHILD_DECLINES"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"
    ANOTHER_ITEM = "ANOTHER_ITEM"
    CHILD_LEFT = "CHILD_LEFT"
    NOT_COMPETENT = "NOT_COMPETENT"


class PlanState(StrEnum):
    """Where a version of the plan stands."""

    DRAFT = "draft"  # the Procuraduría signs next
    SIGNED = "signed"
    SUPERSEDED = "superseded"  # a later version stands in its place
    DISCARDED = "discarded"


class PlanAction(StrEnum):
    """What is done with a version of the plan."""

    SIGN = "sign"
    DISCARD = "discard"
    SUPERSEDE = "supersede"


class ItemState(StrEnum):
    """Where an item stands. That it is late is said beside it: it may be late in each open state."""

    PLANNED = "planned"  # the responsible agency acts next
    UNDER_WAY = "under_way"
    REPORTED = "reported"  # the Procuraduría verifies next
    MET = "met"
    REASONED = "reasoned"  # it cannot be met, for a stated reason


class ItemAction(StrEnum):
    """What moves an item."""

    START = "start"
    REPORT = "report"
    VERIFY = "verify"
    SEND_BACK = "send_back"
    REASON = "reason"
    REOPEN = "reopen"


_P, _I, _A = PlanState, ItemState, ItemAction
PLANS: dict[tuple[PlanState, PlanAction], PlanState] = {
    (_P.DRAFT, PlanAction.SIGN): _P.SIGNED,
    (_P.DRAFT, PlanAction.DISCARD): _P.DISCARDED,
    (_P.SIGNED, PlanAction.SUPERSEDE): _P.SUPERSEDED,  # by the signing of the next one
}
ITEMS: dict[tuple[ItemState, ItemAction], ItemState] = {
    (_I.PLANNED, _A.START): _I.UNDER_WAY,
    (_I.PLANNED, _A.REPORT): _I.REPORTED,
    (_I.UNDER_WAY, _A.REPORT): _I.REPORTED,
    (_I.REPORTED, _A.VERIFY): _I.MET,
    (_I.REPORTED, _A.SEND_BACK): _I.UNDER_WAY,
    **{(state, _A.REASON): _I.REASONED for state in (_I.PLANNED, _I.UNDER_WAY, _I.REPORTED)},
    **{(state, _A.REOPEN): _I.UNDER_WAY for state in (_I.MET, _I.REASONED)},
}
BY_AGENCY = frozenset({_A.START, _A.REPORT})
"""The responsible agency's. All others are the Procuraduría's, which follows each until all is restored (123-VI)."""
SETTLED = frozenset({_I.MET, _I.REASONED})

PLAN = laws.DETERMINED
FOLLOWED = laws.PLAN
HEARD = laws.HEARD
EXIT = laws.RETURNS

ITEM = Deadline(
    "PRD_ITEM", Text("An item of the plan is done", "Se cumple una medida del plan"),
    "LGDNNA, art. 123, fr. IV to VI; each item has the time that the plan sets, and the last fifth warns [design]",
    verified=False, due=timedelta(days=30), warn=timedelta(days=24),
)  # fmt: skip
DEADLINES = (ITEM,)


def due_at(day: date, zone: ZoneInfo) -> datetime:
    """Return the end of an item's last day."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


def deadline(now: datetime, due: datetime) -> Deadline:
    """Return an item's own time limit: what is left of it, at least nothing."""
    left = max(due - now, timedelta(0))
    return replace(ITEM, due=left, warn=left * 4 / 5)


def settled(states: Iterable[ItemState]) -> bool:
    """Whether every item of a plan is met or reasoned (R25)."""
    return all(state in SETTLED for state in states)


def is_late(state: ItemState, due: datetime, now: datetime) -> bool:
    """Whether an item is late now."""
    return state not in SETTLED and state is not ItemState.REPORTED and now >= due


def may(action: ItemAction, held: Collection[Part], *, responsible: bool) -> bool:
    """Whether this step is a caller's."""
    return responsible if action in BY_AGENCY else Part.PP_HERE in held


def allowed(state: ItemState, held: Collection[Part], *, responsible: bool, live: bool) -> list[str]:
    """Return what a caller may do with an item now. `live`: its plan is the one that is carried out."""
    can = [each.value for each in _A if (state, each) in ITEMS and may(each, held, responsible=responsible)]
    return can if live else []


def advance(
    state: ItemState, action: ItemAction, held: Collection[Part], *, responsible: bool, live: bool
) -> ItemState:
    """Return where an item stands next. Raises IllegalMove."""
    instead = allowed(state, held, responsible=responsible, live=live)
    if not live:
        raise IllegalMove("Only the items of the signed plan are carried out.", allowed_actions=instead)
    if (state, action) not in ITEMS:
        raise IllegalMove(f"An item that is {state} cannot take this step.", allowed_actions=instead)
    if not may(action, held, responsible=responsible):
        theirs = "the responsible agency" if action in BY_AGENCY else "the Procuraduría of the territory"
        raise IllegalMove(f"This step is another's: {theirs}.", allowed_actions=instead)
    return ITEMS[state, action]


def plan_allowed(state: PlanState, held: Collection[Part]) -> list[str]:
    """Return what a caller may do with a plan now."""
    if Part.PP_HERE not in held:
        return []
    return [each.value for each in (PlanAction.SIGN, PlanAction.DISCARD) if (state, each) in PLANS]


def plan_advance(state: PlanState, action: PlanAction, held: Collection[Part]) -> PlanState:
    """Return where a plan stands next. Raises IllegalMove."""
    instead = plan_allowed(state, held)
    if (state, action) not in PLANS:
        raise IllegalMove(f"A plan that is {state} cannot take this step.", allowed_actions=instead)
    if Part.PP_HERE not in held:
        raise IllegalMove("This step is the Procuraduría's of the territory.", allowed_actions=instead)
    return PLANS[state, action]


def check_signature(gates: Collection[Gate]) -> None:
    """Raise RefusedByLaw unless the child was heard (R27) and the determination is signed (LGDNNA 123)."""
    if Gate.CHILD_HEARD not in gates:
        raise HEARD.refuse("Not yet: the child's view and what was explained to it.", allowed_actions=["hear"])
    if Gate.BID_SIGNED not in gates:
        raise PLAN.refuse("Not yet: the signed determination of best interests.", allowed_actions=["determine"])
