"""Commands of this service: `python -m services.consular api | worker | migrate | await-schema | restored`."""

import sys

from services.consular.main import api
from services.consular.worker import worker
from shared.process import main


def run(argv: list[str]) -> None:
    """Run one command."""
    main(argv, "services.consular", api=api, worker=worker)


if __name__ == "__main__":
    run(sys.argv[1:])
