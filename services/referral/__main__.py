"""Commands of this service: `python -m services.referral api | worker | migrate | await-schema | restored`."""

import sys

from services.referral.main import api
from services.referral.worker import worker
from shared.process import main


def run(argv: list[str]) -> None:
    """Run one command."""
    main(argv, "services.referral", api=api, worker=worker)


if __name__ == "__main__":
    run(sys.argv[1:])
