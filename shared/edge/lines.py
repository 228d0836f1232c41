"""Standard output in batches."""

import asyncio
import atexit
import logging
import sys
import threading
from contextlib import suppress

_FLUSH_SECONDS = 0.1
_FLUSH_LINES = 256


class Lines(logging.Handler):
    """Lines for standard output, several in one write.

    Written at once: warnings, errors, and what is said outside of a loop. The rest waits a tenth of a second at most,
    which is what a `kill -9` can lose.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[object] = []
        self._due = False
        """Whether a loop will flush. It does while it runs; afterwards the end of the process does."""
        self._lock = threading.Lock()
        atexit.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        self.take(record.levelno, record.getMessage())

    def take(self, level: int, line: object) -> None:
        """Write a line, soon or at once. What is no text yet becomes one when it is written."""
        with self._lock:
            self._held.append(line)
        if level > logging.INFO or len(self._held) >= _FLUSH_LINES:
            self.flush()
        elif not self._due:
            try:
                asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
                self._due = True
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        with self._lock:
            lines, self._held, self._due = self._held, [], False
        if lines:
            with suppress(OSError, ValueError):  # nobody reads any more
                sys.stdout.write("\n".join([str(line) for line in lines]) + "\n")
                sys.stdout.flush()
