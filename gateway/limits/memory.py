"""Counts in this process, at a fixed cost, whatever the quota."""

import math
import time
from collections.abc import Callable

from gateway.limits.rules import Policy, Standing

_GENERATION = 50_000


class Memory:
    """Sliding windows: this window's count, and of the one before as much as still counts.

    Holds the newest 50,000 to 100,000 keys. Whoever makes more has other limits before that (by address).
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, generation: int = _GENERATION) -> None:
        self._now = now
        self._generation = generation
        self._young: dict[tuple[str, str], list[int]] = {}
        self._old: dict[tuple[str, str], list[int]] = {}

    def hit(self, policy: Policy, key: str) -> Standing:
        """Count one request, if it may pass."""
        return Standing(policy, *self.count(policy, key))

    def count(self, policy: Policy, key: str) -> tuple[int, int, int]:
        """Count one request, if it may pass. Returns `left`, `reset` and `wait` of its standing."""
        name, quota, seconds = policy
        turn = self._now() / seconds
        window = int(turn)
        rest = window + 1 - turn
        counts = self._young.get((name, key)) or self._counts(name, key)
        if counts[0] != window:
            counts[:] = [window, 0, counts[1] if counts[0] == window - 1 else 0]
        _, current, before = counts
        free = quota - current - before * rest
        reset = int(rest * seconds) + 1
        if free < 0.999999:  # of a request that waited as long as it was told, rounding must not make a refusal
            return 0, reset, _wait(policy, current, before, rest)
        counts[1] = current + 1
        return int(free) - 1, reset, 0

    def _counts(self, name: str, key: str) -> list[int]:
        counts = self._old.get((name, key)) or [0, 0, 0]
        if len(self._young) >= self._generation:
            self._young, self._old = {}, self._young
        self._young[name, key] = counts
        return counts


def _wait(policy: Policy, current: int, before: int, rest: float) -> int:
    """Return the seconds until one request fits again, if none is made meanwhile."""
    room = policy.quota - 1
    if current <= room:
        share = rest - (room - current) / before  # of this window, until enough of the last one has passed
    else:
        share = rest + 1 - room / current  # this window, and of the next one until enough of this has passed
    return max(1, math.ceil(share * policy.seconds))
