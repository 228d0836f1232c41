"""What a client may have; and registering without an administrator, for the sandbox and for tests."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients import rules, store
from gateway.clients.models import Client
from gateway.clients.rules import Subject
from gateway.clients.schemas import ClientIn
from shared import audit, clock
from shared.auth import Caller
from shared.errors import Conflict, NotFound
from shared.settings import Settings

SYSTEM = Caller(client_id="system", agency="gateway", agency_kind="SYSTEM", role="system", scopes=frozenset())
"""Who acts where no administrator does: whoever holds the database."""


async def may_have_tokens(session: AsyncSession, client: Client, _now: datetime) -> bool:
    """Whether a client that proves itself gets a token now: not disabled, and neither it nor its agency suspended.

    A suspension counts while it is open, whatever the clock of this process says.
    """
    if client.disabled_at is not None:
        return False
    subjects = ((Subject.CLIENT, client.id), (Subject.AGENCY, client.agency))
    return not any([await store.open_suspension(session, kind, subject) for kind, subject in subjects])


async def administers(session: AsyncSession, client: Client, now: datetime) -> bool:
    """Whether a client is an administrator that could act now. A sandbox's secret counts like a key."""
    is_admin = client.agency_kind == rules.OPERATOR and rules.ADMIN in client.scopes
    has_proof = client.secret_hash is not None or bool(rules.usable_keys(client, now))
    return is_admin and has_proof and await may_have_tokens(session, client, now)


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
    client = made(new)
    client.secret_hash = None if secret is None else rules.digest_of(secret)
    session.add(client)
    audit.wrote(session, SYSTEM, "register", "client", client.id, scopes=client.scopes)
    await session.flush()
    return client


def made(new: ClientIn) -> Client:
    """Return the client that a registration makes. Its keys live from now."""
    now = clock.now()
    jwks = {"keys": rules.registered(new.keys, now), "former": []}
    fields = new.model_dump(mode="json", include=ClientIn.model_fields.keys() - {"keys"})
    return Client(**fields, jwks=jwks, created_at=now)


async def everyone(session: AsyncSession) -> Sequence[Client]:
    """Return all clients, disabled ones too."""
    return await store.everyone(session)


async def disable(session: AsyncSession, client_id: str) -> Client:
    """Give a client no more tokens, for ever. Raises NotFound."""
    client = await store.find(session, client_id, lock=True)
    if client is None:
        raise NotFound
    client.disabled_at = client.disabled_at or clock.now()
    audit.wrote(session, SYSTEM, "disable", "client", client.id)
    return client
