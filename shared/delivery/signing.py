"""Standard Webhooks 1.0.0 signatures over `id.timestamp.body`: `v1` (HMAC-SHA256) and `v1a` (Ed25519)."""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared import clock, ids

TOLERANCE = timedelta(minutes=5)
PREFIX, PRIVATE_PREFIX, PUBLIC_PREFIX = "whsec_", "whsk_", "whpk_"
LONGEST_SIGNATURES = 4096
"""Characters of `webhook-signature`: room for 44 Ed25519 signatures, and a bound on what a stranger makes us check."""

_SHORTEST_SECRET = 24  # bytes; the specification's minimum
_KEPT_KEYS = 1024
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]+")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class BadSignature(Exception):
    """The message was not signed by someone who holds the key, or not lately."""


class Scheme(StrEnum):
    """How a message is signed. The value is the version in the header; in this order signatures are sent."""

    HMAC = "v1"  # both sides hold one secret
    ED25519 = "v1a"  # the receiver holds only what verifies


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and how long it signs."""

    id: str
    scheme: Scheme
    key: str = field(repr=False)
    """HMAC: `whsec_` and base64 of the secret. Ed25519: `whsk_` and base64 of the seed and its public key, 64 bytes."""
    created_at: datetime
    expires_at: datetime | None
    """None: it signs until it is replaced. A replaced key signs until then; a revoked one is no longer kept."""

    def __post_init__(self) -> None:
        # A private key under the wrong scheme would be shown as if it were a shared secret.
        prefix = PREFIX if self.scheme is Scheme.HMAC else PRIVATE_PREFIX
        if not self.key.startswith(prefix):
            raise ValueError(f"A signing key of scheme {self.scheme} starts with `{prefix}`.")

    @property
    def shown(self) -> str:
        """What the receiver gets: the secret, or `whpk_` and base64 of the public key."""
        if self.scheme is Scheme.HMAC:
            return self.key
        return PUBLIC_PREFIX + _text(_private(self.key).public_key().public_bytes_raw())

    def signs(self, now: datetime) -> bool:
        """Whether it signs at this moment."""
        return self.expires_at is None or now < self.expires_at


def new_secret() -> str:
    """Return a fresh HMAC secret in the text form of the specification."""
    return PREFIX + _text(secrets.token_bytes(32))


def new_key(scheme: Scheme = Scheme.HMAC) -> SigningKey:
    """Return a fresh key that signs until it is replaced."""
    if scheme is Scheme.HMAC:
        return given_key(new_secret())
    private = Ed25519PrivateKey.generate()
    pair = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return given_key(PRIVATE_PREFIX + _text(pair))


def given_key(key: str) -> SigningKey:
    """Return the key of a text that somebody else keeps (`whsec_…` or `whsk_…`), such as the file of event secrets."""
    scheme = Scheme.ED25519 if key.startswith(PRIVATE_PREFIX) else Scheme.HMAC
    return SigningKey(ids.new("key"), scheme, key, clock.now(), None)


def dump(keys: Sequence[SigningKey]) -> bytes:
    """Return the keys as JSON, in their order. Secret: to be sealed by the Vault."""
    return json.dumps([asdict(key) for key in keys], default=datetime.isoformat).encode()


def load(raw: bytes) -> list[SigningKey]:
    """Return the keys that `dump` wrote, in their order. Fields of a newer version are passed over."""
    return [
        SigningKey(
            id=kept["id"],
            scheme=Scheme(kept["scheme"]),
            key=kept["key"],
            created_at=datetime.fromisoformat(kept["created_at"]),
            expires_at=None if kept["expires_at"] is None else datetime.fromisoformat(kept["expires_at"]),
        )
        for kept in json.loads(raw)
    ]


def headers(message_id: str, body: bytes, keys: Sequence[SigningKey]) -> dict[str, str]:
    """Return the three headers, with one signature of each key that signs now, HMAC first.

    Raises ValueError if no key signs now, a key is malformed, or the id is anything but [A-Za-z0-9_-].
    """
    now = clock.now()
    signing = sorted((key for key in keys if key.signs(now)), key=lambda key: key.scheme)
    if not signing:
        raise ValueError("No key signs now.")
    # With a dot in the id, parts of the body could pose as the id and time of another message.
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("The id of a message holds only letters, digits, _ and -.")
    timestamp = str(int(now.timestamp()))
    message = _message(message_id, timestamp, body)
    signatures = " ".join(f"{key.scheme},{_sign(key, message)}" for key in signing)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def verify(received: Mapping[str, str], body: bytes, keys: Sequence[str]) -> str:
    """Return the message id, signed by any of `keys` in the form that receivers are shown.

    Raises BadSignature, and nothing else, whatever was received; ValueError for a key that is malformed.
    """
    message_id, timestamp = received.get("webhook-id", ""), received.get("webhook-timestamp", "")
    signatures = received.get("webhook-signature", "")
    if (
        not _MESSAGE_ID.fullmatch(message_id)
        or not _TIMESTAMP.fullmatch(timestamp)
        or len(signatures) > LONGEST_SIGNATURES
    ):
        raise BadSignature("headers")
    if abs(clock.now().timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise BadSignature("timestamp")
    message = _message(message_id, timestamp, body)
    items = [(version, value) for version, _, value in (item.partition(",") for item in signatures.split(" "))]
    if not any(_signed_by(key, message, items) for key in keys):
        raise BadSignature("signature")
    return message_id


def _message(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _sign(key: SigningKey, message: bytes) -> str:
    return _hmac(key.key, message) if key.scheme is Scheme.HMAC else _text(_private(key.key).sign(message))


def _signed_by(shown: str, message: bytes, items: Sequence[tuple[str, str]]) -> bool:
    if shown.startswith(PUBLIC_PREFIX):
        public = _public(shown)
        return any(_is_ed25519(public, message, value) for version, value in items if version == Scheme.ED25519)
    expected = _hmac(shown, message).encode()
    given = (value.encode(errors="replace") for version, value in items if version == Scheme.HMAC)
    return any(hmac.compare_digest(expected, value) for value in given)


def _is_ed25519(public: Ed25519PublicKey, message: bytes, value: str) -> bool:
    try:
        signature = base64.b64decode(value, validate=True)
        public.verify(signature, message)
    except (ValueError, InvalidSignature):
        return False
    # The last character has bits that decoding drops: one signature has one text.
    return _text(signature) == value


def _hmac(secret: str, message: bytes) -> str:
    key = _bytes(secret, PREFIX)
    if len(key) < _SHORTEST_SECRET:
        raise ValueError(f"A signing secret has at least {_SHORTEST_SECRET} bytes.")
    return _text(hmac.digest(key, message, hashlib.sha256))


@lru_cache(_KEPT_KEYS)
def _private(key: str) -> Ed25519PrivateKey:
    pair = _bytes(key, PRIVATE_PREFIX)
    if len(pair) == 64:
        private = Ed25519PrivateKey.from_private_bytes(pair[:32])
        if private.public_key().public_bytes_raw() == pair[32:]:
            return private
    raise ValueError("A private signing key is its seed and the public key of that seed, 64 bytes.")


@lru_cache(_KEPT_KEYS)
def _public(shown: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(_bytes(shown, PUBLIC_PREFIX))


def _bytes(key: str, prefix: str) -> bytes:
    try:
        if key.startswith(prefix):
            return base64.b64decode(key.removeprefix(prefix), validate=True)
    except ValueError:
        pass  # the error below says it, without quoting the key
    raise ValueError(f"A signing key of this kind is base64 after `{prefix}`.")


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
