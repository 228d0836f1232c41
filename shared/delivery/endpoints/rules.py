"""The life of an endpoint: one table of moves, who may make them, and what proves an address. Pure."""

import hmac
from collections.abc import Collection
from enum import StrEnum

from shared import jsons
from shared.delivery.rules import EndpointState
from shared.errors import Forbidden, IllegalMove

MOST_ENDPOINTS = 10
"""Endpoints that one owner may have at a time."""

MOST_KEYS = 10
"""Keys of one endpoint that sign at the same time: each adds a signature to every message."""


class Action(StrEnum):
    """What is done to an endpoint."""

    CHANGE = "change"
    PAUSE = "pause"
    RESUME = "resume"
    VERIFY = "verify"
    TEST = "test"
    ROTATE = "rotate"
    REVOKE = "revoke"
    REMOVE = "remove"
    MOVE = "move"  # a change that gives it another address: the new one must be proven
    PROVE = "prove"


class Party(StrEnum):
    """Who somebody is to an endpoint."""

    OWNER = "owner"
    OPERATOR = "operator"
    SYSTEM = "system"


LIVE = frozenset(EndpointState) - {EndpointState.REMOVED}
"""The states in which an endpoint can be seen."""

_PENDING, _ACTIVE = EndpointState.PENDING, EndpointState.ACTIVE
_PAUSED, _GONE = EndpointState.PAUSED, EndpointState.GONE
TRANSITIONS = {
    (_PENDING, Action.PAUSE): _PAUSED,
    (_PENDING, Action.VERIFY): _PENDING,
    (_PENDING, Action.MOVE): _PENDING,
    (_PENDING, Action.PROVE): _ACTIVE,
    (_ACTIVE, Action.PAUSE): _PAUSED,
    (_ACTIVE, Action.TEST): _ACTIVE,
    (_ACTIVE, Action.MOVE): _PENDING,
    (_PAUSED, Action.RESUME): _ACTIVE,  # or pending, where the address is not proven: see `move`
    (_PAUSED, Action.TEST): _PAUSED,
    (_PAUSED, Action.MOVE): _PAUSED,  # whoever asked for silence is not called before they resume
    (_GONE, Action.RESUME): _PENDING,
    (_GONE, Action.MOVE): _PENDING,
} | {
    (state, action): EndpointState.REMOVED if action is Action.REMOVE else state
    for state in LIVE
    for action in (Action.CHANGE, Action.ROTATE, Action.REVOKE, Action.REMOVE)
}
"""Every move there is but one: an answer of 410 makes an endpoint gone. A pair that is missing is refused."""

_OPERATORS = frozenset({Action.PAUSE, Action.RESUME, Action.VERIFY})
_SYSTEMS = frozenset({Action.MOVE, Action.PROVE})
MAY = {
    Party.OWNER: frozenset(Action) - _SYSTEMS,
    Party.OPERATOR: _OPERATORS,
    Party.SYSTEM: _SYSTEMS,
}


def allowed(state: EndpointState, parties: Collection[Party]) -> list[str]:
    """Return what somebody who is `parties` to an endpoint may do with it now."""
    return [action.value for action in Action if (state, action) in TRANSITIONS and _may(parties, action)]


def move(state: EndpointState, action: Action, parties: Collection[Party], *, proven: bool) -> EndpointState:
    """Return the next state. Raises Forbidden or IllegalMove.

    `proven` says whether the receiver has proven its address: without that no endpoint is active.
    """
    if not _may(parties, action):
        raise Forbidden("Only the owner of an endpoint may do this.")
    if (state, action) not in TRANSITIONS:
        instead = allowed(state, parties)
        raise IllegalMove(f"An endpoint that is {state} has no such step.", allowed_actions=instead)
    after = TRANSITIONS[state, action]
    return _PENDING if after is _ACTIVE and not proven else after


def _may(parties: Collection[Party], action: Action) -> bool:
    return any(action in MAY[party] for party in parties)


# -- what proves an address ------------------------------------------------------------------------


class Proof(StrEnum):
    """How an address was put to the proof, where its HTTP outcome does not say it."""

    PROVEN = "proven"
    NO_CONSENT = "no_consent"  # it answered, and did not name us as welcome
    WRONG_ANSWER = "wrong_answer"  # it answered 2xx, and did not give the challenge back


def gives_back(answer: bytes, challenge: str) -> bool:
    """Whether an answer is a JSON object that holds the challenge. Other members of it mean nothing."""
    try:
        told = jsons.loads(answer)
    except jsons.BadJson:
        return False
    given = told.get("challenge") if isinstance(told, dict) else None
    return isinstance(given, str) and hmac.compare_digest(given.encode(), challenge.encode())
