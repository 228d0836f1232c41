"""What the way through the gateway costs: against nginx, and against the gateway that most would write first.

A GET of 1.25 KB with a token that was verified before. Our gateway is the real process with all that it does for a
request: verification, limits, hygiene, trace, log line to a file, metrics. All speak TCP on loopback to the same raw
upstream. Variants run interleaved, round by round; ratios are taken within a round. CPU is what the kernel counted
for the process and its children.
"""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.load import closed_loop, median_ms
from bench.references import nginx
from shared import testing
from shared.migrate import upgrade_now
from shared.testing import Keys

CONNECTIONS = 16
SECONDS = 2.0
REQUESTS = 1500
G1_CPU, G1_P50, G2_CPU = 6.0, 2.5, 1 / 8
_ROOT = Path(__file__).parents[1]
_WIDE = "client=900000000/60 write=900000000/60 agency=900000000/60"


class Hop:
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
        before = _cpu_ns(self.process.pid)
        load = closed_loop(self.port, request, CONNECTIONS, SECONDS)
        spent = _cpu_ns(self.process.pid) - before
        self.errors += load.errors
        self.cpu.append(spent / 1000 / max(1, load.answers))
        self.rate.append(load.answers / load.seconds)
        self.p50.append(median_ms(self.port, request, REQUESTS))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure. Returns the figures and whether the first goals are met."""
    folder = Path(tempfile.mkdtemp(prefix="ruta-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            keys = Keys()
            hops = _hops(folder, keys, stack)
            for number in range(options.rounds):
                token = keys.token()
                request = (
                    f"GET /v1/intake/children HTTP/1.1\r\nHost: ruta.example\r\nAccept: application/json\r\n"
                    f"Authorization: Bearer {token}\r\nUser-Agent: bench\r\n\r\n"
                ).encode()
                turn = number % len(hops)
                for hop in hops[turn:] + hops[:turn]:
                    hop.measure(request)
            return _judged(hops)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hops(folder: Path, keys: Keys, stack: contextlib.ExitStack) -> list[Hop]:
    floor = stack.enter_context(_served("direct", _uvicorn("bench.references.floor:app"), {}))
    base = f"http://127.0.0.1:{floor.port}"
    hops = [floor, stack.enter_context(_served("gateway", _gateway, _environment(folder, keys, base)))]
    hops.append(stack.enter_context(_served("typical", _uvicorn("bench.references.typical:app"), {"UPSTREAM": base})))
    if shutil.which("nginx"):

        def command(port: int) -> list[str]:
            (folder / "nginx.conf").write_text(nginx.configuration(str(folder), port, floor.port))
            return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]

        hops.append(stack.enter_context(_served("nginx", command, {})))
    else:
        print("nginx is not installed: its ratios (G1) are left out, which counts as missed.", file=sys.stderr)
    return hops


def _environment(folder: Path, keys: Keys, base: str) -> dict[str, str]:
    database = f"sqlite:///{folder / 'gateway.db'}"
    upgrade_now("gateway", database)
    made = testing.settings("gateway", folder, keys, database)
    found = {f"RUTA_{name.upper()}": str(value) for name, value in made.model_dump(exclude_defaults=True).items()}
    return found | {"RUTA_INTAKE_URL": base, "RUTA_LIMITS": _WIDE}


def _gateway(port: int) -> list[str]:
    return [sys.executable, "-m", "gateway", "api"]


def _uvicorn(app: str) -> Any:
    def command(port: int) -> list[str]:
        options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        return [sys.executable, "-m", "uvicorn", app, "--log-level", "warning", *options]

    return command


@contextlib.contextmanager
def _served(name: str, command: Any, environment: dict[str, str]) -> Iterator[Hop]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command(port), cwd=_ROOT, stdout=log, env={**os.environ, **environment, "RUTA_PORT": str(port)}
        )
        try:
            _wait(name, port, process)
            yield Hop(name, port, process)
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


def _cpu_ns(pid: int) -> int:
    """Return the nanoseconds that a process, its threads and its children have been on a processor."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return own + sum(_cpu_ns(child) for child in children)


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 3)


def _judged(hops: list[Hop]) -> dict[str, Any]:
    by_name = {hop.name: hop for hop in hops}
    ours, typical = by_name["gateway"], by_name["typical"]
    goals = {"G2 CPU against the typical chain": (_ratio(ours.cpu, typical.cpu), G2_CPU)}
    if reference := by_name.get("nginx"):
        goals["G1 CPU against nginx"] = (_ratio(ours.cpu, reference.cpu), G1_CPU)
        goals["G1 p50 against nginx"] = (_ratio(ours.p50, reference.p50), G1_P50)
    _print(hops, goals)
    errors = sum(hop.errors for hop in hops)
    return {
        "errors": errors,
        "CPU µs": {hop.name: [round(value, 1) for value in hop.cpu] for hop in hops},
        "requests per second": {hop.name: [round(value) for value in hop.rate] for hop in hops},
        "p50 ms, one connection": {hop.name: [round(value, 3) for value in hop.p50] for hop in hops},
        "goals": {name: {"found": found, "first": first} for name, (found, first) in goals.items()},
        "passed": errors == 0 and reference is not None and all(found <= first for found, first in goals.values()),
    }


def _print(hops: list[Hop], goals: dict[str, tuple[float, float]]) -> None:
    print(f"\none hop, GET of 1.25 KB, {CONNECTIONS} connections (medians of the rounds)")
    print(f"  {'':<10}{'CPU µs':>9}{'requests/s':>12}{'p50 ms, one connection':>25}{'errors':>8}")
    for hop in hops:
        cpu, rate, p50 = (statistics.median(values) for values in (hop.cpu, hop.rate, hop.p50))
        print(f"  {hop.name:<10}{cpu:>9.1f}{rate:>12.0f}{p50:>25.3f}{hop.errors:>8}")
    for name, (found, first) in goals.items():
        print(f"  {name}: {found} (first: at most {first:g})")
