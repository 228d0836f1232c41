"""What tests of every service need: a runtime with its own keys, a client in process, tokens."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import col, update
from starlette.types import ASGIApp, Scope

from shared import auth, ids, jwt
from shared.db import Database
from shared.delivery.models import Endpoint
from shared.delivery.rules import EndpointState
from shared.runtime import Runtime
from shared.settings import ServiceName, Settings
from shared.trust.standing import Register, Standing

ISSUER = "http://gateway.test"


class EveryoneStands(Register):
    """For worlds without a gateway: nobody is suspended, nothing is revoked, and the trust file's keys count."""

    follows = False

    def current(self, now: float | None = None) -> Standing:
        return Standing()


def runtime(settings: Settings) -> Runtime:
    """Return the runtime of a process in a world without a gateway."""
    return Runtime.build(settings, EveryoneStands())


def request_of(*authorization: bytes, method: str = "GET", path: bytes = b"/", proofs: Sequence[bytes] = ()) -> Scope:
    """Return the ASGI scope of a request with these Authorization and DPoP headers."""
    headers = [(b"host", b"service.test"), *((b"authorization", value) for value in authorization)]
    return {
        "type": "http", "method": method, "raw_path": path, "query_string": b"",
        "headers": [*headers, *((b"dpop", proof) for proof in proofs)],
    }  # fmt: skip


class Keys:
    """Signing keys of the gateway and of every service, and who trusts them."""

    def __init__(self) -> None:
        names = {"gateway": ISSUER} | {name: f"urn:ruta:{name}" for name in ("intake", "referral", "consular")}
        self.pem = {name: private_pem() for name in names}
        self.signers = {name: jwt.Signer(self.pem[name], issuer) for name, issuer in names.items()}
        self.trust = {"issuers": {signer.issuer: {"keys": [signer.public_jwk()]} for signer in self.signers.values()}}

    def token(self, **claims: Any) -> str:
        """Return an access token as the gateway would sign it. Claims override the INM officer of Chiapas."""
        client = claims.pop("client_id", "inm-chp-system")
        full = {
            "aud": "ruta", "sub": client, "client_id": client, "jti": ids.opaque("jti"), "agency": "inm-chp",
            "agency_kind": "INM", "role": "officer", "state": "MX-CHP",
            "scope": "intake:read intake:write referral:read referral:write consular:read consular:write",
        } | claims  # fmt: skip
        return self.signers["gateway"].sign(full, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)


def private_pem() -> bytes:
    """Return a fresh EC P-256 key."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def settings(service: ServiceName, folder: Path, keys: Keys, database_url: str, **more: Any) -> Settings:
    """Write the secret files of a service to `folder` and return settings that name them."""
    kek = {"current": "k1", "keys": {"k1": base64.b64encode(secrets.token_bytes(32)).decode()}}
    pairs = {"intake": ["referral"], "referral": ["intake", "consular"], "consular": ["referral"], "gateway": []}
    events = {
        "outgoing": {peer: event_secret(service, peer) for peer in pairs[service]},
        "incoming": {peer: event_secret(peer, service) for peer in pairs[service]},
    }
    written = {"kek.json": json.dumps(kek), "trust.json": json.dumps(keys.trust), "events.json": json.dumps(events)}
    for name, content in written.items():
        (folder / name).write_text(content)
    (folder / "signing.pem").write_bytes(keys.pem[service])
    return Settings(
        service=service, environment="sandbox", issuer=ISSUER, database_url=database_url,
        kek_file=folder / "kek.json", trust_file=folder / "trust.json", signing_key_file=folder / "signing.pem",
        event_secrets_file=folder / "events.json", allow_loopback_webhooks=True,
        gateway_url=ISSUER, intake_url="http://intake.test", referral_url="http://referral.test", consular_url="http://consular.test",
        **more,
    )  # fmt: skip


def event_secret(source: str, target: str) -> str:
    """Return the secret by which `source` signs its events to `target`: the same for both in a test."""
    return "whsec_" + base64.b64encode(f"{source:>16}{target:>16}".encode()).decode()


@asynccontextmanager
async def client(app: ASGIApp, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that talks to `app` in process. Unforeseen errors surface as answers, not as exceptions."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test", headers=headers) as made:
        yield made


def key() -> dict[str, str]:
    """Return the header of a fresh Idempotency-Key."""
    return {"Idempotency-Key": ids.opaque("idk")}


async def count_as_proven(database: Database) -> None:
    """Activate every endpoint whose address is not proven yet: for tests of something else."""
    pending = update(Endpoint).where(col(Endpoint.state) == EndpointState.PENDING)
    async with database.work() as session:
        await session.exec(pending.values(state=EndpointState.ACTIVE, proof_due_at=None, proof_challenge=None))
