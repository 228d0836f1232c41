"""Which steps of a referral lead to what a partner says of it. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from services.referral.referrals import rules as life
from services.referral.referrals.rules import Action, Party, Standing, State
from shared.errors import IllegalMove

_STEPS = (
    Action.RECEIVE, Action.ACCEPT, Action.START, Action.HOLD, Action.RESUME, Action.DECLINE, Action.COMPLETE,
    Action.NOT_ACHIEVE, Action.WITHDRAW, Action.ENTER_IN_ERROR,
)  # fmt: skip
_DIRECT: Mapping[State, Action] = {
    State.SENT: Action.RECEIVE, State.RECEIVED: Action.RECEIVE, State.ACCEPTED: Action.ACCEPT,
    State.WORKING: Action.START, State.ON_HOLD: Action.HOLD, State.DECLINED: Action.DECLINE,
    State.COMPLETED: Action.COMPLETE, State.NOT_ACHIEVED: Action.NOT_ACHIEVE, State.WITHDRAWN: Action.WITHDRAW,
    State.EXPIRED: Action.EXPIRE, State.UNDELIVERABLE: Action.RETURN, State.ENTERED_IN_ERROR: Action.ENTER_IN_ERROR,
}  # fmt: skip


def steps(standing: Standing, parties: Collection[Party], target: State) -> list[Action]:
    """Return the shortest way to a state by steps that the caller may take itself. Raises IllegalMove, RefusedByLaw.

    A partner that says "in progress" has accepted, too: its own system had no word, or no message, for that.
    """
    ways: list[tuple[Standing, list[Action]]] = [(standing, [])]
    seen = {standing.state}
    for place, way in ways:
        for action in _STEPS:
            if not life.exists(action, place) or life.who(action, place.kind) not in parties:
                continue
            state = life.TRANSITIONS[place.state, action]
            if state in seen or life.forbidden(action, place) is not None:
                continue
            if state is target:
                return [*way, action]
            seen.add(state)
            ways.append((replace(place, state=state), [*way, action]))
    life.move(standing, _DIRECT[target], parties)  # says why not
    raise IllegalMove(
        f"Nothing leads from {standing.state} to {target}.", allowed_actions=life.allowed(standing, parties)
    )
