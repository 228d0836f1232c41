"""What one administrator is enough for: suspend, disable, remove a key. Stopping is never delayed."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import rules, service, steps, store
from gateway.clients.models import Client, Suspension
from gateway.clients.rules import Subject
from gateway.clients.schemas import ClientIn, KeyRemoval, SuspensionIn, Why
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Conflict, Fault, Forbidden, Invalid


async def acting(session: AsyncSession, caller: Caller) -> Client:
    """Return the administrator who calls, alone among administrators until this transaction ends.

    A token outlives a suspension by seconds; a right that is given outlives both. So who acts is
    looked up again. Raises Forbidden.
    """
    await store.alone(session)
    client = await store.find(session, caller.client_id)
    if client is None or not await service.administers(session, client, clock.now()):
        raise Forbidden("Your client does not administer the gateway now.")
    return client


def reasons(why: Why) -> dict[str, Any]:
    """Return why, as the audit says it."""
    return {"reason": why.reason, "reference": why.reference}


async def suspend(session: AsyncSession, caller: Caller, wanted: SuspensionIn) -> Suspension:
    """Let a client, or every client of an agency, get nothing from now on. Raises Invalid or Conflict."""
    administrator = await acting(session, caller)
    if wanted.kind is Subject.CLIENT:
        known = await store.find(session, wanted.subject) is not None
    else:
        known = bool(await store.of_agency(session, wanted.subject))
    if not known:  # a slip of the pen must not look like a suspension
        raise Invalid("Nobody of this id is registered.", faults=[Fault("/subject", "unknown")])
    if await store.open_suspension(session, wanted.kind, wanted.subject) is not None:
        raise Conflict("It is suspended already.")
    suspension = Suspension(
        id=ids.new("sus"), kind=wanted.kind, subject=wanted.subject, reason=wanted.reason,
        reference=wanted.reference, since=clock.now(), by=administrator.id,
    )  # fmt: skip
    session.add(suspension)
    details = {"kind": wanted.kind, "subject": wanted.subject} | reasons(wanted)
    audit.wrote(session, caller, "suspend", "suspension", suspension.id, **details)
    await session.flush()
    return suspension


async def disable(session: AsyncSession, caller: Caller, client_id: str, why: Why) -> Client:
    """Give a client nothing more, for ever. Raises NotFound, or Conflict when it is disabled already."""
    await acting(session, caller)
    client = await steps.standing_client(session, client_id)
    client.disabled_at = clock.now()
    client.version += 1
    audit.wrote(session, caller, "disable", "client", client.id, **reasons(why))
    await session.flush()
    return client


async def remove_key(session: AsyncSession, caller: Caller, client_id: str, removal: KeyRemoval) -> Client:
    """Let a key of a client count no longer. It never counts again. Raises NotFound or Conflict."""
    await acting(session, caller)
    client = await steps.standing_client(session, client_id)
    try:
        client.jwks = rules.without_key(client, removal.kid)
    except KeyError:
        raise Invalid("The client has no key of this kid.", faults=[Fault("/kid", "unknown")]) from None
    client.version += 1
    audit.wrote(session, caller, "remove_key", "client", client.id, kid=removal.kid, **reasons(removal))
    await session.flush()
    return client


async def bootstrap(session: AsyncSession, first_two: list[ClientIn]) -> list[Client]:
    """Register the first two administrators, where there is none that could act. Raises Conflict.

    Whoever can call this holds the database. It is no way around a second administrator: as long
    as one can act, it refuses.
    """
    await store.alone(session)
    now = clock.now()
    for client in await store.everyone(session):
        if await service.administers(session, client, now):
            raise Conflict("There is an administrator: let two of them register others.")
    one, other = (rules.Party(new.id, new.agency, new.person) for new in first_two)
    if one.is_also(other):
        raise Conflict("Two administrators are two people, each with a key of his own.")
    made = []
    for new in first_two:
        step = await steps.check(session, rules.Action.REGISTER, new.id, new.model_dump(mode="json"))
        made.append(step.write(service.SYSTEM.client_id))
        audit.wrote(session, service.SYSTEM, "bootstrap", "client", new.id, **step.details)
        await session.flush()
    return [client for client in made if isinstance(client, Client)]
