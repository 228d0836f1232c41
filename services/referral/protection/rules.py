"""When a child may be made known to a foreign state. Pure: the whole decision is in `obstacles`.

It protects a child who may need international protection from the state that it fled, and it owes
prompt consular help to every other child. Unknown means no.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule

PERMIT_LIFE = timedelta(seconds=2)
"""How long the sender may act on a permit. Single use."""


class IndicationCode(StrEnum):
    """What points to a need of international protection, or to trafficking."""

    FEAR_OF_RETURN = "FEAR_OF_RETURN"
    PERSECUTION = "PERSECUTION"
    GENERALISED_VIOLENCE = "GENERALISED_VIOLENCE"
    FAMILY_VIOLENCE = "FAMILY_VIOLENCE"
    FORCED_RECRUITMENT = "FORCED_RECRUITMENT"
    TRAFFICKING = "TRAFFICKING"
    ASKS_FOR_REFUGE = "ASKS_FOR_REFUGE"
    CHILD_ASKS_FOR_NO_CONTACT = "CHILD_ASKS_FOR_NO_CONTACT"
    OTHER = "OTHER"


class ToldBy(StrEnum):
    """Who gave the indication (R15: the child, an officer, any agency)."""

    CHILD = "CHILD"
    OFFICER = "OFFICER"
    AGENCY = "AGENCY"
    RELATIVE = "RELATIVE"


class ReleaseState(StrEnum):
    """Where the release of a notice stands."""

    PROPOSED = "proposed"  # the Procuraduría acts next
    CONCURRED = "concurred"  # an officer of INM acts next
    RELEASED = "released"  # the consular service acts next
    WITHDRAWN = "withdrawn"  # by those who proposed it, before anything left
    STOPPED = "stopped"  # an indication came


class ReleaseAction(StrEnum):
    """What moves a release."""

    CONCUR = "concur"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    STOP = "stop"


class Answer(StrEnum):
    """What a body abroad says of what it was asked for."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


TRANSITIONS: dict[tuple[ReleaseState, ReleaseAction], ReleaseState] = {
    (ReleaseState.PROPOSED, ReleaseAction.CONCUR): ReleaseState.CONCURRED,
    (ReleaseState.PROPOSED, ReleaseAction.WITHDRAW): ReleaseState.WITHDRAWN,
    (ReleaseState.PROPOSED, ReleaseAction.STOP): ReleaseState.STOPPED,
    (ReleaseState.CONCURRED, ReleaseAction.RELEASE): ReleaseState.RELEASED,
    (ReleaseState.CONCURRED, ReleaseAction.WITHDRAW): ReleaseState.WITHDRAWN,
    (ReleaseState.CONCURRED, ReleaseAction.STOP): ReleaseState.STOPPED,
    (ReleaseState.RELEASED, ReleaseAction.STOP): ReleaseState.STOPPED,
}

ACTORS: dict[ReleaseAction, tuple[str, ...]] = {
    ReleaseAction.CONCUR: ("PP",),
    ReleaseAction.RELEASE: ("INM",),
    ReleaseAction.WITHDRAW: ("INM", "PP"),
    ReleaseAction.STOP: ("SYSTEM",),  # an indication does it
}
"""Which kind of agency takes which step."""

INDICATION = Rule(
    "R15",
    Text(
        "Any indication of a need of protection stops every notice in the same transaction and tells COMAR.",
        "Todo indicio de necesidad de protección detiene todo aviso en la misma transacción y se notifica a la COMAR.",
    ),
    "Ley de Migración, art. 112, fr. V and 69, fr. IV; LRPCAP, art. 21",
)
BLOCKED = Rule(
    "R16",
    Text(
        "While the guard is closed no path reaches a recipient of the state of origin.",
        "Mientras la salvaguarda está cerrada ninguna vía llega a destinatarios del Estado de origen.",
    ),
    "LRPCAP, art. 21",
)
FOREIGN = Rule(
    "R20",
    Text(
        "Mexican nationals and stateless persons never lead to a foreign consular notice.",
        "Las personas mexicanas y apátridas nunca dan lugar a un aviso consular extranjero.",
    ),
    "Ley de Migración, art. 112, fr. V",
)
ACT = Rule(
    "GUARD",
    Text(
        "A notice is released by a named officer with the Procuraduría's concurrence, on known facts only.",
        "El aviso lo libera un servidor público identificado con la conformidad de la Procuraduría y sólo con "
        "hechos conocidos.",
    ),
    "Design decision, after Ley de Migración, art. 112, fr. V, and VCCR art. 36 and 37 b",
    verified=False,
)
ABROAD = Rule(
    "R22-ABROAD",
    Text(
        "A body that serves a foreign state learns of a child only by a release made for it, of a child of that state "
        "or whose home it is.",
        "Una autoridad que sirve a un Estado extranjero sólo conoce de una niña o niño por una liberación hecha para "
        "ella, y sólo de quien es nacional de ese Estado o reside en él.",
    ),
    "LRPCAP, art. 21; R22 (return only to nationality or residence); the form is a design decision",
    verified=False,
)
RULES = (INDICATION, BLOCKED, FOREIGN, ACT, ABROAD)


class Obstacle(StrEnum):
    """What keeps a notice from being released. Each is a reason by itself."""

    FACTS_UNKNOWN = "FACTS_UNKNOWN"
    NATIONALITY_UNKNOWN = "NATIONALITY_UNKNOWN"
    MEXICAN = "MEXICAN"
    STATELESS_DOUBT = "STATELESS_DOUBT"
    INDICATION = "INDICATION"
    PROTECTION_STANDS = "PROTECTION_STANDS"  # a claim or an appeal is pending, or protection was granted
    RELATIVE_PROTECTED = "RELATIVE_PROTECTED"
    RELATIVE_UNKNOWN = "RELATIVE_UNKNOWN"
    NOT_CHANNELLED = "NOT_CHANNELLED"
    NOT_REPRESENTED = "NOT_REPRESENTED"
    NOT_SCREENED = "NOT_SCREENED"
    NOT_TOLD_IN_OWN_LANGUAGE = "NOT_TOLD_IN_OWN_LANGUAGE"
    CHILD_OBJECTS = "CHILD_OBJECTS"
    WITHHELD = "WITHHELD"  # the case is kept from the body (R29)
    GUARD_CLOSED = "GUARD_CLOSED"  # what everybody but the Procuraduría sees of those that tell of protection


LAW_OF: dict[Obstacle, Rule] = {
    Obstacle.MEXICAN: FOREIGN,
    Obstacle.STATELESS_DOUBT: FOREIGN,
    Obstacle.INDICATION: BLOCKED,
    Obstacle.PROTECTION_STANDS: BLOCKED,
    Obstacle.RELATIVE_PROTECTED: BLOCKED,
    Obstacle.WITHHELD: BLOCKED,
    Obstacle.GUARD_CLOSED: BLOCKED,
}
"""The rule behind an obstacle; those not named follow from the act of release itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that the guard knows of a child at one moment, for one act. None means unknown.

    `blocked`, `relatives_blocked` and `protected` are what no lift covers for this act; `kept`: the case is kept from
    the body that it is for.
    """

    nationalities: tuple[str, ...] | None
    stateless_doubt: bool | None
    languages: tuple[str, ...] | None
    blocked: bool
    relatives_blocked: tuple[bool | None, ...] = ()
    channelled: bool = False
    represented: bool = False
    screened: bool = False
    protected: bool = False
    residence: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """What the officer who proposes a release has recorded.

    `nationality` is the state that would learn of the child; None: nobody there can, as when the body is no more.
    `recipient` is the body of that state; None: its consulate. `returns`: the child itself would go there.
    """

    nationality: str | None
    screened: bool
    told_in: str | None
    objects: bool | None = field(default=None)
    recipient: str | None = None
    returns: bool = False


def obstacles(known: Known, act: Act) -> list[Obstacle]:
    """Return everything that keeps a notice back. Only an empty list lets it go."""
    return [
        obstacle
        for obstacle, present in (
            (Obstacle.FACTS_UNKNOWN, _facts_unknown(known)),
            (Obstacle.NATIONALITY_UNKNOWN, _not_in(act.nationality, _homes(known, act))),
            (Obstacle.MEXICAN, "MEX" in (known.nationalities or ()) or act.nationality == "MEX"),
            (Obstacle.STATELESS_DOUBT, known.stateless_doubt is True),
            (Obstacle.INDICATION, known.blocked),
            (Obstacle.PROTECTION_STANDS, known.protected),
            (Obstacle.RELATIVE_PROTECTED, True in known.relatives_blocked),
            (Obstacle.RELATIVE_UNKNOWN, None in known.relatives_blocked),
            (Obstacle.NOT_CHANNELLED, not known.channelled),
            (Obstacle.NOT_REPRESENTED, not known.represented),
            (Obstacle.NOT_SCREENED, not (act.screened and known.screened)),
            (Obstacle.NOT_TOLD_IN_OWN_LANGUAGE, _not_in(act.told_in, known.languages)),
            (Obstacle.CHILD_OBJECTS, act.objects is not False),
            (Obstacle.WITHHELD, known.kept),
        )
        if present
    ]


TELLING = frozenset({
    Obstacle.INDICATION, Obstacle.PROTECTION_STANDS, Obstacle.RELATIVE_PROTECTED, Obstacle.WITHHELD,
})  # fmt: skip
"""What tells of protection, or of whom the Procuraduría keeps a case from: for the Procuraduría alone."""


def shown_to(agency_kind: str, found: list[Obstacle]) -> list[Obstacle]:
    """Return what a reader of this kind may know of the obstacles.

    INM must hand its data to security bodies on request (Ley de Migración, art. 20, fr. IX), so it
    learns that the guard is closed, not why.
    """
    if agency_kind == "PP":
        return found
    kept = [Obstacle.GUARD_CLOSED if each in TELLING else each for each in found]
    return list(dict.fromkeys(kept))


def _not_in(stated: str | None, known: tuple[str, ...] | None) -> bool:
    """Whether what the officer stated is not among the facts. While those are unknown, that alone is said."""
    return stated is None or (known is not None and stated not in known)


def _homes(known: Known, act: Act) -> tuple[str, ...] | None:
    """Return the states that may learn of the child: a consulate by nationality, another body by residence too."""
    if known.nationalities is None or act.recipient is None or known.residence is None:
        return known.nationalities
    return (*known.nationalities, known.residence)


def _facts_unknown(known: Known) -> bool:
    return None in (known.nationalities, known.stateless_doubt, known.languages)


class Verdict(StrEnum):
    """What referral answers when the sender asks for a permit."""

    OPEN = "open"
    WAIT = "wait"
    CLOSED = "closed"


_PASSING = frozenset({Obstacle.FACTS_UNKNOWN, Obstacle.RELATIVE_UNKNOWN, Obstacle.NOT_SCREENED})


def law_behind(found: Collection[Obstacle], act: Act) -> Rule:
    """Return the rule by which a release is refused."""
    named = next((LAW_OF[each] for each in found if each in LAW_OF), None)
    return named or (ABROAD if act.recipient is not None and Obstacle.NATIONALITY_UNKNOWN in found else ACT)


def awaits_notice(nationalities: Collection[str] | None, stateless_doubt: bool | None) -> bool:
    """Whether a child of whom this is known is owed a decision on a consular notice: R20 owes others none."""
    return nationalities is not None and "MEX" not in nationalities and stateless_doubt is False


def verdict(state: ReleaseState, found: list[Obstacle]) -> Verdict:
    """Say whether a notice may leave now. What is merely unknown waits; everything else closes."""
    if state is not ReleaseState.RELEASED:
        return Verdict.CLOSED
    if not found:
        return Verdict.OPEN
    return Verdict.WAIT if set(found) <= _PASSING else Verdict.CLOSED


def advance(state: ReleaseState, action: ReleaseAction, agency_kind: str) -> ReleaseState:
    """Return the next state. Raises IllegalMove with what this caller may do instead."""
    if (state, action) not in TRANSITIONS or agency_kind not in ACTORS[action]:
        raise IllegalMove(
            f"A release that is {state} cannot take this step by you.", allowed_actions=allowed(state, agency_kind)
        )
    return TRANSITIONS[state, action]


def allowed(state: ReleaseState, agency_kind: str) -> list[str]:
    """Return what a caller of this kind may do with a release now."""
    return [action.value for (start, action) in TRANSITIONS if start is state and agency_kind in ACTORS[action]]
