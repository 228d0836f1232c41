"""Lifts of a closed guard, reviews of what stands, corrections of what was said: tables and time limits. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.referral.protection.rules import Act
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule


class LiftGround(StrEnum):
    """On what a closed guard is lifted (R17)."""

    CONSENT = "CONSENT"  # documented, express, through the representative: the only one while a claim stands
    JOINT = "JOINT"  # the Procuraduría and COMAR together


class LiftPurpose(StrEnum):
    """What a lift is for. It opens nothing else."""

    CONSULAR_NOTICE = "CONSULAR_NOTICE"
    CROSS_BORDER = "CROSS_BORDER"
    RETURN = "RETURN"  # the child goes back to a state (R21); whoever may be told of it is another matter


class LiftState(StrEnum):
    """Where a lift stands."""

    PROPOSED = "proposed"  # the second authority acts next
    LIVE = "live"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"  # by either of them, by a review, or by the next indication


class LiftAction(StrEnum):
    """What moves a lift."""

    CONCUR = "concur"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    END = "end"


LIFTS: dict[tuple[LiftState, LiftAction], LiftState] = {
    (LiftState.PROPOSED, LiftAction.CONCUR): LiftState.LIVE,
    (LiftState.PROPOSED, LiftAction.REFUSE): LiftState.REFUSED,
    (LiftState.PROPOSED, LiftAction.WITHDRAW): LiftState.WITHDRAWN,
    (LiftState.PROPOSED, LiftAction.END): LiftState.ENDED,
    (LiftState.LIVE, LiftAction.END): LiftState.ENDED,
}
OPEN_LIFTS = (LiftState.PROPOSED, LiftState.LIVE)

SECOND: dict[LiftGround, str] = {LiftGround.CONSENT: "PP", LiftGround.JOINT: "COMAR"}
"""Whose the second act is. The first one is the Procuraduría's. Of a consent another officer of it confirms it."""


def _may(action: LiftAction, state: LiftState, ground: LiftGround, kind: str) -> bool:
    if action in (LiftAction.CONCUR, LiftAction.REFUSE):
        return kind == SECOND[ground]
    if action is LiftAction.WITHDRAW:
        return kind == "PP"
    return kind == "SYSTEM" or (state is LiftState.LIVE and kind in ("PP", "COMAR"))


def allowed(state: LiftState, ground: LiftGround, kind: str) -> list[str]:
    """Return what a caller of this kind may do with a lift now."""
    return [action.value for start, action in LIFTS if start is state and _may(action, state, ground, kind)]


def advance(state: LiftState, action: LiftAction, ground: LiftGround, kind: str) -> LiftState:
    """Return the next state. Raises IllegalMove with what this caller may do instead."""
    if (state, action) not in LIFTS or not _may(action, state, ground, kind):
        raise IllegalMove(
            f"A lift that is {state} cannot take this step by you.", allowed_actions=allowed(state, ground, kind)
        )
    return LIFTS[state, action]


@dataclass(frozen=True, slots=True)
class Lifted:
    """A live lift, as far as the decision goes by it."""

    ground: LiftGround
    purpose: LiftPurpose
    recipients: tuple[str, ...]


def covers(lift: Lifted, act: Act, *, standing: bool) -> bool:
    """Whether a live lift opens the guard for this act. `standing`: a claim, an appeal or protection stands."""
    if standing and lift.ground is not LiftGround.CONSENT:
        return False
    if act.returns:
        return lift.purpose is LiftPurpose.RETURN and act.nationality in lift.recipients
    if act.recipient is None:
        return lift.purpose is LiftPurpose.CONSULAR_NOTICE and act.nationality in lift.recipients
    return lift.purpose is LiftPurpose.CROSS_BORDER and act.recipient in lift.recipients


def one_officer(first: str, second: str) -> bool:
    """Whether two acts (`agency/officer`) are one person's; how a number is written makes no second person."""
    return first.rpartition("/")[2].casefold() == second.rpartition("/")[2].casefold()


# -- reviews ---------------------------------------------------------------------------------------------


class ReviewSubject(StrEnum):
    """What is looked at again."""

    BAR = "BAR"  # the closed guard
    RELEASE = "RELEASE"
    LIFT = "LIFT"


class ReviewOutcome(StrEnum):
    """What a review comes to. None opens the guard: a lift is an act of its own."""

    KEEP = "KEEP"
    PROPOSE_LIFT = "PROPOSE_LIFT"
    END = "END"


class ReviewState(StrEnum):
    """Where a review stands."""

    DUE = "due"  # the Procuraduría acts next
    DONE = "done"
    DROPPED = "dropped"  # what it was about has ended


OUTCOMES: dict[ReviewSubject, tuple[ReviewOutcome, ...]] = {
    ReviewSubject.BAR: (ReviewOutcome.KEEP, ReviewOutcome.PROPOSE_LIFT),
    ReviewSubject.RELEASE: (ReviewOutcome.KEEP, ReviewOutcome.END),
    ReviewSubject.LIFT: (ReviewOutcome.KEEP, ReviewOutcome.END),
}


def decide(state: ReviewState, subject: ReviewSubject, outcome: ReviewOutcome) -> ReviewState:
    """Return the next state. Raises IllegalMove with the outcomes that this review may have."""
    can = [each.value for each in OUTCOMES[subject]] if state is ReviewState.DUE else []
    if outcome.value not in can:
        raise IllegalMove(f"This review cannot come to {outcome}.", allowed_actions=can)
    return ReviewState.DONE


# -- corrections -----------------------------------------------------------------------------------------


class CorrectionReason(StrEnum):
    """Why an indication was an error."""

    WRONG_CHILD = "WRONG_CHILD"
    WRONG_CODE = "WRONG_CODE"
    MISUNDERSTOOD = "MISUNDERSTOOD"
    DUPLICATE = "DUPLICATE"


CORRECTION = Rule(
    "R15-CORRECTED",
    Text(
        "The Procuraduría may mark an indication as entered in error, once and with a reason; the guard stays closed.",
        "La Procuraduría puede marcar un indicio como registrado por error, una vez y con motivo; la salvaguarda sigue "
        "cerrada.",
    ),
    "Design decision, after LRPCAP, art. 21",
    verified=False,
)
LIFT = Rule(
    "R17",
    Text(
        "While a claim, an appeal or protection stands, a closed guard is lifted only by documented express consent "
        "given through the representative; otherwise by the Procuraduría and COMAR together, each by another officer.",
        "Mientras haya solicitud, recurso o protección, la salvaguarda sólo se levanta con consentimiento expreso y "
        "documentado otorgado por conducto de quien representa; en los demás casos, por la Procuraduría y la COMAR "
        "juntas, cada una por una persona servidora pública distinta.",
    ),
    "LRPCAP, art. 21; the joint lift is a design decision",
)
RULES = (LIFT, CORRECTION)

_DESIGN = "Design decision: no source gives a number; an authority may set another"
_DAY = timedelta(days=1)


def _deadline(name: str, en: str, es: str, warn: timedelta, due: timedelta) -> Deadline:
    return Deadline(name, Text(en, es), _DESIGN, verified=False, due=due, warn=warn)


REVIEW_BAR = _deadline(
    "REVIEW_BAR", "The Procuraduría reviews a bar that stands", "La Procuraduría revisa un impedimento vigente",
    83 * _DAY, 90 * _DAY,
)  # fmt: skip
REVIEW_RELEASE = _deadline(
    "REVIEW_RELEASE", "The Procuraduría reviews a release that stands", "La Procuraduría revisa una liberación vigente",
    83 * _DAY, 90 * _DAY,
)  # fmt: skip
REVIEW_LIFT = _deadline(
    "REVIEW_LIFT", "The Procuraduría reviews a lift that stands", "La Procuraduría revisa un levantamiento vigente",
    23 * _DAY, 30 * _DAY,
)  # fmt: skip
NOTICE_INM = _deadline(
    "NOTICE_INM", "INM proposes a consular notice, or learns that there is to be none",
    "El INM propone el aviso consular o conoce que no procede", 2 * _DAY, 3 * _DAY,
)  # fmt: skip
NOTICE_PP = _deadline(
    "NOTICE_PP", "The Procuraduría sees to it that a consular notice is released or barred",
    "La Procuraduría cuida que el aviso consular se libere o se impida", 2 * _DAY, 3 * _DAY,
)  # fmt: skip
GATE_WAITS = _deadline(
    "GATE_WAITS", "INM completes the facts for which a released notice waits",
    "El INM completa los hechos que espera un aviso liberado", timedelta(minutes=30), timedelta(hours=1),
)  # fmt: skip
REVIEWS = {
    ReviewSubject.BAR: REVIEW_BAR, ReviewSubject.RELEASE: REVIEW_RELEASE, ReviewSubject.LIFT: REVIEW_LIFT,
}  # fmt: skip
DEADLINES = (REVIEW_BAR, REVIEW_RELEASE, REVIEW_LIFT, NOTICE_INM, NOTICE_PP, GATE_WAITS)
