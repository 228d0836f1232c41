"""`python3 dev.py bench [scenario …]`: run measurements, print a table, keep the figures as JSON."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import bulk, chaos, clocks, deliveries, hop, matching, memory, route, statistics

ROOT = Path(__file__).parents[1]
SCENARIOS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "deliveries": deliveries.run,
    "chaos": chaos.run,
    "clocks": clocks.run,
    "statistics": statistics.run,
    "hop": hop.run,
    "route": route.run,
    "matching": matching.run,
    "bulk": bulk.run,
    "memory": memory.run,
}


def main(argv: list[str]) -> int:
    """Run the named scenarios, or all. Returns 1 when one of them found a fault or missed its first goal."""
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], help=", ".join(SCENARIOS))
    parser.add_argument("--seed", type=int, default=None, help="chaos: repeat a run (default: by chance, printed)")
    parser.add_argument("--minutes", type=float, default=None, help="chaos: how long trouble goes on")
    parser.add_argument(
        "--events", type=int, default=None, help="how many events; clocks: open ones; matching: children; bulk: lines"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each variant, interleaved")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--report", type=Path, default=ROOT / ".ruta" / "bench.json", help="where the figures go")
    options = parser.parse_args(argv)
    results = {name: SCENARIOS[name](options) for name in options.scenarios or SCENARIOS}
    options.report.parent.mkdir(exist_ok=True)
    options.report.write_text(json.dumps({"machine": machine(), "results": results}, indent=2) + "\n")
    print(f"\nFigures: {options.report}")
    return 0 if all(result["passed"] for result in results.values()) else 1


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip() or None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
