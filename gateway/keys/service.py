"""Use cases of signing keys: have some, switch to the next one, forget those that count no more."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients.service import SYSTEM
from gateway.keys import rules, store
from gateway.keys.models import SigningKey
from gateway.keys.rules import KeyState, Reason
from gateway.keys.schemas import SigningKeyOut, SigningKeysOut
from shared import audit, clock, telemetry
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict
from shared.jwt import Signer
from shared.runtime import Runtime

_TABLE = "signing_key"
_EVERY = 60.0


async def rotate(
    session: AsyncSession, runtime: Runtime, caller: Caller, *, compromised: bool, reason: Reason
) -> SigningKeysOut:
    """Let the next key sign from now on.

    Planned, it has been published for a day and the old key counts until its last token has
    expired: nobody notices. Of a compromised key nothing counts from this commit on. Raises
    Conflict when a planned switch comes too early.
    """
    now = clock.now()
    await _ensure(session, runtime, now)
    keys = {key.state: key for key in await store.kept(session) if key.state is not KeyState.PREVIOUS}
    signing, following = keys[KeyState.CURRENT], keys[KeyState.NEXT]
    ready = rules.may_sign_from(following.made_at, runtime.settings.signing_key_wait_hours)
    if now < ready and not compromised:
        said = f"{following.made_at:%Y-%m-%dT%H:%MZ}; it may sign from {ready:%Y-%m-%dT%H:%MZ} on"
        raise Conflict(f"The next key is published since {said}, or at once if this one is compromised.")
    signing.state = KeyState.REMOVED if compromised else KeyState.PREVIOUS
    signing.private, signing.retired_at, signing.removed_at = None, now, now if compromised else None
    await session.flush()  # there is never a second current one, nor a second next one
    following.state, following.current_since = KeyState.CURRENT, now
    await session.flush()
    session.add(_fresh(runtime.vault, runtime.settings.issuer, now))
    await session.flush()
    audit.wrote(
        session, caller, "rotate", _TABLE, following.kid, replaced=signing.kid, compromised=compromised, reason=reason
    )
    return await show(session)


async def upkeep(session: AsyncSession, runtime: Runtime) -> None:
    """Do what time brings: make the first keys, remove keys that count no more, switch when it is due."""
    now = clock.now()
    await _ensure(session, runtime, now)
    due = False
    for key in await store.kept(session):
        if not rules.counts(key.state, key.retired_at, now):
            key.state, key.removed_at = KeyState.REMOVED, now
        if key.state is KeyState.CURRENT:
            due = rules.is_due(key.current_since, runtime.settings.signing_key_days, now)
    if due and await _is_ready(session, runtime, now):
        await rotate(session, runtime, SYSTEM, compromised=False, reason=Reason.PLANNED)


async def keep_forever(runtime: Runtime) -> None:
    """Look once a minute what time has brought, as long as the process lives."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            async with runtime.database.work() as session:
                await upkeep(session, runtime)
        except Exception as error:  # tried again in a minute
            telemetry.failed(error)


async def _is_ready(session: AsyncSession, runtime: Runtime, now: datetime) -> bool:
    wait = runtime.settings.signing_key_wait_hours
    return any(
        key.state is KeyState.NEXT and now >= rules.may_sign_from(key.made_at, wait)
        for key in await store.kept(session)
    )


async def _ensure(session: AsyncSession, runtime: Runtime, now: datetime) -> None:
    """Make sure that there are keys. The first current one is that of the key file, which services know already."""
    await store.alone(session)
    states = {key.state for key in await store.kept(session)}
    if not states:
        pem = runtime.settings.signing_key_file.read_bytes()
        first = _sealed(runtime.vault, pem, runtime.settings.issuer, now)
        first.state, first.current_since = KeyState.CURRENT, now
        session.add(first)
    if KeyState.NEXT not in states:
        session.add(_fresh(runtime.vault, runtime.settings.issuer, now))
    await session.flush()


def _fresh(vault: Vault, issuer: str, now: datetime) -> SigningKey:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _sealed(vault, pem, issuer, now)


def _sealed(vault: Vault, pem: bytes, issuer: str, now: datetime) -> SigningKey:
    signer = Signer(pem, issuer)
    return SigningKey(
        kid=signer.kid,
        state=KeyState.NEXT,
        public=signer.public_jwk(),
        private=vault.seal(pem, _TABLE, signer.kid),
        made_at=now,
    )


async def counting(session: AsyncSession, now: datetime) -> Sequence[SigningKey]:
    """Return the keys whose tokens count, the next one included."""
    return [key for key in await store.kept(session) if rules.counts(key.state, key.retired_at, now)]


async def current(session: AsyncSession) -> SigningKey | None:
    """Return the key that signs, if there is one yet."""
    return next((key for key in await store.kept(session) if key.state is KeyState.CURRENT), None)


def signer_of(runtime: Runtime, key: SigningKey) -> Signer:
    """Open the key that signs now."""
    if key.private is None:
        raise ValueError("A key that signs no more was thrown away.")
    return Signer(runtime.vault.open(key.private, _TABLE, key.kid), runtime.settings.issuer)


async def show(session: AsyncSession) -> SigningKeysOut:
    """Return the keys, newest first."""
    found = [*await store.kept(session), *await store.removed(session)]
    found.sort(key=lambda key: key.made_at, reverse=True)
    return SigningKeysOut(items=[SigningKeyOut.model_validate(key) for key in found])
