"""Variants of one thing, each in a process of its own, measured in turns: CPU, answers a second, median time.

CPU is what the kernel counted for the process, its threads and its children. Ratios are taken within a round.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.load import closed_loop, median_ms

CONNECTIONS = 16
SECONDS = 2.0
REQUESTS = 1500
_ROOT = Path(__file__).parents[1]


class Variant:
    """A running variant."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.port = port
        self.process = process
        self.cpu: list[float] = []
        self.rate: list[float] = []
        self.p50: list[float] = []
        self.errors = 0

    def measure(self, request: bytes) -> None:
        """Run one round."""
        closed_loop(self.port, request, CONNECTIONS, 0.3)
        before = cpu_ns(self.process.pid)
        load = closed_loop(self.port, request, CONNECTIONS, SECONDS)
        spent = cpu_ns(self.process.pid) - before
        self.errors += load.errors
        self.cpu.append(spent / 1000 / max(1, load.answers))
        self.rate.append(load.answers / load.seconds)
        self.p50.append(median_ms(self.port, request, REQUESTS))


def in_turns(variants: Sequence[Variant], rounds: int, request: Callable[[], bytes]) -> None:
    """Measure every variant once a round, each round from another one on, with the same request."""
    for number in range(rounds):
        asked, turn = request(), number % len(variants)
        for variant in [*variants[turn:], *variants[:turn]]:
            variant.measure(asked)


@contextlib.contextmanager
def served(name: str, command: Callable[[int], list[str]], environment: dict[str, str]) -> Iterator[Variant]:
    """Start a variant on a free port, which it finds in RUTA_PORT, and yield it once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command(port), cwd=_ROOT, stdout=log, env={**os.environ, **environment, "RUTA_PORT": str(port)}
        )
        try:
            _wait(name, port, process)
            yield Variant(name, port, process)
        finally:
            process.terminate()
            process.wait()


def _wait(name: str, port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{name} did not start")
        time.sleep(0.05)


def cpu_ns(pid: int) -> int:
    """Return the nanoseconds that a process, its threads and its children have been on a processor."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return own + sum(cpu_ns(child) for child in children)


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median over the rounds of one against the other."""
    return round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 3)


def uvicorn(app: str) -> Callable[[int], list[str]]:
    """Return the command that serves an app as fast as uvicorn can."""

    def command(port: int) -> list[str]:
        options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return [sys.executable, "-m", "uvicorn", app, "--log-level", "warning", *options]

    return command
