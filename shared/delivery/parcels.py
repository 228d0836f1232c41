"""What gate, queue, sender and worker hand to each other. In memory only."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from shared.delivery.rules import Outcome


class Verdict(Enum):
    """What a gate says of a send."""

    OPEN = auto()
    WAIT = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Permit:
    """A gate's answer, and until when it holds (on the event loop's own clock, which never jumps)."""

    verdict: Verdict
    until: float | None = None


Gate = Callable[[str], Awaitable[Permit]]


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery whose gate must be asked before anything about it is opened."""

    delivery_id: str
    endpoint_id: str
    token: str
    gate: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """What the sender needs for one attempt."""

    delivery_id: str
    endpoint_id: str
    token: str
    attempt_id: str
    url: str
    internal: bool
    mutual_tls: bool
    headers: dict[str, str]
    body: bytes
    permit: Permit
    event_type: str = ""
    owed_since: datetime | None = None
    """When it was first owed; only in the first attempt, whose latency is measured."""


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended. `answer` holds the first 2 KiB, and is never stored."""

    outcome: Outcome
    status: int | None = None
    milliseconds: int = 0
    retry_after: timedelta | None = None
    answer: bytes = b""
