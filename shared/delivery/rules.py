"""The law of delivery: states, what an answer means, when to try again, when to hold an endpoint back. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum


class Channel(StrEnum):
    """How a receiver gets its events."""

    WEBHOOK = "webhook"  # they are sent to its address
    PULL = "pull"  # it has no server: it reads the feed and acknowledges


class EndpointState(StrEnum):
    """Whether an endpoint is sent to. What is owed to it is kept in every state."""

    PENDING = "pending"  # the receiver must prove that the address is its own
    ACTIVE = "active"
    PAUSED = "paused"  # the receiver or an operator acts next
    GONE = "gone"  # it answered 410: a person acts next
    REMOVED = "removed"  # its owner took it away: what is owed waits for another endpoint of the owner


class Breaker(StrEnum):
    """How an endpoint is treated, by its last answers."""

    CLOSED = "closed"  # as many at once as its cap says
    PROBING = "probing"  # it failed lately, or comes back: one at a time, then two, then four
    OPEN = "open"  # it failed again and again: nothing until its next probe


class DeliveryState(StrEnum):
    """Where one event stands on its way to one endpoint."""

    PENDING = "pending"  # the worker acts next, or the reader of a feed
    DELIVERED = "delivered"
    CANCELLED = "cancelled"  # the gate closed: nobody is told
    PARKED = "parked"  # the endpoint is gone: a person acts next
    SKIPPED = "skipped"  # a person let it go, for a stated reason, so that its case goes on


class Outcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # this message was not liked: 4xx
    MISCONFIGURED = "misconfigured"  # 3xx, 401, 403, 404, 405: the address or its checks are wrong
    BUSY = "busy"  # 429
    FAILED = "failed"  # 5xx
    GONE = "gone"  # 410
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNKNOWN_NAME = "unknown_name"  # the name does not exist
    TLS_FAILED = "tls_failed"
    FORBIDDEN_ADDRESS = "forbidden_address"
    PROXY_DOWN = "proxy_down"  # our own way out: no fault of the receiver
    PERMIT_EXPIRED = "permit_expired"  # nothing was sent
    UNKNOWN = "unknown"  # the worker died, or was stopped, before the answer


UNCHARGED = frozenset({Outcome.PROXY_DOWN, Outcome.PERMIT_EXPIRED})
"""Outcomes that are no attempt of the receiver's: they count nowhere."""

_OF_THE_MESSAGE = frozenset({Outcome.REFUSED, Outcome.UNKNOWN})
_MISCONFIGURED = frozenset({401, 403, 404, 405, 501})


def classify(status: int) -> Outcome:
    """Say what an HTTP status means. A redirect is refused: addresses change by registration only."""
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if status == 410:
        return Outcome.GONE
    if status == 429:
        return Outcome.BUSY
    if 300 <= status < 400 or status in _MISCONFIGURED:
        return Outcome.MISCONFIGURED
    return Outcome.FAILED if status >= 500 else Outcome.REFUSED


# -- when to try again -----------------------------------------------------------------------------

SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600))
"""Wait before each repetition at a receiver outside; the last step repeats for ever."""

SISTER_SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0.5, 1, 2, 5, 10, 30))
"""The same between our own services, which restart in seconds."""

LONGEST_RETRY_AFTER = timedelta(hours=1)
SHORTEST_CEILING, LONGEST_CEILING = timedelta(minutes=1), timedelta(hours=24)
"""Between which a receiver may choose its own longest wait."""

GATE_WAIT = timedelta(seconds=2)
"""How soon a closed or silent gate is asked again, and our own way out tried again. Charges no attempt."""


def next_due(
    attempts: int,
    now: datetime,
    schedule: tuple[timedelta, ...],
    *,
    chance: float,
    retry_after: timedelta | None = None,
    ceiling: timedelta | None = None,
) -> datetime:
    """Return when to try again after `attempts` failures. `chance` in [0, 1) spreads by ±20 %."""
    step = schedule[min(attempts, len(schedule)) - 1]
    wait = (step if ceiling is None else min(step, ceiling)) * (0.8 + 0.4 * chance)
    if retry_after is not None:
        wait = max(wait, min(retry_after, LONGEST_RETRY_AFTER))
    return now + wait


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header, seconds or HTTP date (RFC 9110, 10.2.3), clamped. Garbage counts as none."""
    if value is None or not value.isascii():
        return None
    if value.isdigit():
        return timedelta(seconds=min(int(value[:9]), int(LONGEST_RETRY_AFTER.total_seconds())))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    return min(max(wait, timedelta()), LONGEST_RETRY_AFTER)


# -- the breaker -----------------------------------------------------------------------------------

OPEN_AFTER = 5
"""Failures of an endpoint in a row, after which it is left alone until its next probe."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an endpoint stands: failures in a row, how many may be on their way, held back until when."""

    failures: int
    pace: int
    hold_until: datetime | None


def breaker(standing: Standing) -> Breaker:
    """Name the state of an endpoint's breaker, for people and metrics."""
    if standing.failures >= OPEN_AFTER:
        return Breaker.OPEN
    return Breaker.PROBING if standing.failures else Breaker.CLOSED


def after(
    standing: Standing,
    outcome: Outcome,
    now: datetime,
    *,
    cap: int,
    schedule: tuple[timedelta, ...],
    chance: float,
    wait: timedelta | None = None,
    ceiling: timedelta | None = None,
) -> Standing:
    """Return how an endpoint stands after one more answer.

    It opens again in steps, one at a time, then two, then four: what was owed meanwhile must not
    fall upon a receiver that has just come back.
    """
    if outcome in UNCHARGED or outcome is Outcome.UNKNOWN:
        return standing
    if outcome is Outcome.DELIVERED:
        return Standing(0, min(cap, standing.pace * 2), None)
    if outcome in _OF_THE_MESSAGE:  # it answered, and may like the next one
        return Standing(0, standing.pace, standing.hold_until)
    failures = standing.failures + 1
    hold = now + wait if wait is not None and outcome in (Outcome.BUSY, Outcome.FAILED) else None
    if failures >= OPEN_AFTER:
        probe = next_due(failures - OPEN_AFTER + 1, now, schedule, chance=chance, ceiling=ceiling)
        hold = max(hold or probe, probe)
    return Standing(failures, 1, hold)


# -- what a person must be told --------------------------------------------------------------------


class AlarmKind(StrEnum):
    """What about an endpoint needs a person."""

    GONE = "gone"
    MISCONFIGURED = "misconfigured"
    UNKNOWN_NAME = "unknown_name"
    TLS_FAILED = "tls_failed"
    FORBIDDEN_ADDRESS = "forbidden_address"
    SILENT = "silent"  # nothing has got through for a day
    STUCK = "stuck"  # one event was refused again and again; its case waits
    UNPROVEN = "unproven"  # the address was not proven within three days
    UNACKNOWLEDGED = "unacknowledged"  # received, but nobody says that they were told


ALARMS = {
    Outcome.GONE: AlarmKind.GONE,
    Outcome.MISCONFIGURED: AlarmKind.MISCONFIGURED,
    Outcome.UNKNOWN_NAME: AlarmKind.UNKNOWN_NAME,
    Outcome.TLS_FAILED: AlarmKind.TLS_FAILED,
    Outcome.FORBIDDEN_ADDRESS: AlarmKind.FORBIDDEN_ADDRESS,
}
"""Outcomes that a repetition alone will hardly mend."""

CLEARED_BY_SUCCESS = frozenset({*ALARMS.values(), AlarmKind.SILENT, AlarmKind.UNPROVEN})
STUCK_AFTER = 6
"""Attempts after which an event that is refused needs a person: all steps but the hourly one."""
SILENT_AFTER = timedelta(days=1)
UNPROVEN_AFTER = timedelta(days=3)


# -- beyond 2xx ------------------------------------------------------------------------------------


class StepKind(StrEnum):
    """What happens when nobody acknowledges."""

    REMIND = "remind"  # a reminder event to the same endpoint
    ESCALATE = "escalate"  # the service finds another way, such as the embassy
    PERSON = "person"  # an alarm: a person takes over


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an escalation chain, counted from the first send."""

    after: timedelta
    kind: StepKind


Chain = tuple[Step, ...]
"""Steps in order of time: configuration, published with its source by the service that uses it."""


# -- signatures and filters ------------------------------------------------------------------------

LONGEST_OVERLAP = timedelta(days=7)
"""How long a replaced signing key may go on signing beside the new one."""

REPLAY_REACH = timedelta(days=14)
MOST_REPLAYED = 10_000


def wants(event_types: list[str] | None, event_type: str) -> bool:
    """Whether an endpoint that subscribed to `event_types` (None: all) gets this one."""
    return event_types is None or event_type in event_types
