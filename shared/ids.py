"""Ids and randomness are borrowed from here.

`new("enc")` is sortable by time (UUIDv7, RFC 9562); `opaque("rel")` tells nothing, not even
when it was made: the only kind that a recipient of a foreign state may ever see.
"""

import secrets

from shared import clock

PATTERN = r"^[a-z]{2,4}_[0-9a-f]{32}$"


def new(prefix: str) -> str:
    """Return a fresh id such as `enc_019a…` (32 hex digits), sortable by time.

    RFC 9562, method 3: milliseconds, then the fraction of a millisecond in the 12 bits after
    the version, so that ids of one millisecond still sort as they were made.
    """
    microseconds = int(clock.now().timestamp() * 1_000_000)
    milliseconds, rest = divmod(microseconds, 1000)
    chance = int.from_bytes(secrets.token_bytes(8)) & (1 << 62) - 1
    value = milliseconds << 80 | 0x7 << 76 | rest * 4096 // 1000 << 64 | 0b10 << 62 | chance
    return f"{prefix}_{value:032x}"


def opaque(prefix: str) -> str:
    """Return a fresh id of pure chance (128 bits)."""
    return f"{prefix}_{secrets.token_hex(16)}"


def token(size: int = 32) -> str:
    """Return `size` random bytes as URL-safe text."""
    return secrets.token_urlsafe(size)
