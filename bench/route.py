"""What our kernel costs around a route that asks no database: against raw ASGI and pydantic, and against itself bare.

A GET of a code list: its token verified before, its caller judged, its answer validated and written by pydantic. G3 is
the whole service against an ASGI app that only makes the same answer; G11 is the whole service against the same app
without the layer of limits, request id, log line and metrics.
"""

import argparse
import contextlib
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.variants import CONNECTIONS, Variant, in_turns, ratio, served, uvicorn
from shared import testing
from shared.migrate import upgrade_now
from shared.testing import Keys

G3, G11 = 3.2, 1.5
_PATH = "/v1/referral/codes/decline-reasons"


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure. Returns the figures and whether the first goals are met."""
    folder = Path(tempfile.mkdtemp(prefix="ruta-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            keys = Keys()
            environment = _environment(folder, keys)
            variants = [
                stack.enter_context(served("raw", uvicorn("bench.references.answering:app"), {})),
                stack.enter_context(served("whole", _service("whole"), environment)),
                stack.enter_context(served("bare", _service("bare"), environment)),
            ]
            in_turns(variants, options.rounds, lambda: _request(keys))
            return _judged(*variants)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, keys: Keys) -> dict[str, str]:
    database = f"sqlite:///{folder / 'referral.db'}"
    upgrade_now("services.referral", database)
    made = testing.settings("referral", folder, keys, database)
    return {f"RUTA_{name.upper()}": str(value) for name, value in made.model_dump(exclude_defaults=True).items()}


def _service(how: str) -> Callable[[int], list[str]]:
    return lambda _: [sys.executable, "-m", "bench.serving", how]


def _request(keys: Keys) -> bytes:
    return (
        f"GET {_PATH} HTTP/1.1\r\nHost: ruta.example\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {keys.token()}\r\nUser-Agent: bench\r\n\r\n"
    ).encode()


def _judged(raw: Variant, whole: Variant, bare: Variant) -> dict[str, Any]:
    goals = {
        "G3 CPU against raw ASGI and pydantic": (ratio(whole.cpu, raw.cpu), G3),
        "G11 CPU with all layers against none": (ratio(whole.cpu, bare.cpu), G11),
    }
    variants = (raw, whole, bare)
    _print(variants, goals)
    errors = sum(each.errors for each in variants)
    return {
        "errors": errors,
        "CPU µs": {each.name: [round(value, 1) for value in each.cpu] for each in variants},
        "requests per second": {each.name: [round(value) for value in each.rate] for each in variants},
        "goals": {name: {"found": found, "first": first} for name, (found, first) in goals.items()},
        "passed": errors == 0 and all(found <= first for found, first in goals.values()),
    }


def _print(variants: tuple[Variant, ...], goals: dict[str, tuple[float, float]]) -> None:
    print(f"\none route without a database, {CONNECTIONS} connections (medians of the rounds)")
    print(f"  {'':<10}{'CPU µs':>9}{'requests/s':>12}{'errors':>8}")
    for each in variants:
        cpu, rate = statistics.median(each.cpu), statistics.median(each.rate)
        print(f"  {each.name:<10}{cpu:>9.1f}{rate:>12.0f}{each.errors:>8}")
    for name, (found, first) in goals.items():
        print(f"  {name}: {found} (first: at most {first:g})")
