"""What is shown of deliveries, and what is asked about them. Never a body."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.shapes import Id, In, Line, Out, Past

ShownState = Literal["pending", "delivered", "parked", "skipped"]
"""What was withheld is not shown, so there is no word for it."""

EventType = Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,40}\.[a-z_]{2,40}$")]


class DeliveryOut(Out):
    """One event on its way to one endpoint. Times tell of sends; when it was first owed is not told."""

    id: str
    event_id: str
    event_type: str
    endpoint_id: str
    origin: Literal["live", "test", "resend", "replay"]
    sequence: int | None = Field(description="the receiver's own count for the case, from the first send on")
    state: ShownState
    attempts: int
    last_outcome: str | None
    last_status: int | None
    first_sent_at: datetime | None
    delivered_at: datetime | None
    next_attempt_at: datetime | None = Field(
        description="null when it is done, on its way at this moment, or read from a feed"
    )
    allowed_actions: list[str]


class AttemptOut(Out):
    """One try: when, what became of it, and how long it took. What the receiver answered is not kept."""

    started_at: datetime
    outcome: str | None
    status: int | None
    milliseconds: int | None


class DeliveryWithAttempts(DeliveryOut):
    """A delivery with its last attempts, newest last. Old ones are forgotten; the summary above stays."""

    attempts_log: list[AttemptOut]


class SkipIn(In):
    """Why an event is let go. Do not name a child here: the reason is kept in the audit."""

    reason: Line


class ReplayIn(In):
    """Which events an endpoint wants once more: those first sent to it from `since` on, and before `until`."""

    endpoint_id: Id
    since: Past
    until: Past | None = None


class ReplayOut(Out):
    """A replay that has begun: how many events it repeats."""

    replay_id: str
    events: int
