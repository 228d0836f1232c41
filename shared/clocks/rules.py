"""What a deadline is, how long it runs, and what may be done to a running clock. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.errors import Fault, IllegalMove, Invalid, RefusedByLaw
from shared.law import Rule


class ClockState(StrEnum):
    """Where a clock stands. One that is paused is running, with `paused_at`: older code knows no further state."""

    RUNNING = "running"  # whoever owes the duty acts next
    MET = "met"
    BREACHED = "breached"  # it may still be met, late
    CANCELLED = "cancelled"  # the duty fell away, for a stated reason


WARNED = "clock.warned"
BREACHED = "clock.breached"
ESCALATED = "clock.escalated"
"""What a clock says: its types of event."""


class ChangeKind(StrEnum):
    """What was done to a clock after it had started."""

    PAUSED = "paused"
    RESUMED = "resumed"
    EXTENDED = "extended"
    RECOMPUTED = "recomputed"  # the calendar has changed under it


@dataclass(frozen=True, slots=True, order=True)
class WorkingDays:
    """A time limit in working days. The first one is the first working day after the day on which the clock starts.

    "From the day after" and "from the first working day after" are the same day, since only working days count. The
    limit ends with its last day, at midnight in the zone of the authority.
    """

    days: int

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError("A limit has at least one day.")


Limit = timedelta | WorkingDays


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a clock may be paused or extended: one row of a coded list."""

    code: str
    text: Text
    source: str
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Extension:
    """By how much the law lets a deadline be extended, on which grounds, and how often."""

    most: Limit
    grounds: tuple[Ground, ...]
    source: str
    times: int = 1
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Deadline:
    """One duty with a time limit: law as data.

    `verified` is false where no source gives the number; it is then configuration that an
    authority may change, and says so wherever it is published. `due` and `warn` are of one kind.
    `authority` names whose suspensions of the calendar count (COMAR, INM, SRE, PP …) besides everybody's.
    """

    id: str
    name: Text
    source: str
    verified: bool
    due: Limit
    warn: Limit
    authority: str | None = None
    pauses: tuple[Ground, ...] = ()
    extension: Extension | None = None

    def __post_init__(self) -> None:
        if isinstance(self.due, WorkingDays) is not isinstance(self.warn, WorkingDays):
            raise ValueError("`due` and `warn` are both hours or both working days.")
        if self.extension is not None and isinstance(self.extension.most, WorkingDays) is not self.in_days:
            raise ValueError("An extension is counted as the deadline is.")

    @property
    def in_days(self) -> bool:
        """Whether it is counted in working days."""
        return isinstance(self.due, WorkingDays)


REASONED = Rule(
    "CLOCK-REASON",
    Text(
        "A clock is paused or extended only on a listed ground, at most as long and as often as the list says.",
        "Un plazo se suspende o amplía sólo por causa enlistada, a lo sumo por el tiempo y las veces que se indican.",
    ),
    "LRPCAP, art. 24 (extension); for every other deadline a design decision",
    verified=False,
)


class ClockAction(StrEnum):
    """What may be done to a clock."""

    PAUSE = "pause"
    RESUME = "resume"
    EXTEND = "extend"


def allowed(state: ClockState, *, paused: bool) -> list[str]:
    """Return what may be done to a clock now. Once its time is over it may only be met."""
    if state is not ClockState.RUNNING:
        return []
    return [ClockAction.RESUME.value] if paused else [ClockAction.PAUSE.value, ClockAction.EXTEND.value]


def check(action: ClockAction, state: ClockState, *, paused: bool, over: bool) -> None:
    """Raise IllegalMove where a clock has no such move. `over`: its time has run out, though it may not have spoken."""
    can = [] if over and not paused else allowed(state, paused=paused)
    if action.value not in can:
        raise IllegalMove(f"A clock that is {_stands(state, paused, over)} has no move {action}.", allowed_actions=can)


def _stands(state: ClockState, paused: bool, over: bool) -> str:
    if state is ClockState.RUNNING:
        return "paused" if paused else "over" if over else "running"
    return state.value


def check_ground(ground: str, listed: Collection[Ground], pointer: str) -> None:
    """Raise Invalid unless the list has this ground, RefusedByLaw when there is no list at all."""
    if not listed:
        raise REASONED.refuse("This deadline knows no such step.", allowed_actions=[])
    if ground not in {each.code for each in listed}:
        raise Invalid("This is no ground that the deadline's list has.", faults=[Fault(pointer, "unknown")])


def check_extension(deadline: Deadline, by: Limit, ground: str, times: int) -> None:
    """Raise unless the law lets this deadline, extended so many times before, be extended by this much."""
    law = deadline.extension
    check_ground(ground, law.grounds if law else (), "/ground")
    assert law is not None
    if times >= law.times:
        raise _refused(law, "It was extended before, as often as the law allows.")
    if isinstance(by, WorkingDays) is not deadline.in_days:
        raise ValueError("An extension is counted as the deadline is.")
    if not _at_most(by, law.most):
        raise _refused(law, "The extension is longer than the law allows.")


def _refused(law: Extension, detail: str) -> RefusedByLaw:
    return Rule(REASONED.id, REASONED.text, law.source, law.verified).refuse(detail, allowed_actions=[])


def _at_most(by: Limit, most: Limit) -> bool:
    if isinstance(by, WorkingDays) and isinstance(most, WorkingDays):
        return by <= most
    return isinstance(by, timedelta) and isinstance(most, timedelta) and timedelta(0) < by <= most
