"""When two records may be one child, who decides, and what may follow. Pure."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from math import log2
from typing import Literal

from services.intake.matches.compare import AGREE, CLOSE, DIFFER, MISSING, Described, besides, compared
from services.intake.matches.weights import PRIOR, PROPOSE, SLOPE, STRONG, WEIGHTS
from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class Band(StrEnum):
    """How sure the comparison is. Even the surest is for people to decide."""

    STRONG = "strong"
    REVIEW = "review"


class Status(StrEnum):
    """Where a match stands."""

    PROPOSED = "proposed"  # reviewers act next
    CONFIRMED = "confirmed"  # by a reviewer of one of two states; one of the other acts next
    LINKED = "linked"  # one person, until somebody unlinks
    REJECTED = "rejected"
    UNLINKED = "unlinked"
    LAPSED = "lapsed"  # a correction or an erasure took the reasons away


class Action(StrEnum):
    """What moves a match."""

    CONFIRM = "confirm"  # what `link` does where one of two states has spoken
    LINK = "link"
    REJECT = "reject"
    UNLINK = "unlink"


TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.PROPOSED, Action.CONFIRM): Status.CONFIRMED,
    (Status.PROPOSED, Action.LINK): Status.LINKED,
    (Status.PROPOSED, Action.REJECT): Status.REJECTED,
    (Status.CONFIRMED, Action.LINK): Status.LINKED,
    (Status.CONFIRMED, Action.REJECT): Status.REJECTED,
    (Status.LINKED, Action.UNLINK): Status.UNLINKED,
    (Status.REJECTED, Action.CONFIRM): Status.CONFIRMED,
    (Status.REJECTED, Action.LINK): Status.LINKED,
    (Status.UNLINKED, Action.CONFIRM): Status.CONFIRMED,
    (Status.UNLINKED, Action.LINK): Status.LINKED,
}
OPEN = (Status.PROPOSED, Status.CONFIRMED)
"""What waits for somebody."""


class Decision(StrEnum):
    """Why a reviewer decided as they did."""

    DOCUMENTS = "DOCUMENTS"
    CHILD_CONFIRMS = "CHILD_CONFIRMS"
    RELATIVES_CONFIRM = "RELATIVES_CONFIRM"
    SEEN_IN_PERSON = "SEEN_IN_PERSON"
    SIBLING = "SIBLING"
    TWIN = "TWIN"
    OTHER_CHILD = "OTHER_CHILD"
    TOO_LITTLE_KNOWN = "TOO_LITTLE_KNOWN"
    LINKED_BY_MISTAKE = "LINKED_BY_MISTAKE"
    NEW_EVIDENCE = "NEW_EVIDENCE"


LinkReason = Literal[Decision.DOCUMENTS, Decision.CHILD_CONFIRMS, Decision.RELATIVES_CONFIRM, Decision.SEEN_IN_PERSON]
RejectReason = Literal[Decision.SIBLING, Decision.TWIN, Decision.OTHER_CHILD, Decision.TOO_LITTLE_KNOWN]
UnlinkReason = Literal[Decision.LINKED_BY_MISTAKE, Decision.NEW_EVIDENCE, Decision.SIBLING, Decision.TWIN]
"""Which reasons each act takes [D]."""

PEOPLE_LINK = Rule(
    "MATCH",
    Text(
        "Two records of one child are linked by a person, with a coded reason, and never merged; a link can be undone.",
        "Dos registros de una misma niña o niño los vincula una persona, con un motivo codificado, y nunca se "
        "fusionan; el vínculo puede deshacerse.",
    ),
    "Design decision",
)
BOTH_STATES = Rule(
    "MATCH-STATES",
    Text(
        "Records of two states are linked once reviewers of both have confirmed it, or by a federal office.",
        "Los registros de dos entidades se vinculan cuando lo confirman revisoras de ambas, o por una oficina federal.",
    ),
    "Design decision",
)
RULES = (PEOPLE_LINK, BOTH_STATES)


COMMON = 64
"""So many children share the rarest mark of two who share none that is rarer."""
THIRD, BOTH_NAMES = "a third record", "a third record with both names"
"""Levels of the reason `through`: each of the two is like a third more than like the other; and where the two have
one given name each, which differ, the third has both."""
_ONE_OF_TWO = re.compile(rf"({AGREE}|{CLOSE})\+{MISSING}( swapped)?")
_NAMES_AT_MOST = max(WEIGHTS["given_names"].values()) + max(WEIGHTS["surnames"].values())
SMALLEST, LARGEST = 60_000, 1_000_000
"""Registers, in records, for which the weights were fitted. A size that nobody has counted yet is the larger."""


def score(one: Described, other: Described, sharing: int, size: int = LARGEST) -> tuple[float, dict[str, str]]:
    """Return log2 of the odds that both are one child, and the reasons.

    `sharing` is how many children have the rarest of the marks that both have: what few share says more. `size` is how
    many children there are: the more, the more often two are alike by chance.
    """
    reasons = compared(one, other) | {"rarity": rarity(sharing)}
    return _points(reasons, size), reasons


def _points(reasons: Mapping[str, str], size: int) -> float:
    prior = PRIOR + SLOPE * log2(max(size, SMALLEST) / LARGEST)
    return prior + sum(WEIGHTS[field].get(level, 0.0) for field, level in reasons.items())


def at_most(one: Described, other: Described, sharing: int, size: int = LARGEST) -> float:
    """Return what `score` cannot exceed, whatever the names are. Names are what takes time to compare."""
    return _NAMES_AT_MOST + _points(besides(one, other) | {"rarity": rarity(sharing)}, size)


def chained(first: float, second: float) -> float:
    """Return log2 of the odds that two records are one child because both are, by these odds, one with a third."""
    return -log2(2**-first + 2**-second)


def through(between: Mapping[str, str], first: Mapping[str, str], second: Mapping[str, str]) -> str:
    """Return the level of a way through a third record, by what the two and the two steps say of given names."""
    apart = between["given_names"] == DIFFER
    steps = (first["given_names"], second["given_names"])
    return BOTH_NAMES if apart and all(_ONE_OF_TWO.fullmatch(each) for each in steps) else THIRD


def rarity(sharing: int) -> str:
    """Return the class of a mark that so many children share: 1, 2, 4 … 64."""
    return str(2 ** min(6, round(log2(max(1, sharing)))))


def another(reasons: Mapping[str, str]) -> bool:
    """Whether the given name is another one: a twin or a sibling, even where they share a second one.

    Two names that differ are none of it where a third record has both.
    """
    return DIFFER in reasons["given_names"] and reasons.get("through") != BOTH_NAMES


def band(points: float, reasons: Mapping[str, str]) -> Band | None:
    """Return how sure a comparison is; None when it is not even worth a review, or the given name is another one."""
    if points < PROPOSE or another(reasons):
        return None
    return Band.STRONG if points >= STRONG else Band.REVIEW


def linking(status: Status, states: Collection[str], confirmed_by: str | None, state: str | None) -> Action:
    """Return what `link` does for a reviewer of `state` (None: a federal office)."""
    if state is None or len(set(states)) == 1:
        return Action.LINK
    return Action.LINK if status is Status.CONFIRMED and confirmed_by != state else Action.CONFIRM


def advance(status: Status, action: Action, allowed: list[str]) -> Status:
    """Return the next status. Raises IllegalMove with what this caller may do instead."""
    if (status, action) not in TRANSITIONS:
        raise IllegalMove(f"A match that is {status} cannot take this step by you.", allowed_actions=allowed)
    return TRANSITIONS[status, action]


def allowed(status: Status, states: Collection[str], confirmed_by: str | None, state: str | None) -> list[str]:
    """Return what a reviewer of `state` may do with a match now: `link`, `reject`, `unlink`."""
    steps = {
        Action.LINK: linking(status, states, confirmed_by, state),
        Action.REJECT: Action.REJECT,
        Action.UNLINK: Action.UNLINK,
    }
    return [name.value for name, step in steps.items() if (status, step) in TRANSITIONS]


def components(children: Collection[str], links: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return which person each child is, by the links: the first id of all that hang together."""
    person = {child: child for child in children}

    def root(child: str) -> str:
        while person[child] != child:
            person[child] = person[person[child]]
            child = person[child]
        return child

    for one, other in links:
        first, second = sorted((root(one), root(other)))
        person[second] = first
    return {child: root(child) for child in children}
