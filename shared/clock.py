"""Time is borrowed from here, so that tests move it instead of sleeping."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_frozen: ContextVar[datetime | None] = ContextVar("frozen_time", default=None)


def now() -> datetime:
    """Return the present moment, aware and in UTC."""
    return _frozen.get() or datetime.now(UTC)


def timestamp() -> float:
    """Return the present moment in seconds since 1970: a tenth of the cost, for what every request asks."""
    held = _frozen.get()
    return time.time() if held is None else held.timestamp()


def real() -> datetime:
    """Return what this machine's clock says, held or not: only to compare clocks with."""
    return datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the time at `moment` (aware) inside the block."""
    token = _frozen.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)


def advance(by: timedelta) -> None:
    """Move a held time forward. Only inside `at()`."""
    moment = _frozen.get()
    if moment is None:
        raise RuntimeError("Time runs by itself here; hold it with clock.at() first.")
    _frozen.set(moment + by)
