"""Databases to measure on: a file, or a PostgreSQL server that lives as long as the measurement."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.migrate import upgrade_now
from tests import postgres


@dataclass(slots=True)
class Served:
    """A migrated database. A server can be made to crash and come back; a file cannot."""

    url: str
    restart: Callable[[], None] | None
    pid: int | None = None
    """The server's process, as it was started."""


@contextlib.contextmanager
def served(kind: str, package: str) -> Iterator[Served]:
    """Yield a new database that a service has migrated. fsync is on, as in production."""
    folder = Path(tempfile.mkdtemp(prefix="ruta-bench-"))
    running: list[subprocess.Popen[bytes]] = []
    try:
        if kind == "sqlite":
            database = Served(f"sqlite:///{folder / 'bench.db'}", None)
        else:
            base, process = postgres.start(folder, postgres.find_binaries())
            running.append(process)
            database = Served(postgres.Server(base).create(), lambda: _restart(running, folder), process.pid)
        upgrade_now(package, database.url)
        yield database
    finally:
        for process in running:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _restart(running: list[subprocess.Popen[bytes]], folder: Path) -> None:
    """Crash the server as a lost machine would, and start it again on the same port and data."""
    process = running.pop()
    process.send_signal(signal.SIGQUIT)
    process.wait()
    again = postgres.start_again(process, folder)
    running.append(again)


def kinds(chosen: str) -> list[str]:
    """Return the kinds of database that were asked for."""
    return ["sqlite", "postgresql"] if chosen == "both" else [chosen]
