"""What a person may do with one delivery: one table of moves. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.delivery.rules import MOST_REPLAYED, DeliveryState
from shared.errors import Conflict, IllegalMove


class Action(StrEnum):
    """What a person does with a delivery."""

    RESEND = "resend"
    SKIP = "skip"


MOVES = {
    (DeliveryState.PENDING, Action.RESEND): DeliveryState.PENDING,  # due at once, instead of a second row
    (DeliveryState.PARKED, Action.RESEND): DeliveryState.PENDING,
    (DeliveryState.DELIVERED, Action.RESEND): DeliveryState.DELIVERED,  # a new row is owed beside it
    (DeliveryState.SKIPPED, Action.RESEND): DeliveryState.SKIPPED,  # the same
    (DeliveryState.PENDING, Action.SKIP): DeliveryState.SKIPPED,
}
"""(state, action) → the state of this row afterwards."""

RESEND, REPLAY = "rsd", "rpl"
"""How the origins begin of what was sent again: one event, or all since a moment."""

REPLAY_STEP = timedelta(milliseconds=50)
"""Between two events of a replay: what happens meanwhile comes in between, and need not wait behind all of it."""

TOO_MANY = f"More than {MOST_REPLAYED} events: replay them in pieces, each with `since` and `until`."


@dataclass(frozen=True, slots=True)
class Standing:
    """How a delivery stands: what decides on what a person may do with it."""

    state: DeliveryState
    attempts: int
    gated: bool
    leased: bool
    is_pulled: bool
    is_active: bool
    """Whether its endpoint is active."""


def allowed(standing: Standing) -> list[Action]:
    """Return what may be done with what was sent at least once.

    Who reads a feed needs neither: it reads again from an earlier cursor, or acknowledges.
    """
    if standing.leased or standing.is_pulled or standing.attempts == 0:
        return []
    met = {Action.RESEND: standing.is_active, Action.SKIP: not standing.gated}
    return [action for action in Action if met[action] and (standing.state, action) in MOVES]


def move(standing: Standing, action: Action) -> DeliveryState:
    """Return the state of the row after `action`. Raises Conflict or IllegalMove."""
    if standing.leased:
        raise Conflict("It is on its way at this moment: try again.", retry_after=5)
    possible = allowed(standing)
    if action not in possible:
        raise IllegalMove("This delivery, or its endpoint, is not in a state for that.", allowed_actions=possible)
    return MOVES[standing.state, action]


def origin(kept: str) -> str:
    """Name the kind of a kept origin: live, test, resend or replay."""
    return {RESEND: "resend", REPLAY: "replay"}.get(kept.partition("_")[0], kept)
