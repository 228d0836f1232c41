"""What a deadline is. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text


class ClockState(StrEnum):
    """Where a clock stands."""

    RUNNING = "running"  # whoever owes the duty acts next
    MET = "met"
    BREACHED = "breached"  # it may still be met, late
    CANCELLED = "cancelled"  # the duty fell away, for a stated reason


@dataclass(frozen=True, slots=True)
class Deadline:
    """One duty with a time limit: law as data.

    `verified` is false where no source gives the number; it is then configuration that an
    authority may change, and says so wherever it is published.
    """

    id: str
    name: Text
    source: str
    verified: bool
    due: timedelta
    warn: timedelta
