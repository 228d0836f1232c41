"""Use cases of the webhook engine: publish in the domain's transaction, register, send, complete."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from random import random  # noqa: TID251  (spreads repetitions; nothing to guess)
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.crypto import Vault
from shared.delivery import rules, signing, store
from shared.delivery.models import Attempt, Delivery, Endpoint, Event
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.delivery.schemas import EndpointIn
from shared.errors import NotFound, Unavailable

SERVICE = "service:"


class Verdict(Enum):
    """What a gate says of a send."""

    OPEN = auto()
    WAIT = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Permit:
    """A gate's answer, and until when it holds (on the event loop's own clock, which never jumps)."""

    verdict: Verdict
    until: float | None = None


Gate = Callable[[str], Awaitable[Permit]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What the sender needs for one attempt."""

    delivery_id: str
    token: str
    attempt_id: str
    url: str
    internal: bool
    headers: dict[str, str]
    body: bytes
    permit: Permit


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended."""

    outcome: Outcome
    status: int | None = None
    milliseconds: int = 0
    retry_after: timedelta | None = None


def event(event_type: str, *, case: str, seq: int, subject: str, data: dict[str, Any]) -> Event:
    """Build an event. `data` holds ids, codes and times; a child's data never."""
    return Event(
        id=ids.new("evt"),
        type=event_type,
        case_key=case,
        case_seq=seq,
        subject=subject,
        occurred_at=clock.now(),
        data=data,
    )


def delivery(fact: Event, endpoint_id: str, gate: str | None = None) -> Delivery:
    """Build the row that owes `fact` to an endpoint."""
    now = clock.now()
    return Delivery(
        id=ids.new("dlv"),
        event_id=fact.id,
        endpoint_id=endpoint_id,
        case_key=fact.case_key,
        case_seq=fact.case_seq,
        gate=gate,
        due_at=now,
        created_at=now,
    )


async def publish(
    session: AsyncSession,
    event_type: str,
    *,
    case: str,
    subject: str,
    audience: Sequence[str],
    data: dict[str, Any],
    gate: str | None = None,
) -> Event:
    """Insert an event and owe it to every endpoint of `audience`, in the caller's transaction."""
    fact = event(event_type, case=case, seq=await store.next_case_seq(session, case), subject=subject, data=data)
    session.add(fact)
    await session.flush()
    receivers = await store.endpoints_of(session, audience)
    if missing := {owner for owner in audience if owner.startswith(SERVICE)} - {each.owner for each in receivers}:
        raise Unavailable(f"Not connected yet: {', '.join(sorted(missing))}.")  # else the event would be lost to it
    for receiver in receivers:
        if rules.wants(receiver.event_types, event_type):
            session.add(delivery(fact, receiver.id, gate))
    return fact


async def register(session: AsyncSession, vault: Vault, caller: Caller, body: EndpointIn) -> tuple[Endpoint, str]:
    """Register the caller's own endpoint. Returns it and its signing secret, shown this once."""
    secret = signing.new_secret()
    made = _endpoint(vault, caller.agency, body.url, body.event_types, [secret], ids.new("whe"))
    session.add(made)
    audit.wrote(session, caller, "register", "endpoint", made.id)
    return made, secret


def _endpoint(
    vault: Vault, owner: str, url: str, types: list[str] | None, secrets: list[str], endpoint_id: str
) -> Endpoint:
    now = clock.now()
    return Endpoint(
        id=endpoint_id,
        owner=owner,
        url=url,
        event_types=types,
        secrets=vault.seal(json.dumps(secrets).encode(), "endpoint", endpoint_id),
        served_at=now,
        created_at=now,
    )


async def connect_sister(session: AsyncSession, vault: Vault, name: str, url: str, secret: str) -> str:
    """Make sure that a sister service has its endpoint, at this address. Returns the endpoint's id."""
    owner = SERVICE + name
    # The name makes the id, so that of two processes that start at once only one can insert it.
    endpoint_id = "whe_" + hashlib.sha256(owner.encode()).hexdigest()[:32]
    existing = await session.get(Endpoint, endpoint_id)
    if existing is None:
        session.add(_endpoint(vault, owner, url, None, [secret], endpoint_id))
    elif existing.url != url or secrets_of(vault, existing) != [secret]:
        existing.url = url
        existing.secrets = vault.seal(json.dumps([secret]).encode(), "endpoint", endpoint_id)
    return endpoint_id


def secrets_of(vault: Vault, endpoint: Endpoint) -> list[str]:
    """Return the signing secrets that are valid now."""
    found: list[str] = json.loads(vault.open(endpoint.secrets, "endpoint", endpoint.id))
    return found


async def own_endpoint(session: AsyncSession, caller: Caller, endpoint_id: str) -> Endpoint:
    """Return one of the caller's endpoints. Raises NotFound."""
    found = await store.endpoint(session, caller, endpoint_id)
    if found is None:
        raise NotFound
    return found


async def change_state(session: AsyncSession, caller: Caller, endpoint: Endpoint, state: EndpointState) -> Endpoint:
    """Pause or resume an endpoint. What is owed meanwhile is kept, and flushed in order afterwards."""
    if state is EndpointState.ACTIVE:
        await store.unpark(session, endpoint.id, clock.now())
    endpoint.state = state
    endpoint.version += 1
    audit.wrote(session, caller, state.value, "endpoint", endpoint.id)
    return endpoint


async def open_attempt(
    session: AsyncSession, vault: Vault, leased: Delivery, token: str, permit: Permit
) -> Parcel | None:
    """Fix number and body at the first permitted send, and write the attempt down before it starts.

    Returns None when another worker has taken the lease over meanwhile, or when a gate has opened
    but the endpoint has no room left: then it is asked for another permit when there is.
    """
    held = await store.leased(session, leased.id, token)
    if held is None:
        return None
    receiver = await store.lock_endpoint(session, held.endpoint_id)
    if not held.sending and await store.room(session, receiver, clock.now()) <= 0:
        held.token, held.due_at = None, clock.now()
        return None
    held.sending = True
    fact = await session.get_one(Event, held.event_id)
    if held.sequence is None or held.body is None:
        held.sequence = await store.next_lane_number(session, receiver.id, held.case_key)
        held.body = _body(fact, receiver, held.sequence)
    held.attempts += 1
    attempt = Attempt(id=ids.new("att"), delivery_id=held.id, started_at=clock.now())
    session.add(attempt)
    signed = signing.headers(fact.id, held.body, secrets_of(vault, receiver))
    return Parcel(
        delivery_id=held.id,
        token=token,
        attempt_id=attempt.id,
        url=receiver.url,
        internal=receiver.owner.startswith(SERVICE),
        headers={**signed, "content-type": "application/json"},
        body=held.body,
        permit=permit,
    )


def _body(fact: Event, receiver: Endpoint, sequence: int) -> bytes:
    return jsons.canonical(
        {
            "id": fact.id,
            "type": fact.type,
            "version": fact.version,
            "time": fact.occurred_at.isoformat(timespec="seconds"),
            "audience": receiver.id,
            "sequence": sequence,
            "data": fact.data,
        }
    )


async def complete(session: AsyncSession, parcel: Parcel, result: Result) -> None:
    """Record how an attempt ended. A stale lease changes nothing but the attempt's own row."""
    await store.close_attempt(session, parcel.attempt_id, result.outcome, result.status, result.milliseconds)
    held = await store.leased(session, parcel.delivery_id, parcel.token)
    if held is None:
        return
    held.token, held.sending = None, False
    receiver = await session.get_one(Endpoint, held.endpoint_id)
    now = clock.now()
    if result.outcome is Outcome.DELIVERED:
        held.state, held.delivered_at = DeliveryState.DELIVERED, now
        receiver.failures, receiver.last_success_at = 0, now
    elif result.outcome is Outcome.GONE and not parcel.internal:
        held.state, receiver.state = DeliveryState.PARKED, EndpointState.GONE
    elif result.outcome is Outcome.PERMIT_EXPIRED:
        held.due_at, held.attempts = now, held.attempts - 1  # nothing was sent: ask for another permit
    else:
        receiver.failures += 1
        schedule = rules.SISTER_SCHEDULE if parcel.internal else rules.SCHEDULE
        chance = random()  # noqa: S311
        held.due_at = rules.next_due(held.attempts, now, schedule, chance=chance, retry_after=result.retry_after)


async def withhold(session: AsyncSession, leased: Delivery, token: str, verdict: Verdict) -> None:
    """Give a lease back because the gate waits, or end the delivery because the gate is closed."""
    held = await store.leased(session, leased.id, token)
    if held is None:
        return
    held.token = None
    if verdict is Verdict.CLOSED:
        held.state = DeliveryState.CANCELLED
    else:
        held.due_at = clock.now() + rules.GATE_WAIT
