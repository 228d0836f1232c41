"""How much of the gateway one service may hold: a breaker, a number of places, a budget of retries.

A service that hangs or is down costs those who ask for it a quick 503, and those who ask for another one nothing.
"""

import math
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from shared.errors import Refusal, Unavailable

OPEN = Gauge("ruta_gateway_breaker_open", "1 while a service is not asked", ["upstream"])
EXCHANGES = Gauge("ruta_gateway_exchanges", "Requests that a service is answering now", ["upstream"])
REFUSED = Counter("ruta_gateway_refused_total", "Requests that were not forwarded", ["upstream", "reason"])
RETRIES = Counter("ruta_gateway_retries_total", "Requests that were sent to a service once more", ["upstream"])

FAILURES = 5
"""After so many failures in a row a service is not asked any more."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
RETRY_SHARE, RETRY_FLOOR, RETRY_SECONDS = 0.1, 3, 10

Now = Callable[[], float]


class Breaker:
    """Closed while a service answers. Opens when it does not, and lets a single request try it after a pause.

    Whatever a service answers, it answers: its own 4xx and 5xx close it.
    """

    def __init__(self, now: Now = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._pause = 0.0
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._pause > 0

    def enter(self) -> bool:
        """Whether this request is the one that tries. Raises Unavailable while the service is not asked."""
        if not self.is_open:
            return False
        wait = self._until - self._now()
        if wait > 0 or self._probing:
            raise Unavailable(retry_after=max(1, math.ceil(wait)))
        self._probing = True
        return True

    def leave(self, answered: bool | None, *, probe: bool) -> None:
        """Note how it went: the service answered, or did not, or (None) nobody can say: the client left."""
        if probe:
            self._probing = False
        if answered:
            self._failures, self._pause = 0, 0.0
        elif answered is False:
            self._failures += 1
            if probe or (not self.is_open and self._failures >= FAILURES):
                self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
                self._until = self._now() + self._pause


class Budget:
    """Retries: at most a tenth of the requests of the last ten seconds, and a few where there are hardly any."""

    def __init__(self, now: Now = time.monotonic) -> None:
        self._now = now
        self._requests = [0] * RETRY_SECONDS
        self._retries = [0] * RETRY_SECONDS
        self._second = 0

    def asked(self) -> None:
        """Count a request."""
        self._requests[self._place()] += 1

    def spend(self) -> bool:
        """Whether one more retry is in the budget. Counts it."""
        place = self._place()
        if sum(self._retries) >= RETRY_FLOOR + RETRY_SHARE * sum(self._requests):
            return False
        self._retries[place] += 1
        return True

    def _place(self) -> int:
        second = int(self._now())
        if second == self._second:
            return second % RETRY_SECONDS
        for gone in range(max(self._second + 1, second - RETRY_SECONDS + 1), second + 1):
            self._requests[gone % RETRY_SECONDS] = self._retries[gone % RETRY_SECONDS] = 0
        self._second = max(self._second, second)
        return self._second % RETRY_SECONDS


class Lane:
    """What the gateway gives to one service: `places` exchanges at once, half of them to one client at most."""

    def __init__(self, name: str, places: int, now: Now = time.monotonic) -> None:
        self.name = name
        self.breaker = Breaker(now)
        self.budget = Budget(now)
        self.places = places
        self.taken = 0
        self._share = max(1, places // 2)
        self._by_client: dict[str, int] = {}
        OPEN.labels(name).set_function(lambda: float(self.breaker.is_open))
        EXCHANGES.labels(name).set_function(lambda: float(self.taken))

    def enter(self, client: str) -> bool:
        """Take a place. Returns whether this exchange tries a service that was not asked for a while.

        Raises Unavailable while the service is not asked or full, and `rate_limited` when this client alone
        has its share of the places.
        """
        own = self._by_client.get(client, 0)
        if own >= self._share:
            REFUSED.labels(self.name, "share").inc()
            raise Refusal("Too many requests of this client are being answered at once.", code="rate_limited",
                          retry_after=1)  # fmt: skip
        if self.taken >= self.places:
            REFUSED.labels(self.name, "full").inc()
            raise Unavailable(retry_after=1)
        try:
            probe = self.breaker.enter()
        except Unavailable:
            REFUSED.labels(self.name, "open").inc()
            raise
        self.taken += 1
        self._by_client[client] = own + 1
        self.budget.asked()
        return probe

    def leave(self, client: str, answered: bool | None, *, probe: bool) -> None:
        """Give the place back, and say how it went (see Breaker.leave)."""
        self.taken -= 1
        if (left := self._by_client[client] - 1) > 0:
            self._by_client[client] = left
        else:
            del self._by_client[client]
        self.breaker.leave(answered, probe=probe)

    def may_retry(self, *, probe: bool) -> bool:
        """Whether one more retry is in the budget. Counts it."""
        if probe or not self.budget.spend():
            return False
        RETRIES.labels(self.name).inc()
        return True
