"""What the tables of the machine say of one case and one caller. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from services.referral.agencies.rules import Kind
from services.referral.cases.rules import (
    BACK,
    BARRED,
    BARS,
    FEDERAL_PP,
    GATES,
    LAWS,
    ON_THE_ROUTE,
    SIDE,
    SUPERVISOR,
    TRANSITIONS,
    WHO,
    Action,
    Bar,
    Gate,
    Part,
    Status,
)
from shared.errors import IllegalMove
from shared.law import Rule

_FIT = frozenset({Part.SYSTEM, Part.PP_HERE, Part.COMAR})
"""Who may know what tells of refuge. The others see a bar, not which, and the plan going on, not its outcome."""


class Actor(Protocol):
    """What the law knows of a caller."""

    @property
    def agency(self) -> str: ...
    @property
    def agency_kind(self) -> str: ...
    @property
    def state(self) -> str | None: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A case at one moment, as far as the machine goes by it."""

    status: Status
    gates: frozenset[Gate]
    bars: frozenset[Bar] = frozenset()
    resumes: Status | None = None


def parts(actor: Actor, *, state: str, dif: str | None, system: bool = False) -> frozenset[Part]:
    """Return what a caller who may read a case is to it. `system` says that Ruta itself acts."""
    kind = actor.agency_kind
    found = {Part.SYSTEM} if system else {Part.PARTY}
    found |= {part for part in (Part.INM, Part.PP, Part.DIF, Part.CAS, Part.COMAR) if kind == part.value}
    if kind == Kind.PP and (actor.state == state or actor.agency == FEDERAL_PP):
        found |= {Part.PP_HERE} | ({Part.PP_SUPERVISOR} if actor.role == SUPERVISOR else set())
    if kind == Kind.DIF and actor.agency == dif:
        found.add(Part.DIF_IN_CHARGE)
    return frozenset(found)


def seen_by(status: Status | None, held: Collection[Part]) -> Status | None:
    """Return a state as these may know it: recognition as a refugee is the Procuraduría's and COMAR's to know."""
    return Status.RESTITUTION if status is Status.REFUGE and _FIT.isdisjoint(held) else status


def missing(standing: Standing, action: Action) -> list[Gate]:
    """Return every gate that this step still lacks."""
    return [gate for gate in GATES.get(action, ()) if gate not in standing.gates]


def barring(standing: Standing, action: Action) -> list[Bar]:
    """Return every bar that forbids this step."""
    return [bar for bar in BARS.get(action, ()) if bar in standing.bars]


def asked_already(standing: Standing, action: Action) -> bool:
    """Whether this is asked for once more while it waits for an answer."""
    return action is Action.REQUEST_CLOSE and Gate.CLOSING_ASKED in standing.gates


def may(action: Action, held: Collection[Part]) -> bool:
    """Whether this step is theirs."""
    return Part.SYSTEM in held or not set(WHO[action]).isdisjoint(held)


def allowed(standing: Standing, held: Collection[Part]) -> list[str]:
    """Return what these may do with a case now: only what would go through."""
    return [
        action.value
        for action in Action
        if (standing.status, action) in TRANSITIONS
        and may(action, held)
        and not missing(standing, action)
        and not barring(standing, action)
        and not asked_already(standing, action)
    ]


def advance(standing: Standing, action: Action, held: Collection[Part]) -> tuple[Status, Status | None]:
    """Return where the case stands next, and what it then returns to. Raises IllegalMove or RefusedByLaw."""
    instead = allowed(standing, held)
    if (standing.status, action) not in TRANSITIONS:
        shown = seen_by(standing.status, held)
        raise IllegalMove(f"A case that is {shown} cannot take this step.", allowed_actions=instead)
    if not may(action, held):
        theirs = ", ".join(part.value for part in WHO[action])
        raise IllegalMove(f"This step is another's: {theirs}.", allowed_actions=instead)
    if asked_already(standing, action):
        raise IllegalMove("This was asked for, and waits for a supervisor.", allowed_actions=instead)
    _refuse(standing, action, held, instead)
    following = TRANSITIONS[standing.status, action]
    if following is standing.status:
        return standing.status, standing.resumes
    if following is BACK:
        assert standing.resumes is not None  # every way into a side state notes it
        return standing.resumes, None
    if following in SIDE or following is Status.CLOSED:
        return following, standing.status if standing.status in ON_THE_ROUTE else standing.resumes
    return following, None


def _refuse(standing: Standing, action: Action, held: Collection[Part], instead: list[str]) -> None:
    """Refuse a step for everything that stands in its way, each with its rule."""
    lacking, bars = missing(standing, action), barring(standing, action)
    if not lacking and not bars:
        return
    words = [_line(gate.value, LAWS[gate]) for gate in lacking]
    if bars:
        named = bars if not _FIT.isdisjoint(held) else ["BARRED"]
        words += [_line(str(each), BARRED[action]) for each in named]
    law = LAWS[lacking[0]] if lacking else BARRED[action]
    raise law.refuse("Not yet: " + "; ".join(words) + ".", allowed_actions=instead)


def _line(what: str, rule: Rule) -> str:
    return f"{what} ({rule.id}, {rule.source})"


def folded(steps: Iterable[tuple[str, bool]]) -> frozenset[str]:
    """Return which of these, opened and closed one after the other, stand open."""
    last = dict(steps)
    return frozenset(name for name, is_open in last.items() if is_open)
