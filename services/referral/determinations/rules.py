"""What an assessment finds, and what a determination of best interests needs before it is signed. Pure."""

from collections.abc import Collection
from enum import StrEnum

from services.referral.cases import laws
from services.referral.cases.rules import Gate, Part
from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class AssessmentKind(StrEnum):
    """Which assessment it is."""

    INITIAL = "INITIAL"  # DIF's, of LGDNNA 94, 95 and 98
    BIA_SHORT = "BIA_SHORT"  # UNHCR toolbox: urgent, or influx
    BIA_COMPREHENSIVE = "BIA_COMPREHENSIVE"


class Finding(StrEnum):
    """What an assessment found [design, after LGDNNA 94, 98 and 99]. The last three tell of protection."""

    NO_SPECIAL_NEED = "NO_SPECIAL_NEED"
    HEALTH = "HEALTH"
    DISABILITY = "DISABILITY"
    PREGNANCY = "PREGNANCY"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"
    VIOLENCE = "VIOLENCE"
    EDUCATION = "EDUCATION"
    IDENTITY_DOCUMENTS = "IDENTITY_DOCUMENTS"
    FAMILY_IN_MEXICO = "FAMILY_IN_MEXICO"
    FAMILY_ABROAD = "FAMILY_ABROAD"
    FAMILY_SEPARATION = "FAMILY_SEPARATION"
    FEAR_OF_RETURN = "FEAR_OF_RETURN"
    PERSECUTION = "PERSECUTION"
    TRAFFICKING = "TRAFFICKING"


PROTECTION = (Finding.FEAR_OF_RETURN, Finding.PERSECUTION, Finding.TRAFFICKING)
"""Findings that are indications of a need of protection (R15): the guard closes in the same transaction."""


class Expression(StrEnum):
    """How the child took part."""

    EXPRESSED = "EXPRESSED"
    DECLINED = "DECLINED"  # it was asked, and did not wish to say
    NOT_YET_ABLE = "NOT_YET_ABLE"  # too young to say; who knows it says what was observed


class Explained(StrEnum):
    """What was explained to the child (LGDNNA 92; LM 112-IV)."""

    RIGHTS = "RIGHTS"
    PROCEDURE = "PROCEDURE"
    HANDOVER = "HANDOVER"
    OPTIONS = "OPTIONS"
    CONSEQUENCES = "CONSEQUENCES"
    APPEAL = "APPEAL"


class BidPurpose(StrEnum):
    """What a determination is for (UNHCR; route.md, section 4)."""

    DURABLE_SOLUTION = "DURABLE_SOLUTION"
    EXCEPTIONAL_OPTION = "EXCEPTIONAL_OPTION"  # of a child at risk
    SEPARATION_FROM_PARENTS = "SEPARATION_FROM_PARENTS"  # possibly, against their will


class Discipline(StrEnum):
    """From which discipline somebody speaks (route.md, section 2)."""

    LEGAL = "LEGAL"
    PSYCHOLOGICAL = "PSYCHOLOGICAL"
    SOCIAL_WORK = "SOCIAL_WORK"
    MEDICAL = "MEDICAL"


class Option(StrEnum):
    """What is recommended, or decided. None of them tells on what the child's stay rests."""

    STAY_WITH_FAMILY = "STAY_WITH_FAMILY"
    STAY_IN_CARE = "STAY_IN_CARE"
    RETURN_TO_FAMILY = "RETURN_TO_FAMILY"
    RETURN_TO_CARE = "RETURN_TO_CARE"
    FAMILY_IN_THIRD_COUNTRY = "FAMILY_IN_THIRD_COUNTRY"
    NO_SEPARATION = "NO_SEPARATION"
    SEPARATION = "SEPARATION"


EXITS = frozenset({Option.RETURN_TO_FAMILY, Option.RETURN_TO_CARE, Option.FAMILY_IN_THIRD_COUNTRY})
"""Decisions by which a plan may allow that the child leaves the country (R21)."""


class BidState(StrEnum):
    """Where a determination stands."""

    OPEN = "open"  # opinions are given, the panel is formed
    DECIDED = "decided"  # the Procuraduría signs next
    SIGNED = "signed"
    REVIEWED = "reviewed"  # another one stands in its place
    WITHDRAWN = "withdrawn"


class BidAction(StrEnum):
    """What is done with a determination."""

    OPINE = "opine"
    SEAT = "seat"
    DECIDE = "decide"
    SIGN = "sign"
    REVIEW = "review"
    WITHDRAW = "withdraw"


class ReviewReason(StrEnum):
    """Why a signed determination is opened again (UNHCR's review report) [design]."""

    NEW_FACTS = "NEW_FACTS"
    CHILD_ASKS = "CHILD_ASKS"
    NOT_FEASIBLE = "NOT_FEASIBLE"
    COURT_ORDER = "COURT_ORDER"
    PERIODIC = "PERIODIC"


_S, _A = BidState, BidAction
TRANSITIONS: dict[tuple[BidState, BidAction], BidState] = {
    (_S.OPEN, _A.OPINE): _S.OPEN,
    (_S.OPEN, _A.SEAT): _S.OPEN,
    (_S.OPEN, _A.DECIDE): _S.DECIDED,
    (_S.DECIDED, _A.DECIDE): _S.DECIDED,  # the decision is written anew
    (_S.DECIDED, _A.SIGN): _S.SIGNED,
    (_S.SIGNED, _A.REVIEW): _S.REVIEWED,
    (_S.OPEN, _A.WITHDRAW): _S.WITHDRAWN,
    (_S.DECIDED, _A.WITHDRAW): _S.WITHDRAWN,
}
WHO: dict[BidAction, tuple[Part, ...]] = {
    _A.OPINE: (Part.PP_HERE, Part.DIF_IN_CHARGE),
    _A.SEAT: (Part.PP_HERE,),
    _A.DECIDE: (Part.PP_HERE,),
    _A.SIGN: (Part.PP_HERE,),
    _A.REVIEW: (Part.PP_HERE,),
    _A.WITHDRAW: (Part.PP_HERE,),
}
GOING_ON = frozenset({_S.OPEN, _S.DECIDED, _S.SIGNED})
"""The states of which a case has one determination at most."""

NEEDED = (Discipline.LEGAL, Discipline.PSYCHOLOGICAL, Discipline.SOCIAL_WORK)
"""The disciplines without whose opinion nothing is decided; a medical one where there is need [design]."""
PANEL = 2
"""How many sit on a panel at least. No source gives a number [design]."""

PRIVACY = Rule(
    "LGDNNA98",
    Text(
        "An initial assessment is made in a place that is safe and private.",
        "La evaluación inicial se realiza en condiciones que garantizan seguridad y privacidad.",
    ),
    "LGDNNA, art. 98",
)
OPINIONS = Rule(
    "BID-OPINIONS",
    Text(
        "A determination rests on opinions of law, psychology and social work, each by a named agency and officer.",
        "La determinación se apoya en opiniones jurídica, psicológica y de trabajo social, cada una con institución y "
        "persona identificadas.",
    ),
    "LGDNNA, art. 123, fr. II to IV; the list after a Procuraduría's form (route.md, S8) is a design decision",
    verified=False,
)
BID_PANEL = Rule(
    "BID-PANEL",
    Text(
        "A panel of several disciplines decides, each member having undertaken to keep it confidential; nobody who "
        "assessed the child sits on it.",
        "Decide un panel de varias disciplinas, cuyas personas integrantes firmaron confidencialidad; no lo integra "
        "quien evaluó.",
    ),
    "UNHCR, best-interests procedure (unhcr.org/5fd9e8834; route.md, S19, S20); the number is a design decision",
    verified=False,
)
HEARD = laws.HEARD
RULES = (PRIVACY, OPINIONS, BID_PANEL)


def allowed(state: BidState, held: Collection[Part]) -> list[str]:
    """Return what a caller may do with a determination now."""
    return [each.value for each in _A if (state, each) in TRANSITIONS and may(each, held)]


def may(action: BidAction, held: Collection[Part]) -> bool:
    """Whether this step is theirs."""
    return not set(WHO[action]).isdisjoint(held)


def advance(state: BidState, action: BidAction, held: Collection[Part]) -> BidState:
    """Return where a determination stands next. Raises IllegalMove."""
    instead = allowed(state, held)
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A determination that is {state} cannot take this step.", allowed_actions=instead)
    if not may(action, held):
        theirs = ", ".join(part.value for part in WHO[action])
        raise IllegalMove(f"This step is another's: {theirs}.", allowed_actions=instead)
    return TRANSITIONS[state, action]


def check_private(kind: AssessmentKind, *, safe: bool, private: bool) -> None:
    """Raise RefusedByLaw unless an initial assessment was made in safety and privacy."""
    if kind is AssessmentKind.INITIAL and not (safe and private):
        raise PRIVACY.refuse("Assess the child where it is safe and nobody listens.", allowed_actions=["assess"])


def check_seat(seat: str, discipline: Discipline, assessors: Collection[str], seated: Collection[str]) -> None:
    """Raise RefusedByLaw where who assessed the child would decide, IllegalMove where somebody sits already.

    Officers are agency and number; how a number is written makes no second person.
    """
    if seat.casefold() in {each.casefold() for each in assessors}:
        raise BID_PANEL.refuse(f"Who assessed does not sit on the panel ({discipline}).", allowed_actions=["seat"])
    if seat.casefold() in {each.casefold() for each in seated}:
        raise IllegalMove("This officer sits on the panel already.", allowed_actions=["seat", "decide"])


def check_decision(opinions: Collection[Discipline], panel: Collection[Discipline]) -> None:
    """Raise RefusedByLaw unless everything is there on which a panel decides."""
    if lacking := [each.value for each in NEEDED if each not in opinions]:
        raise OPINIONS.refuse(f"Not yet: no opinion of {', '.join(lacking)}.", allowed_actions=["opine"])
    if len(panel) < PANEL or len(set(panel)) < PANEL:
        raise BID_PANEL.refuse(
            f"Not yet: a panel has at least {PANEL} members, of as many disciplines.", allowed_actions=["seat"]
        )


def check_heard(gates: Collection[Gate]) -> None:
    """Raise RefusedByLaw (R27) unless the child's view, what was explained and the language are on record."""
    if Gate.CHILD_HEARD not in gates:
        raise HEARD.refuse("Not yet: the child's view and what was explained to it.", allowed_actions=["hear"])
