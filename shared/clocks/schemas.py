"""Clocks as readers see them."""

from datetime import datetime

from shared.clocks.rules import ClockState
from shared.shapes import Out


class ClockOut(Out):
    """A duty with its time limit."""

    id: str
    rule: str
    resource_id: str
    agency: str
    state: ClockState
    started_at: datetime
    due_at: datetime
    met_at: datetime | None
    breached_at: datetime | None
