"""Use cases of an administrator: register a client, list them, disable one."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import rules, store
from gateway.clients.models import Client
from gateway.clients.schemas import ClientIn
from shared import clock
from shared.errors import Conflict, NotFound
from shared.settings import Settings


async def register(session: AsyncSession, settings: Settings, new: ClientIn, *, secret: str | None = None) -> Client:
    """Register a client that proves itself by its keys or, in the sandbox, by a shared secret.

    Raises Conflict when the id is taken, ValueError when there is no way to prove itself or when
    a secret is given outside the sandbox or is short.
    """
    if secret is not None and settings.environment != "sandbox":
        raise ValueError("Shared secrets are for the sandbox; register a public key.")
    if secret is not None and len(secret) < rules.SECRET_LENGTH:
        raise ValueError(f"A secret has at least {rules.SECRET_LENGTH} characters, at random.")
    if secret is None and not new.keys:
        raise ValueError("A client needs a public key.")
    if await store.find(session, new.id) is not None:
        raise Conflict("A client of this id is registered already.")
    client = Client(
        **new.model_dump(mode="json", exclude={"keys"}),
        jwks={"keys": new.keys},
        secret_hash=None if secret is None else rules.digest_of(secret),
        created_at=clock.now(),
    )
    session.add(client)
    await session.flush()
    return client


async def everyone(session: AsyncSession) -> Sequence[Client]:
    """Return all clients, disabled ones too."""
    return await store.everyone(session)


async def disable(session: AsyncSession, client_id: str) -> Client:
    """Give a client no more tokens. Those it has end within five minutes. Raises NotFound."""
    client = await store.find(session, client_id, lock=True)
    if client is None:
        raise NotFound
    client.disabled_at = client.disabled_at or clock.now()
    return client
