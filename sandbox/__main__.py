"""`python -m sandbox up`: what `dev.py up` becomes once everything is installed."""

import argparse
import asyncio
import sys
from pathlib import Path

from sandbox.system import PROGRAMS, System
from sandbox.up import up

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(prog="dev.py", description="Ruta on one machine, with fictitious data.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, meaning in (("up", "run everything"), ("seed", "fill a running system with fictitious data")):
        command = commands.add_parser(name, help=meaning)
        command.add_argument(
            "--port", type=int, default=8000, help=f"first of {len(PROGRAMS)} ports in a row (default 8000)"
        )
        command.add_argument("--data", type=Path, default=ROOT / ".ruta", help="data directory (default .ruta)")
    options = parser.parse_args(arguments)
    if not 1024 <= options.port <= 65535 - len(PROGRAMS):
        parser.error(f"--port must lie between 1024 and {65535 - len(PROGRAMS)}")
    if options.command == "seed":
        from sandbox.seed import seed  # imports the gateway, which the supervisor has no need of

        asyncio.run(seed(System(options.data, port=options.port)))
        return 0
    return asyncio.run(up(options.data, options.port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
