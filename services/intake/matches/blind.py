"""Match keys: the marks of a child under a key of the vault. Without that key they tell nothing."""

import hashlib
import hmac
from collections.abc import Iterable

from shared.crypto import Vault

PURPOSE = "match keys"
_BYTES = 8


def blinded(vault: Vault, key_id: str, marks: Iterable[str]) -> list[int]:
    """Return the match keys of these marks under one key of the vault: signed 64-bit numbers, each once, in order."""
    key = vault.derive(PURPOSE, key_id)
    digests = (hmac.digest(key, mark.encode(), hashlib.sha256)[:_BYTES] for mark in marks)
    return list(dict.fromkeys(int.from_bytes(digest, signed=True) for digest in digests))


def packed(keys: Iterable[int]) -> bytes:
    """Return keys as bytes, to be kept beside the child."""
    return b"".join(key.to_bytes(_BYTES, signed=True) for key in keys)


def unpacked(kept: bytes) -> list[int]:
    """Undo `packed`."""
    return [int.from_bytes(kept[at : at + _BYTES], signed=True) for at in range(0, len(kept), _BYTES)]
