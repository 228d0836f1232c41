"""Forges tokens and proofs, with keys that everybody trusts: for the tests of who is believed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared import auth, ids, jwt, testing
from shared.errors import Refusal
from shared.jwt import Signer
from shared.testing import ISSUER, EveryoneStands, Keys
from shared.trust.standing import Register
from shared.trust.verifier import Trust, Verifier

KEYS = Keys()
GATEWAY, INTAKE = KEYS.signers["gateway"], KEYS.signers["intake"]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
CLAIMS = {
    "iss": ISSUER, "aud": "ruta", "iat": MOMENT, "exp": MOMENT + 300, "sub": "c", "client_id": "c", "jti": "j",
    "scope": "intake:read", "agency": "inm-chp", "agency_kind": "INM", "role": "officer",
}  # fmt: skip
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": GATEWAY.kid}
SECONDS = timedelta(seconds=1)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def forge(claims: Any = CLAIMS, header: Any = HEADER, key: Signer = GATEWAY) -> str:
    """Return a token that is signed rightly, whatever it says."""
    signed = f"{b64(text(header))}.{b64(text(claims))}"
    r, s = decode_dss_signature(key.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def hmac_signed(secret: bytes) -> str:
    signed = f"{b64(text(HEADER | {'alg': 'HS256'}))}.{b64(text(CLAIMS))}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def verifier(folder: Path, register: Register | None = None, fetch: Any = None, **more: Any) -> Verifier:
    """What intake verifies with, in a world where everyone stands unless `register` says otherwise."""
    made = testing.settings("intake", folder, KEYS, "sqlite:///x", **more)
    return Verifier(made, Trust(KEYS.trust["issuers"]), register or EveryoneStands(), fetch)


async def ask(ours: Verifier, token: str | bytes) -> str:
    """What a request with this token is told: `ok`, or the code of the problem."""
    raw = token if isinstance(token, bytes) else token.encode("utf-8", "surrogatepass")
    try:
        await ours.caller(testing.request_of(b"Bearer " + raw))
    except Refusal as refusal:
        return refusal.code
    return "ok"


def signed_by(signer: Signer, **claims: Any) -> str:
    """A good access token of its own id, from now."""
    return signer.sign(CLAIMS | {"jti": ids.opaque("jti")} | claims, typ="at+jwt", life=auth.ACCESS_LIFE)


def check(token: str) -> dict[str, Any]:
    """Verify as an access token, and ask for no claims beyond those of every token."""
    return jwt.verify(
        token, jwt.public_key(GATEWAY.public_jwk()), typ="at+jwt", issuer=ISSUER, audience="ruta",
        longest=auth.ACCESS_LIFE, required=frozenset(),
    )  # fmt: skip
