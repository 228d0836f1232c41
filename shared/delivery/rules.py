"""The law of delivery: states, the retry schedule, what an answer means. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum


class EndpointState(StrEnum):
    """Whether an endpoint is sent to. What is owed to it is kept in every state."""

    PENDING = "pending"  # the receiver must prove that the address is its own
    ACTIVE = "active"
    PAUSED = "paused"  # the receiver or an operator acts next
    GONE = "gone"  # it answered 410: a person acts next


class DeliveryState(StrEnum):
    """Where one event stands on its way to one endpoint."""

    PENDING = "pending"  # the worker acts next
    DELIVERED = "delivered"
    CANCELLED = "cancelled"  # the gate closed before the first send: nobody is told
    PARKED = "parked"  # the endpoint is gone: a person acts next


class Outcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # an answer outside 2xx
    GONE = "gone"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    PERMIT_EXPIRED = "permit_expired"


SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600))
"""Wait before each repetition at a receiver outside; the last step repeats for ever."""

SISTER_SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 5, 10, 30))
"""The same between our own services, which restart in seconds."""

LONGEST_RETRY_AFTER = timedelta(hours=1)
GATE_WAIT = timedelta(seconds=2)
"""How soon a closed or silent gate is asked again. A waiting gate charges no attempt."""


def classify(status: int) -> Outcome:
    """Say what an HTTP status means. A redirect is a refusal: addresses change by registration only."""
    if 200 <= status < 300:
        return Outcome.DELIVERED
    return Outcome.GONE if status == 410 else Outcome.REFUSED


def next_due(
    attempts: int,
    now: datetime,
    schedule: tuple[timedelta, ...],
    *,
    chance: float,
    retry_after: timedelta | None = None,
) -> datetime:
    """Return when to try again after `attempts` failures. `chance` in [0, 1) spreads by ±20 %."""
    step = schedule[min(attempts, len(schedule)) - 1]
    wait = step * (0.8 + 0.4 * chance)
    if retry_after is not None:
        wait = max(wait, min(retry_after, LONGEST_RETRY_AFTER))
    return now + wait


def retry_after(value: str | None) -> timedelta | None:
    """Read a Retry-After header in seconds. Dates and garbage count as none."""
    if value is None or not value.isascii() or not value.isdigit():
        return None
    return timedelta(seconds=min(int(value[:9]), int(LONGEST_RETRY_AFTER.total_seconds())))


def wants(event_types: list[str] | None, event_type: str) -> bool:
    """Whether an endpoint that subscribed to `event_types` (None: all) gets this one."""
    return event_types is None or event_type in event_types
