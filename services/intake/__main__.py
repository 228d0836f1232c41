"""Commands of this service: `python -m services.intake api | worker | migrate | await-schema | restored`."""

import sys

from services.intake.main import api
from services.intake.worker import worker
from shared.process import main


def run(argv: list[str]) -> None:
    """Run one command."""
    main(argv, "services.intake", api=api, worker=worker)


if __name__ == "__main__":
    run(sys.argv[1:])
