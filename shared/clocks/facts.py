"""What a sister service is told of a clock that it follows, and of a procedure that stands still."""

from typing import ClassVar

from pydantic import AwareDatetime

from shared.events import Fact


class ClockMoved(Fact):
    """a sister → referral: how a clock that it runs for an agency stands, so that one call shows all that is due."""

    TYPE: ClassVar = "clock.moved"
    clock_id: str
    rule: str
    agency: str
    subject: str
    """The child (intake) or the release (consular) that it is about."""
    resource_id: str
    state: str
    started_at: AwareDatetime
    due_at: AwareDatetime
    met_at: AwareDatetime | None = None
    breached_at: AwareDatetime | None = None
    paused_at: AwareDatetime | None = None


class HoldMoved(Fact):
    """referral → intake: a child's procedure stands still from now on, or no longer. It does not say why."""

    TYPE: ClassVar = "hold.moved"
    hold_id: str
    child_id: str
    since: AwareDatetime
    until: AwareDatetime | None = None
