"""What waiting costs in memory: an idle service against a bare one, and the whole sandbox with its data.

Proportional set size, as the kernel counts it: what processes share counts once. Each is alone when it is measured.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from bench.variants import served, uvicorn
from sandbox.ports import free_ports
from sandbox.system import PROGRAMS
from shared import testing
from shared.migrate import upgrade_now
from shared.testing import Keys

G12, G12_MB = 1.3, 500.0
SETTLED = 5.0
_ROOT = Path(__file__).parents[1]
_UP_SECONDS = 180.0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure. Returns the figures and whether the first goals are met."""
    bare, ours = [], []
    for _ in range(options.rounds):
        bare.append(_idle("bare", uvicorn("bench.references.bare:app"), {}))
        with tempfile.TemporaryDirectory() as folder:
            ours.append(
                _idle("ours", lambda _: [sys.executable, "-m", "services.referral", "api"], _made(Path(folder)))
            )
    against = round(statistics.median(one / other for one, other in zip(ours, bare, strict=True)), 3)
    whole = round(_sandbox(), 1)
    print("\nmemory of what waits (proportional set size)")
    print(f"  a bare service {statistics.median(bare):.1f} MB, ours {statistics.median(ours):.1f} MB")
    print(f"  G12 an idle service against a bare one: {against} (first: at most {G12:g})")
    print(f"  G12 the whole sandbox: {whole} MB (first: at most {G12_MB:g})")
    return {
        "MB": {"bare": bare, "ours": ours, "sandbox": whole},
        "goals": {
            "G12 against a bare service": {"found": against, "first": G12},
            "G12 the whole sandbox, MB": {"found": whole, "first": G12_MB},
        },
        "passed": against <= G12 and whole <= G12_MB,
    }


def _made(folder: Path) -> dict[str, str]:
    database = f"sqlite:///{folder / 'referral.db'}"
    upgrade_now("services.referral", database)
    made = testing.settings("referral", folder, Keys(), database)
    return {f"RUTA_{name.upper()}": str(value) for name, value in made.model_dump(exclude_defaults=True).items()}


def _service(port: int) -> list[str]:
    return [sys.executable, "-m", "services.referral", "api"]


def _idle(name: str, command: Any, environment: dict[str, str]) -> float:
    with served(name, command, environment) as started:
        httpx.get(f"http://127.0.0.1:{started.port}/livez").raise_for_status()
        time.sleep(SETTLED)
        return _megabytes(started.process.pid)


def _sandbox() -> float:
    with tempfile.TemporaryDirectory() as folder, _up(Path(folder)) as pid:
        time.sleep(SETTLED)
        return _megabytes(pid)


@contextlib.contextmanager
def _up(folder: Path) -> Iterator[int]:
    port = free_ports(len(PROGRAMS))
    command = [sys.executable, "-m", "sandbox", "up", "--port", str(port), "--data", str(folder)]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=log)
    try:
        end = time.monotonic() + _UP_SECONDS
        while b"Ruta is up" not in (folder / "up.log").read_bytes():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.2)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _megabytes(pid: int) -> float:
    """Return the PSS of a process and all that it started, in MB (10⁶ bytes)."""
    return sum(_pss_kb(each) for each in _family(pid)) * 1024 / 1e6


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(FileNotFoundError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from _family(int(child))


def _pss_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
