"""The signing keys of an endpoint, as they are kept: sealed, several while one replaces another."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shared import clock
from shared.crypto import Vault
from shared.delivery import signing
from shared.delivery.signing import Scheme, SigningKey

SERVICE = "service:"
"""How the owner of a sister service's endpoint begins."""

_PLACE = "endpoint.signing_keys"
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def sealed(vault: Vault, endpoint_id: str, keys: Sequence[SigningKey]) -> dict[str, bytes]:
    """Return the columns that keep these keys.

    `secrets` is what 0.1.0 reads: it runs beside this version while an upgrade rolls out.
    """
    now = clock.now()
    texts = [key.key for key in keys if key.scheme is Scheme.HMAC and key.signs(now)]
    return {
        "signing_keys": vault.seal(signing.dump(keys), _PLACE, endpoint_id),
        "secrets": vault.seal(json.dumps(texts).encode(), "endpoint", endpoint_id),
    }


def keys_of(vault: Vault, endpoint: Mapping[str, Any]) -> list[SigningKey]:
    """Return the keys of an endpoint, newest first, spent ones included."""
    return list(_opened(vault, endpoint["id"], endpoint["signing_keys"], endpoint["secrets"]))


@lru_cache(maxsize=1024)
def _opened(vault: Vault, endpoint_id: str, signing_keys: bytes | None, secrets: bytes) -> tuple[SigningKey, ...]:
    if signing_keys is not None:
        return tuple(signing.load(vault.open(signing_keys, _PLACE, endpoint_id)))
    texts: list[str] = json.loads(vault.open(secrets, "endpoint", endpoint_id))
    return tuple(of_secret(text, index) for index, text in enumerate(texts))


def of_secret(secret: str, index: int = 0) -> SigningKey:
    """Return a secret of 0.1.0, or a sister's out of the secrets file, as a key. The same text gives the same key."""
    scheme = Scheme.ED25519 if secret.startswith(signing.PRIVATE_PREFIX) else Scheme.HMAC
    return SigningKey(f"key_{index:032x}", scheme, secret, _FIRST, None)
