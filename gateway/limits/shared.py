"""Counts that several gateways share, in a Redis or Valkey server. The only module that imports `limits`.

While the server does not answer, each process counts for itself: never unlimited, never closed.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter, Gauge

from gateway.limits.memory import Memory
from gateway.limits.rules import Policy, Standing
from shared import telemetry

UP = Gauge("ruta_gateway_limits_shared", "1 while the store of rate limits answers, 0 while each process counts alone")
ALONE = Counter("ruta_gateway_limits_alone_total", "Requests counted by one process alone, for want of the store")
DEADLINE = 0.25
PAUSE = 2.0
"""How long a store that failed is left alone."""


class Shared:
    """One limit for all gateways that name the same store."""

    def __init__(self, uri: str, alone: Memory, now: Callable[[], float] = time.monotonic) -> None:
        options: dict[str, Any] = {"socket_timeout": DEADLINE, "socket_connect_timeout": DEADLINE}
        scheme, _, place = uri.removeprefix("async+").partition("://")
        plain = scheme.replace("valkey", "redis")  # the same protocol
        self._storage = RedisStorage(f"async+{plain}://{place}", implementation="redispy", **options)
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)
        self._items: dict[Policy, RateLimitItemPerSecond] = {}
        self._alone = alone
        self._now = now
        self._until = 0.0
        self._down = False
        UP.set(1)

    async def hits(self, pairs: Sequence[tuple[Policy, str]]) -> list[Standing]:
        """Count one request against each policy, where it may pass."""
        if self._now() >= self._until:
            if self._down:
                self._until = self._now() + PAUSE  # one request tries; the others go on alone meanwhile
            try:
                async with asyncio.timeout(DEADLINE):
                    found = await asyncio.gather(*(self._hit(policy, key) for policy, key in pairs))
                self._note(down=False)
                return list(found)
            except Exception as error:  # whatever the client library raises: the store does not answer
                self._until = self._now() + PAUSE
                self._note(down=True, error=type(error).__name__)
        ALONE.inc()
        return [self._alone.hit(policy, key) for policy, key in pairs]

    def _note(self, *, down: bool, error: str | None = None) -> None:
        if not down:
            self._until = 0.0
        if down != self._down:
            self._down = down
            UP.set(0 if down else 1)
            level, event = ("error", "limits_store_lost") if down else ("info", "limits_store_back")
            telemetry.say(level, event, error=error)

    async def _hit(self, policy: Policy, key: str) -> Standing:
        item = self._items.get(policy)
        if item is None:
            item = self._items[policy] = RateLimitItemPerSecond(policy.quota, policy.seconds, "ruta")
        passed = await self._strategy.hit(item, policy.name, key)
        reset, left = await self._strategy.get_window_stats(item, policy.name, key)
        seconds = max(1, math.ceil(reset - time.time()))  # noqa: TID251  # the library's stamps are of this clock
        return Standing(policy, left if passed else 0, seconds, 0 if passed else seconds)

    async def close(self) -> None:
        """Close the connections."""
        bridge: Any = self._storage.bridge  # the library names no way to close
        await bridge.storage.aclose()
