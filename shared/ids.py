"""Ids and randomness are borrowed from here.

`new("enc")` is sortable by time (UUIDv7, RFC 9562); `opaque("rel")` tells nothing, not even
when it was made: the only kind that a recipient of a foreign state may ever see.
"""

import os
import secrets

from shared import clock

_AT_ONCE = 512

PATTERN = r"^[a-z]{2,4}_[0-9a-f]{32}$"


def new(prefix: str) -> str:
    """Return a fresh id such as `enc_019a…` (32 hex digits), sortable by time.

    RFC 9562, method 3: milliseconds, then the fraction of a millisecond in the 12 bits after
    the version, so that ids of one millisecond still sort as they were made.
    """
    ticks = f"{int(clock.timestamp() * 4_096_000):015x}"
    return f"{prefix}_{ticks[:12]}7{ticks[12:]}{_drawn.pop() if _drawn else _chance()}"


_drawn: list[str] = []
os.register_at_fork(after_in_child=_drawn.clear)


def _chance() -> str:
    """Return the variant and 62 random bits, drawn from the kernel for many ids at once.

    Nothing secret is drawn in advance.
    """
    if not _drawn:
        many = secrets.token_hex(8 * _AT_ONCE)
        _drawn.extend("89ab"[int(many[at], 16) & 3] + many[at + 1 : at + 16] for at in range(0, len(many), 16))
    return _drawn.pop()


def opaque(prefix: str) -> str:
    """Return a fresh id of pure chance (128 bits)."""
    return f"{prefix}_{secrets.token_hex(16)}"


def token(size: int = 32) -> str:
    """Return `size` random bytes as URL-safe text."""
    return secrets.token_urlsafe(size)
