"""Commands of the gateway: `python -m gateway api | migrate | clients …`."""

import sys

from gateway.clients import commands
from gateway.main import api
from shared.process import main


def run(argv: list[str]) -> None:
    """Run one command."""
    if argv[:1] == ["clients"]:
        commands.main(argv[1:])
    else:
        main(argv, "gateway", api=api, worker=None)


if __name__ == "__main__":
    run(sys.argv[1:])
