"""What the way through the gateway costs: against nginx, and against the gateway that most would write first.

A GET of 1.25 KB with a token that was verified before. Our gateway is the real process with all that it does for a
request: verification, limits, hygiene, trace, log line to a file, metrics. All speak TCP on loopback to the same raw
upstream.
"""

import argparse
import contextlib
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.references import nginx
from bench.variants import CONNECTIONS, Variant, in_turns, ratio, served, uvicorn
from shared import testing
from shared.migrate import upgrade_now
from shared.testing import Keys

G1_CPU, G1_P50, G2_CPU = 6.0, 2.5, 1 / 8
_WIDE = "client=900000000/60 write=900000000/60 agency=900000000/60"


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure. Returns the figures and whether the first goals are met."""
    folder = Path(tempfile.mkdtemp(prefix="ruta-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            keys = Keys()
            hops = _hops(folder, keys, stack)
            in_turns(hops, options.rounds, lambda: _request(keys))
            return _judged(hops)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _request(keys: Keys) -> bytes:
    return (
        f"GET /v1/intake/children HTTP/1.1\r\nHost: ruta.example\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {keys.token()}\r\nUser-Agent: bench\r\n\r\n"
    ).encode()


def _hops(folder: Path, keys: Keys, stack: contextlib.ExitStack) -> list[Variant]:
    floor = stack.enter_context(served("direct", uvicorn("bench.references.floor:app"), {}))
    base = f"http://127.0.0.1:{floor.port}"
    hops = [floor, stack.enter_context(served("gateway", _gateway, _environment(folder, keys, base)))]
    hops.append(stack.enter_context(served("typical", uvicorn("bench.references.typical:app"), {"UPSTREAM": base})))
    if shutil.which("nginx"):

        def command(port: int) -> list[str]:
            (folder / "nginx.conf").write_text(nginx.configuration(str(folder), port, floor.port))
            return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]

        hops.append(stack.enter_context(served("nginx", command, {})))
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


def _judged(hops: list[Variant]) -> dict[str, Any]:
    by_name = {hop.name: hop for hop in hops}
    ours, typical = by_name["gateway"], by_name["typical"]
    goals = {"G2 CPU against the typical chain": (ratio(ours.cpu, typical.cpu), G2_CPU)}
    if reference := by_name.get("nginx"):
        goals["G1 CPU against nginx"] = (ratio(ours.cpu, reference.cpu), G1_CPU)
        goals["G1 p50 against nginx"] = (ratio(ours.p50, reference.p50), G1_P50)
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


def _print(hops: list[Variant], goals: dict[str, tuple[float, float]]) -> None:
    print(f"\none hop, GET of 1.25 KB, {CONNECTIONS} connections (medians of the rounds)")
    print(f"  {'':<10}{'CPU µs':>9}{'requests/s':>12}{'p50 ms, one connection':>25}{'errors':>8}")
    for hop in hops:
        cpu, rate, p50 = (statistics.median(values) for values in (hop.cpu, hop.rate, hop.p50))
        print(f"  {hop.name:<10}{cpu:>9.1f}{rate:>12.0f}{p50:>25.3f}{hop.errors:>8}")
    for name, (found, first) in goals.items():
        print(f"  {name}: {found} (first: at most {first:g})")
