"""What is due, as readers see it."""

from datetime import date, datetime

from services.referral.clocks.rules import To
from shared.clocks.rules import ChangeKind
from shared.clocks.schemas import ClockOut
from shared.shapes import Out


class DueOut(ClockOut):
    """A duty with its time limit, what it is about, and how long is left."""

    case_id: str
    resource: str
    due_on: date
    left_seconds: int | None
    paused_at: datetime | None
    pause_reason: str | None
    extended: int
    runs_in: str


class ChangeOut(Out):
    """What was done to a clock after it had started."""

    kind: ChangeKind
    at: datetime
    by: str
    reason: str | None
    due_before: datetime | None
    due_after: datetime | None


class DueFileOut(DueOut):
    """A clock with its history, oldest first."""

    changes: list[ChangeOut]


class StepOut(Out):
    """Who learns at one step of a chain."""

    on: str
    after_seconds: int
    to: list[To]


class ChainOut(Out):
    """Who learns when a duty is not done in time."""

    rule: str
    federal: str | None
    confidential: bool
    steps: list[StepOut]
