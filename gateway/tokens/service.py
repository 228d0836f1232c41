"""Use cases of the token endpoint: prove who you are, get a token, publish the keys."""

import asyncio
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clients import rules as clients
from gateway.clients import store as client_store
from gateway.clients.models import Client
from gateway.tokens import rules, store
from gateway.tokens.models import UsedAssertion
from gateway.tokens.rules import Asked, invalid_client
from gateway.tokens.schemas import KeySet, Metadata, TokenOut
from shared import auth, clock, ids, jwt, telemetry
from shared.runtime import Runtime

ASSERTION_LIFE = timedelta(seconds=60)
ASSERTION_TYPES = ("client-authentication+jwt", "JWT")
_PRUNE_SECONDS = 60.0
_MAX_JTI = 256
# Nobody's key and nobody's secret: what an unknown client is checked against, at the same cost.
_NOBODYS_KEY = jwt.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
_NOBODYS_HASH = secrets.token_bytes(32)
_NOBODY = "-"


async def issue(runtime: Runtime, asked: Asked) -> TokenOut:
    """Return a token for the client that proves itself. Raises OAuthError."""
    client = await _prove(runtime, asked)
    telemetry.note(client=client.id)
    scope = rules.granted(asked.scope, client.scopes)
    claims = {
        "aud": runtime.settings.audience, "sub": client.id, "client_id": client.id, "jti": ids.opaque("jti"),
        "scope": scope, "agency": client.agency, "agency_kind": client.agency_kind, "role": client.role,
    }  # fmt: skip
    places = {"office": client.office, "state": client.state, "country": client.country}
    claims |= {name: value for name, value in places.items() if value is not None}
    token = runtime.signer.sign(claims, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)
    seconds = int(auth.ACCESS_LIFE.total_seconds())
    return TokenOut(access_token=token, token_type="Bearer", expires_in=seconds, scope=scope)  # noqa: S106  # a kind


async def _prove(runtime: Runtime, asked: Asked) -> Client:
    if asked.assertion is not None:
        return await _by_assertion(runtime, asked.assertion, asked.client_id)
    if runtime.settings.environment != "sandbox":
        raise invalid_client("a shared secret in production", basic=asked.basic)
    client = await _find(runtime, asked.client_id or _NOBODY)
    expected = client.secret_hash if client is not None and client.secret_hash is not None else _NOBODYS_HASH
    if not hmac.compare_digest(clients.digest_of(asked.secret or ""), expected) or client is None:
        raise invalid_client("wrong secret or unknown client", basic=asked.basic)
    return client


async def _find(runtime: Runtime, client_id: str) -> Client | None:
    """Return a client that may have tokens. An impossible id costs a look-up like any other."""
    wanted = client_id if clients.ID.fullmatch(client_id) else _NOBODY
    async with runtime.database.work(write=False) as session:
        client = await client_store.find(session, wanted)
    return client if client is not None and client.disabled_at is None else None


async def _by_assertion(runtime: Runtime, assertion: str, client_id: str | None) -> Client:
    subject = rules.claimed_subject(assertion)
    if client_id is not None and client_id != subject:
        raise invalid_client("client_id is not the subject")
    client = await _find(runtime, subject)
    claims = _verified(runtime, assertion, client, subject)
    if client is None or claims["sub"] != client.id or not _is_jti(claims["jti"]):
        raise invalid_client("unknown client or wrong claims")
    expires = datetime.fromtimestamp(claims["exp"], UTC) + 2 * jwt.LEEWAY
    digest = hashlib.sha256(claims["jti"].encode()).digest()
    async with runtime.database.work() as session:
        if not await store.use(session, UsedAssertion(client_id=client.id, jti_digest=digest, expires_at=expires)):
            raise invalid_client("replayed assertion")
    return client


def _verified(runtime: Runtime, assertion: str, client: Client | None, subject: str) -> dict[str, Any]:
    reasons = []
    try:
        kid = jwt.unverified_key_id(assertion)
        known = {key["kid"]: key for key in client.jwks["keys"]} if client is not None else {}
        key = jwt.public_key(known.get(kid, _NOBODYS_KEY))
    except jwt.BadToken as error:
        raise invalid_client(str(error)) from None
    for typ in ASSERTION_TYPES:
        try:
            return jwt.verify(
                assertion, key, typ=typ, issuer=subject, audience=runtime.settings.issuer,
                longest=ASSERTION_LIFE, required=frozenset({"sub", "jti"}),
            )  # fmt: skip
        except jwt.BadToken as error:
            reasons.append(str(error))
    raise invalid_client("; ".join(reasons))


def _is_jti(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_JTI


async def prune_forever(runtime: Runtime) -> None:
    """Forget used assertions once a minute, as long as the process lives."""
    while True:
        await asyncio.sleep(_PRUNE_SECONDS)
        try:
            async with runtime.database.work() as session:
                await store.prune(session, clock.now())
        except Exception as error:  # tried again in a minute
            telemetry.failed(error)


def published_keys(runtime: Runtime) -> KeySet:
    """Return our own key, and those that the trust file names for us: the next one, or the one before."""
    trusted = json.loads(runtime.settings.trust_file.read_text())["issuers"].get(runtime.settings.issuer, {"keys": []})
    kept = {key["kid"]: {name: key[name] for name in ("kty", "crv", "x", "y", "kid")} for key in trusted["keys"]}
    own = runtime.signer.public_jwk()
    kept[own["kid"]] = own
    return KeySet(keys=[key | {"alg": "ES256", "use": "sig"} for key in kept.values()])


def metadata(runtime: Runtime) -> Metadata:
    """Return what a client needs to know of this server."""
    base = runtime.settings.issuer.rstrip("/")
    secret_methods = ["client_secret_basic", "client_secret_post"]
    return Metadata(
        issuer=runtime.settings.issuer,
        token_endpoint=f"{base}/oauth/token",
        jwks_uri=f"{base}/.well-known/jwks.json",
        grant_types_supported=["client_credentials"],
        response_types_supported=[],
        token_endpoint_auth_methods_supported=["private_key_jwt"]
        + (secret_methods if runtime.settings.environment == "sandbox" else []),
        token_endpoint_auth_signing_alg_values_supported=["ES256"],
        service_documentation=f"{base}/docs",
    )
