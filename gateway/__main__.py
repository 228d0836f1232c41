"""Commands of the gateway: `python -m gateway api | migrate | await-schema | clients … | keys …` and others."""

import sys

from gateway.clients import commands
from gateway.main import api
from shared.process import main


def run(argv: list[str]) -> None:
    """Run one command."""
    if argv[:1] and argv[0] in (*commands.GROUPS, "--help", "-h"):
        commands.main(argv)
    else:
        main(argv, "gateway", api=api, worker=None)


if __name__ == "__main__":
    run(sys.argv[1:])
