"""Use cases of deliveries: look, send again, skip, replay."""

from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock, ids
from shared.auth import Caller
from shared.delivery import store as endpoints
from shared.delivery.deliveries import rules, store
from shared.delivery.deliveries.rules import Action, Standing
from shared.delivery.deliveries.schemas import DeliveryOut, DeliveryWithAttempts, ReplayIn, ReplayOut
from shared.delivery.rules import MOST_REPLAYED, REPLAY_REACH, Channel, DeliveryState, EndpointState
from shared.errors import Conflict, Fault, IllegalMove, Invalid, NotFound


def _standing(row: Any, now: datetime) -> Standing:
    return Standing(
        state=row.state,
        attempts=row.attempts,
        gated=row.gate is not None,
        leased=row.token is not None and row.due_at > now,
        is_pulled=row.channel is Channel.PULL,
        is_active=row.endpoint_state is EndpointState.ACTIVE,
    )


def _fields(row: Any) -> dict[str, Any]:
    is_tried = row.state is DeliveryState.PENDING and row.channel is Channel.WEBHOOK
    waits = is_tried and row.gate is None and row.token is None
    names = (
        "id", "event_id", "event_type", "endpoint_id", "sequence", "attempts", "last_outcome", "last_status",
        "first_sent_at", "delivered_at",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {
        "origin": rules.origin(row.origin),
        "state": row.state.value,
        "next_attempt_at": row.due_at if waits else None,
        "allowed_actions": [action.value for action in rules.allowed(_standing(row, clock.now()))],
    }


def show(row: Any) -> DeliveryOut:
    """Show a delivery without its attempts."""
    return DeliveryOut.model_validate(_fields(row))


async def read(session: AsyncSession, caller: Caller, delivery_id: str) -> DeliveryWithAttempts:
    """Show one delivery with its attempts. Raises NotFound."""
    row = await store.get(session, caller, delivery_id)
    if row is None:
        raise NotFound
    tries = await store.attempts(session, delivery_id, gated=row.gate is not None)
    return DeliveryWithAttempts.model_validate(_fields(row) | {"attempts_log": tries}, from_attributes=True)


async def _locked(session: AsyncSession, caller: Caller, delivery_id: str) -> Any:
    """Return a delivery that only this transaction may change. Raises NotFound."""
    found = await store.get(session, caller, delivery_id)
    if found is None:
        raise NotFound
    await endpoints.lock_lanes(session, [found.endpoint_id])
    found = await store.get(session, caller, delivery_id)  # as it is now that nobody else may change it
    if found is None:
        raise NotFound
    return found


async def resend(session: AsyncSession, caller: Caller, delivery_id: str) -> DeliveryOut:
    """Send an event once more, at once: a person asks, so the endpoint is not held back any longer.

    What is still owed becomes due instead of being owed twice. A copy keeps its gate, and so needs
    a permit of its own. Raises NotFound, Conflict, IllegalMove.
    """
    now = clock.now()
    row = await _locked(session, caller, delivery_id)
    state = rules.move(_standing(row, now), Action.RESEND)
    await endpoints.change_endpoints(session, [{"id": row.endpoint_id, "hold_until": None}])
    again = row.id
    if state is DeliveryState.PENDING:
        change = {"id": row.id, "state": state, "due_at": min(row.due_at, now)}
        await endpoints.change_deliveries(session, [change])
    else:
        again = ids.new("dlv")
        copy = {"source": row.id, "key": again, "run": ids.new(rules.RESEND), "due": now, "now": now}
        await store.copy(session, [copy])
    audit.wrote(session, caller, Action.RESEND.value, "delivery", row.id, again=again)
    return show(await store.just_changed(session, again))


async def skip(session: AsyncSession, caller: Caller, delivery_id: str, reason: str) -> DeliveryOut:
    """Let one event go, so that its case goes on. Raises NotFound, Conflict, IllegalMove."""
    now = clock.now()
    row = await _locked(session, caller, delivery_id)
    state = rules.move(_standing(row, now), Action.SKIP)
    if row.token is not None:  # its worker did not come back; if it does, it finds its lease gone
        await endpoints.lose_attempts(session, [row.id])
    await endpoints.change_deliveries(session, [{"id": row.id, "state": state, "token": None, "sending": False}])
    await store.unstick(session, row.endpoint_id, row.id, now)
    audit.wrote(session, caller, Action.SKIP.value, "delivery", row.id, endpoint=row.endpoint_id, reason=reason)
    return show(await store.just_changed(session, row.id))


async def replay(session: AsyncSession, caller: Caller, body: ReplayIn) -> ReplayOut:
    """Send an endpoint once more what it has received, in new rows beside the live ones.

    What a gate has closed over since is cancelled by the queue, and nobody is told: the count is of
    what was received, whatever may be sent again. Raises NotFound, Invalid, Conflict, IllegalMove.
    """
    now = clock.now()
    endpoint = await endpoints.endpoint(session, caller, body.endpoint_id, lock=True)
    if endpoint is None:
        raise NotFound
    if body.since < now - REPLAY_REACH:
        reach = f"A replay reaches back {REPLAY_REACH.days} days."
        raise Invalid(reach, faults=[Fault("/since", "too_long_ago")])
    if endpoint.state is not EndpointState.ACTIVE or endpoint.channel is not Channel.WEBHOOK:
        raise IllegalMove("Only an active endpoint with an address gets a replay.", allowed_actions=[])
    if await store.is_replaying(session, endpoint.id):
        raise Conflict("The last replay to this endpoint has not ended.")
    sources = await store.received(session, endpoint.id, body.since, body.until)
    if len(sources) > MOST_REPLAYED:
        raise Invalid(rules.TOO_MANY, faults=[Fault("/since", "too_many")])
    replay_id = ids.new(rules.REPLAY)
    copies = [
        {"source": source, "key": ids.new("dlv"), "run": replay_id, "due": now + n * rules.REPLAY_STEP, "now": now}
        for n, source in enumerate(sources)
    ]
    await store.copy(session, copies)
    audit.wrote(session, caller, "replay", "endpoint", endpoint.id, replay=replay_id, events=len(copies))
    return ReplayOut(replay_id=replay_id, events=len(copies))
