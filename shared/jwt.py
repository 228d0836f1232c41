"""JSON Web Tokens, strictly: the only module that imports python-jose.

python-jose alone accepts tokens without `aud` or `exp`, unknown `crit`, duplicate claims and
non-canonical signatures. Everything here is checked by ourselves (RFC 8725); the library is
asked for one thing only, whether the ES256 signature is right. Swap it here.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws
from jose.backends.cryptography_backend import CryptographyECKey

from shared import clock, jsons

MAX_LENGTH = 4096
LEEWAY = timedelta(seconds=5)
_COORDINATE = 43
_SAID_OF_KEYS: Mapping[str, Any] = {"alg": "ES256", "use": "sig", "key_ops": ["verify"]}
_PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y", "kid", "ext", *_SAID_OF_KEYS})
"""What libraries write into a public key. Any other member could be private."""
_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,512})\.([A-Za-z0-9_-]{1,3400})\.([A-Za-z0-9_-]{86})")

Key = Any
"""A public or private EC P-256 key as the library holds it, built once."""


class BadToken(Exception):
    """The token is not valid. The reason is for the audit alone."""


def public_key(key: Mapping[str, Any]) -> Key:
    """Build a verification key from a public JWK (EC, P-256)."""
    if key.get("kty") != "EC" or key.get("crv") != "P-256" or "d" in key:
        raise ValueError("Only public EC P-256 keys verify tokens.")
    return _built({name: key[name] for name in ("kty", "crv", "x", "y")})


def _built(material: Any) -> Key:
    key = jwk.construct(material, "ES256")
    if not isinstance(key, CryptographyECKey):
        raise RuntimeError("python-jose must work by `cryptography`; its other backend leaks keys by timing.")
    return key


class Signer:
    """A private key and who signs with it."""

    def __init__(self, pem: bytes, issuer: str) -> None:
        private = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
            raise ValueError("The signing key must be an EC P-256 key.")
        self.private = private
        self.issuer = issuer
        self.kid = key_id(private.public_key())
        self._key = _built(pem.decode())

    def sign(self, claims: Mapping[str, Any], *, typ: str, life: timedelta) -> str:
        """Return a token of `claims` by this issuer, valid from now for `life`."""
        issued = int(clock.now().timestamp())
        full = {**claims, "iss": self.issuer, "iat": issued, "exp": issued + int(life.total_seconds())}
        token: str = jws.sign(full, self._key, headers={"typ": typ, "kid": self.kid}, algorithm="ES256")
        return token

    def public_jwk(self) -> dict[str, str]:
        """Return the public half as a JWK (RFC 7517)."""
        return to_jwk(self.private.public_key())


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """Name a key by the digest of its public half, so that one key never has two names."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _encode(hashlib.sha256(der).digest())[:16]


def to_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Return a public key as a JWK."""
    numbers = key.public_numbers()
    x, y = (_encode(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": key_id(key), "alg": "ES256", "use": "sig"}


def thumbprint(key: Mapping[str, Any]) -> str:
    """Return the digest that names a public EC key (RFC 7638)."""
    members = {name: key[name] for name in ("crv", "kty", "x", "y")}
    return _encode(hashlib.sha256(jsons.canonical(members)).digest())


def unverified_key_id(token: str) -> str:
    """Return which key a token says it was signed with. Raises BadToken."""
    return str(_header(_parts(token)[0])["kid"])


def verify_proof(token: str, *, typ: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the claims of a token that is signed by the public key in its own header, and that key.

    It proves who holds the key and nothing else: what the claims say is the caller's to check.
    Raises BadToken, and nothing else.
    """
    try:
        header, payload = _parts(token)
        said = _object(header)
        if said.keys() != {"alg", "typ", "jwk"} or said["alg"] != "ES256" or said["typ"] != typ:
            raise BadToken("header")
        key = _embedded(said["jwk"])
        jws.verify(token, public_key(key), algorithms=["ES256"])
        return _object(payload), key
    except BadToken:
        raise
    except Exception as error:  # whatever the library raises on hostile input is a refusal
        raise BadToken(type(error).__name__) from None


def _embedded(key: Any) -> dict[str, Any]:
    """Return a key out of a header, if it is public, P-256 and spelled in the one way there is."""
    if not isinstance(key, dict) or not key.keys() <= _PUBLIC_MEMBERS:
        raise BadToken("jwk")
    if (key.get("kty"), key.get("crv")) != ("EC", "P-256"):
        raise BadToken("jwk")
    for name in ("x", "y"):
        if not isinstance(key.get(name), str) or len(key[name]) != _COORDINATE or len(_decode(key[name])) != 32:
            raise BadToken("jwk")
    if not all(key.get(name, value) == value for name, value in _SAID_OF_KEYS.items()):
        raise BadToken("jwk")
    if not isinstance(key.get("kid", ""), str) or not isinstance(key.get("ext", True), bool):
        raise BadToken("jwk")
    return key


def verify(
    token: str, key: Key, *, typ: str, issuer: str, audience: str, longest: timedelta, required: frozenset[str]
) -> dict[str, Any]:
    """Return the claims of a token that is right in every respect. Raises BadToken, and nothing else.

    `longest` bounds `exp - iat`; `required` names the claims that must be there besides
    iss, aud, iat and exp.
    """
    try:
        header, payload = _parts(token)
        if _header(header)["typ"] != typ:
            raise BadToken("typ")
        jws.verify(token, key, algorithms=["ES256"])
        claims = _object(payload)
        _check(claims, issuer, audience, longest, required)
    except BadToken:
        raise
    except Exception as error:  # whatever the library raises on hostile input is a refusal
        raise BadToken(type(error).__name__) from None
    return claims


def _check(claims: dict[str, Any], issuer: str, audience: str, longest: timedelta, required: frozenset[str]) -> None:
    if missing := {"iss", "aud", "iat", "exp", *required} - claims.keys():
        raise BadToken("missing " + ",".join(sorted(missing)))
    if claims["iss"] != issuer or claims["aud"] != audience:
        raise BadToken("iss or aud")
    if not all(isinstance(claims.get(name, ""), str) for name in ("sub", "jti")):
        raise BadToken("sub or jti is not a text")
    issued, expires, begins = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
    if not all(type(moment) is int for moment in (issued, expires, begins)):
        raise BadToken("iat, exp or nbf is not an integer")
    now, leeway = clock.now().timestamp(), LEEWAY.total_seconds()
    if not (now + leeway >= max(issued, begins) and expires > now - leeway):
        raise BadToken("expired or not yet valid")
    if not 0 < expires - issued <= longest.total_seconds():
        raise BadToken("lives too long")


def _parts(token: str) -> tuple[bytes, bytes]:
    shape = _SHAPE.fullmatch(token) if len(token) <= MAX_LENGTH else None
    if shape is None:
        raise BadToken("shape")
    header, payload, _ = (_decode(part) for part in shape.groups())
    return header, payload


def _decode(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise BadToken("base64url") from None
    if _encode(raw) != part:
        raise BadToken("base64url is not canonical")
    return raw


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = jsons.loads(raw)
    except jsons.BadJson as error:
        raise BadToken(str(error)) from None
    if not isinstance(value, dict):
        raise BadToken("not an object")
    return value


def _header(raw: bytes) -> dict[str, Any]:
    header = _object(raw)
    if header.keys() != {"alg", "typ", "kid"} or header["alg"] != "ES256":
        raise BadToken("header")
    if not all(isinstance(value, str) for value in header.values()):
        raise BadToken("header")
    return header
