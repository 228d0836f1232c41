"""What a domain does with delivery: publish in its own transaction, say that somebody acknowledged."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids
from shared.crypto import Vault
from shared.delivery import rules, store
from shared.delivery.keys import SERVICE, keys_of, of_secret, sealed
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import EndpointState
from shared.delivery.signing import SigningKey
from shared.errors import Unavailable


def event(
    event_type: str, *, case: str, seq: int, subject: str, data: dict[str, Any], make: Callable[..., Event] = Event
) -> Event:
    """Build an event. `data` holds ids, codes and times; a child's data never."""
    return make(
        id=ids.new("evt"),
        type=event_type,
        case_key=case,
        case_seq=seq,
        subject=subject,
        occurred_at=clock.now(),
        data=data,
    )


def delivery(
    fact: Event,
    endpoint_id: str,
    gate: str | None = None,
    origin: str = "live",
    make: Callable[..., Delivery] = Delivery,
) -> Delivery:
    """Build the row that owes `fact` to an endpoint."""
    now = clock.now()
    return make(
        id=ids.new("dlv"),
        event_id=fact.id,
        endpoint_id=endpoint_id,
        case_key=fact.case_key,
        case_seq=fact.case_seq,
        origin=origin,
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
    wanting = [each for each in await receivers(session, audience) if rules.wants(each.event_types, event_type)]
    return await publish_to(session, event_type, wanting, case=case, subject=subject, data=data, gate=gate)


async def receivers(session: AsyncSession, owners: Sequence[str]) -> Sequence[Endpoint]:
    """Return the endpoints that these owners have or, of an owner that has none left, those that it had.

    Who had to wait for a registration looks again: what it is owed belongs to the endpoint that was registered.
    Raises Unavailable where a sister has none yet: the event would be lost to it.
    """
    found = await store.endpoints_of(session, owners)
    if any(each.state is EndpointState.REMOVED for each in found):
        found = await store.endpoints_of(session, owners)
    served = {each.owner for each in found if each.state is not EndpointState.REMOVED}
    known = [each for each in found if each.state is not EndpointState.REMOVED or each.owner not in served]
    if missing := {owner for owner in owners if owner.startswith(SERVICE)} - {each.owner for each in known}:
        raise Unavailable(f"Not connected yet: {', '.join(sorted(missing))}.")
    return known


async def publish_to(
    session: AsyncSession,
    event_type: str,
    to: Sequence[Endpoint],
    *,
    case: str,
    subject: str,
    data: dict[str, Any],
    gate: str | None = None,
    origin: str = "live",
) -> Event:
    """Insert an event and owe it to these endpoints, whatever types they asked for."""
    fact = event(event_type, case=case, seq=await store.next_case_seq(session, case), subject=subject, data=data)
    session.add(fact)
    await session.flush()
    for receiver in to:
        session.add(delivery(fact, receiver.id, gate, origin))
    return fact


async def acknowledged(session: AsyncSession, subject: str, owner: str | None = None) -> None:
    """End the escalation of every event about `subject` (that `owner` was sent, if one is named): somebody knows."""
    now = clock.now()
    for found in await store.unacknowledged(session, subject, owner):
        found.acknowledged_at, found.next_step_at = now, None


async def connect_sister(session: AsyncSession, vault: Vault, name: str, url: str, secrets: Sequence[str]) -> str:
    """Make sure that a sister service has its endpoint, at this address. Returns the endpoint's id."""
    keys = [of_secret(secret, index) for index, secret in enumerate(secrets)]
    owner = SERVICE + name
    # The name makes the id, so that of two processes that start at once only one can insert it.
    endpoint_id = "whe_" + hashlib.sha256(owner.encode()).hexdigest()[:32]
    existing = await session.get(Endpoint, endpoint_id)
    if existing is None:
        session.add(new_endpoint(vault, endpoint_id, owner, keys, url=url, cap=64, pace=64))
    elif existing.url != url or [key.key for key in keys_of(vault, existing.model_dump())] != list(secrets):
        existing.url = url
        for column, value in sealed(vault, endpoint_id, keys).items():
            setattr(existing, column, value)
    return endpoint_id


def new_endpoint(vault: Vault, endpoint_id: str, owner: str, keys: Sequence[SigningKey], **more: Any) -> Endpoint:
    """Build an endpoint with its keys sealed."""
    now = clock.now()
    columns: dict[str, Any] = {**sealed(vault, endpoint_id, keys), **more}
    return Endpoint(id=endpoint_id, owner=owner, served_at=now, created_at=now, **columns)
