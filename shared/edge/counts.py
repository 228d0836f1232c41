"""How many requests were answered, and how fast: plain numbers, turned into metrics when somebody asks for them.

The client library's own counters take a lock and a dozen calls for each request.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class Kind:
    """The requests of one method, route and status."""

    __slots__ = ("buckets", "labels", "seconds")

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self.seconds = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)

    def count(self, seconds: float) -> None:
        """Count one request that took so long."""
        self.seconds += seconds
        self.buckets[bisect_left(BOUNDS, seconds)] += 1


class Counts(Collector):
    """Every kind of request of this process."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, ...], Kind] = {}

    def kind(self, service: str, method: str, route: str, status: str) -> Kind:
        """Return the kind with these labels."""
        labels = (service, method, route, status)
        return self._kinds.setdefault(labels, Kind(*labels))

    def describe(self) -> list[Metric]:
        """Return nothing yet: there are no kinds before the first request."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the two metrics."""
        answered = CounterMetricFamily(
            "ruta_requests", "Requests answered", labels=("service", "method", "route", "status")
        )
        time = HistogramMetricFamily("ruta_request_seconds", "Time to answer", labels=("service", "method", "route"))
        together: dict[tuple[str, ...], tuple[list[int], float]] = {}
        for labels, kind in self._kinds.items():
            answered.add_metric(labels, sum(kind.buckets))
            buckets, seconds = together.get(labels[:3], ([0] * len(kind.buckets), 0.0))
            together[labels[:3]] = [a + b for a, b in zip(buckets, kind.buckets, strict=True)], seconds + kind.seconds
        for labels, (buckets, seconds) in together.items():
            bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
            up_to = [sum(buckets[: place + 1]) for place in range(len(buckets))]
            time.add_metric(labels, list(zip(bounds, up_to, strict=True)), seconds)
        yield answered
        yield time
