"""Use cases of the token endpoint: prove who you are, get a token, give one back."""

import asyncio
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clients import rules as clients
from gateway.clients import service as client_service
from gateway.clients import store as client_store
from gateway.clients.models import Client
from gateway.standing import service as standing
from gateway.tokens import rules, store
from gateway.tokens.models import RevokedToken, UsedAssertion
from gateway.tokens.rules import Asked, Credentials, OAuthError, Returned, invalid_client
from gateway.tokens.schemas import Metadata, TokenOut
from shared import auth, clock, ids, jwt, telemetry
from shared.runtime import Runtime
from shared.trust import dpop
from shared.trust.dpop import BadProof, Proof
from shared.trust.verifier import ACCESS_CLAIMS

ASSERTION_LIFE = timedelta(seconds=60)
ASSERTION_TYPES = ("client-authentication+jwt", "JWT")
TOKEN_PATH = "/oauth/token"  # noqa: S105  # an address
REVOCATION_PATH = "/oauth/revoke"
_PRUNE_SECONDS = 60.0
_MAX_JTI = 256
# Nobody's key and nobody's secret: what an unknown client is checked against, at the same cost.
_NOBODYS_KEY = jwt.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
_NOBODYS_HASH = secrets.token_bytes(32)
_NOBODY = "-"


async def issue(runtime: Runtime, asked: Asked, proofs: list[bytes]) -> TokenOut:
    """Return a token for the client that proves itself, bound to the key of its DPoP proof if it sends one.

    Raises OAuthError, or Refusal (`standing_unknown`) when this gateway does not know which key signs now.
    """
    runtime.verifier.register.current()
    proof = _proof(runtime, proofs) if proofs else None
    client = await prove(runtime, asked.credentials)
    _must_be_bound(runtime, client, proof)
    telemetry.note(client=client.id)
    scope = rules.granted(asked.scope, client.scopes)
    claims: dict[str, Any] = {
        "aud": runtime.settings.audience, "sub": client.id, "client_id": client.id, "jti": ids.opaque("jti"),
        "scope": scope, "agency": client.agency, "agency_kind": client.agency_kind, "role": client.role,
    }  # fmt: skip
    places = {"office": client.office, "state": client.state, "country": client.country}
    claims |= {name: value for name, value in places.items() if value is not None}
    if proof is not None:
        claims["cnf"] = {"jkt": proof.thumbprint}
    token = runtime.signer.sign(claims, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)
    seconds = int(auth.ACCESS_LIFE.total_seconds())
    kind: Literal["Bearer", "DPoP"] = "Bearer" if proof is None else "DPoP"
    return TokenOut(access_token=token, token_type=kind, expires_in=seconds, scope=scope)


def _proof(runtime: Runtime, proofs: list[bytes]) -> Proof:
    try:
        return dpop.read(proofs, method="POST", address=runtime.verifier.origin + TOKEN_PATH)
    except BadProof as error:
        raise _bad_proof(str(error)) from None


def _must_be_bound(runtime: Runtime, client: Client, proof: Proof | None) -> None:
    """Raise OAuthError when a proof comes again, or is missing where the client is registered with it."""
    try:
        if proof is not None:
            runtime.verifier.used.must_be_new(client.id, proof)
        elif client.dpop:
            raise BadProof("no proof")
    except BadProof as error:
        raise _bad_proof(str(error)) from None


def _bad_proof(reason: str) -> OAuthError:
    return OAuthError("invalid_dpop_proof", "The DPoP proof is missing, used, or not for this request.", reason=reason)


async def revoke(runtime: Runtime, returned: Returned) -> None:
    """Let a token of the client that proves itself count no more. Nothing happens to anybody else's.

    Here it counts no more from the answer on, everywhere within seconds. Raises OAuthError.
    """
    client = await prove(runtime, returned.credentials)
    claims = _own(runtime, returned.token, client)
    if claims is None:
        return  # expired, unknown or foreign: the client learns nothing (RFC 7009, 2.2)
    row = RevokedToken(
        jti_digest=hashlib.sha256(claims["jti"].encode()).digest(),
        client_id=client.id,
        revoked_at=clock.now(),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC) + 2 * jwt.LEEWAY,
    )
    async with runtime.database.work() as session:
        await store.revoke(session, row)
    telemetry.note(client=client.id, revoked=1)
    await standing.ask(runtime)


def _own(runtime: Runtime, token: str, client: Client) -> dict[str, Any] | None:
    issuer = runtime.settings.issuer
    try:
        key = runtime.verifier.trust.key(issuer, jwt.unverified_key_id(token))
        if key is None:
            return None
        claims = jwt.verify(
            token, key, typ=auth.ACCESS_TYPE, issuer=issuer, audience=runtime.settings.audience,
            longest=auth.ACCESS_LIFE, required=ACCESS_CLAIMS,
        )  # fmt: skip
    except jwt.BadToken:
        return None
    return claims if claims["client_id"] == client.id else None


async def prove(runtime: Runtime, given: Credentials) -> Client:
    """Return the client that these credentials prove. Raises OAuthError, the same one whatever is wrong."""
    if given.assertion is not None:
        return await _by_assertion(runtime, given.assertion, given.client_id)
    if runtime.settings.environment != "sandbox":
        raise invalid_client("a shared secret in production", basic=given.basic)
    client = await _find(runtime, given.client_id or _NOBODY)
    expected = client.secret_hash if client is not None and client.secret_hash is not None else _NOBODYS_HASH
    if not hmac.compare_digest(clients.digest_of(given.secret or ""), expected) or client is None:
        raise invalid_client("wrong secret or unknown client", basic=given.basic)
    return client


async def _find(runtime: Runtime, client_id: str) -> Client | None:
    """Return a client that may have tokens. An impossible id costs a look-up like any other."""
    wanted = client_id if clients.ID.fullmatch(client_id) else _NOBODY
    async with runtime.database.work(write=False) as session:
        client = await client_store.find(session, wanted)
        may = client is not None and await client_service.may_have_tokens(session, client, clock.now())
    return client if may else None


async def _by_assertion(runtime: Runtime, assertion: str, client_id: str | None) -> Client:
    subject = rules.claimed_subject(assertion)
    if subject is None:
        raise invalid_client("unreadable assertion")
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
        usable = clients.usable_keys(client, clock.now()) if client is not None else []
        known = {key["kid"]: key for key in usable}
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
    """Forget used assertions and revoked tokens once a minute, as long as the process lives."""
    while True:
        await asyncio.sleep(_PRUNE_SECONDS)
        try:
            async with runtime.database.work() as session:
                await store.prune(session, clock.now())
        except Exception as error:  # tried again in a minute
            telemetry.failed(error)


def metadata(runtime: Runtime) -> Metadata:
    """Return what a client needs to know of this server."""
    base = runtime.settings.issuer.rstrip("/")
    secrets_too = runtime.settings.environment == "sandbox"
    methods = ["private_key_jwt", *(["client_secret_basic", "client_secret_post"] if secrets_too else [])]
    return Metadata(
        issuer=runtime.settings.issuer,
        token_endpoint=base + TOKEN_PATH,
        revocation_endpoint=base + REVOCATION_PATH,
        jwks_uri=f"{base}/.well-known/jwks.json",
        grant_types_supported=["client_credentials"],
        response_types_supported=[],
        token_endpoint_auth_methods_supported=methods,
        token_endpoint_auth_signing_alg_values_supported=["ES256"],
        revocation_endpoint_auth_methods_supported=methods,
        revocation_endpoint_auth_signing_alg_values_supported=["ES256"],
        dpop_signing_alg_values_supported=[dpop.ALGORITHMS],
        service_documentation=f"{base}/docs",
    )
