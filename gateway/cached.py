"""A value that is made at most once in a while, by one request for all that wait for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """Keeps what `make` returned for `seconds`."""

    def __init__(self, make: Callable[[], Awaitable[T]], *, seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._kept: tuple[float, T] | None = None
        self._making = asyncio.Lock()

    async def get(self) -> T:
        """Return the value, made now when there is none or it is old."""
        async with self._making:
            if self._kept is None or time.monotonic() - self._kept[0] > self._seconds:
                value = await self._make()
                self._kept = time.monotonic(), value
            return self._kept[1]
