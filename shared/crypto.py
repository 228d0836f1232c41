"""Encryption bound to its place: AES-256-GCM whose associated data names table, row and key.

A sealed value is `key id (8 bytes, padded) · nonce (12) · ciphertext and tag`. Moved to another
row or column, or changed by one bit, it no longer opens.
"""

import base64
import json
import re
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_ID = 8
_NONCE = 12
_NAME = re.compile(r"[A-Za-z0-9._-]{1,8}")


class SealBroken(Exception):
    """The value was not sealed here, for this place, with a key that we hold."""


def seal_with(key: bytes, plain: bytes, place: str) -> bytes:
    """Encrypt `plain` under a 256-bit `key`, bound to `place`. Returns nonce and ciphertext."""
    nonce = token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def open_with(key: bytes, sealed: bytes, place: str) -> bytes:
    """Undo `seal_with`. Raises SealBroken."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
    except (InvalidTag, ValueError):
        raise SealBroken(place) from None


class Vault:
    """The key-encryption keys of one service: what it seals directly, and what wraps its data keys."""

    def __init__(self, current: str, keys: dict[str, bytes]) -> None:
        if current not in keys or any(len(key) != 32 or not _NAME.fullmatch(name) for name, key in keys.items()):
            raise ValueError("A key file names a current key, and every key has 32 bytes and a short id.")
        self.current = current
        self._keys = keys

    @classmethod
    def read(cls, file: Path) -> "Vault":
        """Read the file that `RUTA_KEK_FILE` names."""
        content = json.loads(file.read_text())
        return cls(content["current"], {name: base64.b64decode(key) for name, key in content["keys"].items()})

    def seal(self, plain: bytes, table: str, row: str) -> bytes:
        """Encrypt under the current key, bound to a table and a row."""
        place = f"{table}/{row}/{self.current}"
        return self.current.encode().ljust(_KEY_ID) + seal_with(self._keys[self.current], plain, place)

    def open(self, sealed: bytes, table: str, row: str) -> bytes:
        """Undo `seal`, with whichever key sealed it. Raises SealBroken."""
        name = sealed[:_KEY_ID].decode("ascii", "replace").rstrip(" ")
        if name not in self._keys:
            raise SealBroken(name)
        return open_with(self._keys[name], sealed[_KEY_ID:], f"{table}/{row}/{name}")

    @property
    def names(self) -> list[str]:
        """The ids of every key that is held, the current one among them."""
        return list(self._keys)

    def derive(self, purpose: str, name: str | None = None) -> bytes:
        """Return a 256-bit key for one purpose, which tells nothing of the others (RFC 5869).

        It comes from the current key, or from the one of this name, while that is still held.
        """
        return HKDF(SHA256(), 32, None, purpose.encode()).derive(self._keys[name or self.current])
