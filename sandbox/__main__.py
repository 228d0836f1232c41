"""`python -m sandbox up`: what `dev.py up` becomes once everything is installed."""

import argparse
import asyncio
import sys
from pathlib import Path

from sandbox.system import PROGRAMS
from sandbox.up import up

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(prog="dev.py", description="Ruta on one machine, with fictitious data.")
    command = parser.add_subparsers(dest="command", required=True).add_parser("up", help="run everything")
    command.add_argument(
        "--port", type=int, default=8000, help=f"first of {len(PROGRAMS)} ports in a row (default 8000)"
    )
    command.add_argument("--data", type=Path, default=ROOT / ".ruta", help="data directory (default .ruta)")
    options = parser.parse_args(arguments)
    if not 1024 <= options.port <= 65535 - len(PROGRAMS):
        parser.error(f"--port must lie between 1024 and {65535 - len(PROGRAMS)}")
    return asyncio.run(up(options.data, options.port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
