"""Standard Webhooks signatures: `v1`, HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from shared import clock

TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"


class BadSignature(Exception):
    """The message was not signed by someone who holds the secret, or not lately."""


def new_secret() -> str:
    """Return a fresh secret in the text form of the specification."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(message_id: str, body: bytes, signing_secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers, with one signature for each secret that is valid now."""
    timestamp = str(int(clock.now().timestamp()))
    signatures = " ".join("v1," + _sign(secret, message_id, timestamp, body) for secret in signing_secrets)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def verify(received: Mapping[str, str], body: bytes, secret: str) -> str:
    """Return the message id. Raises BadSignature, and nothing else, whatever was received."""
    message_id, timestamp = received.get("webhook-id", ""), received.get("webhook-timestamp", "")
    # With a dot in the id, parts of the body could pose as the id and time of another message.
    if (
        not message_id
        or "." in message_id
        or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12)
    ):
        raise BadSignature("headers")
    if abs(clock.now().timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise BadSignature("timestamp")
    expected = _sign(secret, message_id, timestamp, body).encode()
    given = [item.partition(",") for item in received.get("webhook-signature", "").split(" ")]
    if not any(
        kind == "v1" and hmac.compare_digest(expected, value.encode(errors="replace")) for kind, _, value in given
    ):
        raise BadSignature("signature")
    return message_id


def _sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("A signing secret is base64 after `whsec_`.") from None
    if len(key) < 24:
        raise ValueError("A signing secret has at least 24 bytes.")
    message = f"{message_id}.{timestamp}.".encode(errors="replace") + body
    return base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
