"""The worker of intake: hands over to referral, watches its clocks, seals its audit."""

from datetime import timedelta

from fastapi import FastAPI

from services.intake.cases import service as cases
from services.intake.counts import service as counts
from services.intake.encounters import service as encounters
from services.intake.erasure import service as erasure
from services.intake.matches import upkeep as matches
from services.intake.releases.service import Releaser
from shared.runtime import Runtime
from shared.worker import create_worker


def worker(runtime: Runtime) -> FastAPI:
    """Return the worker's admin app."""
    turns = {
        "counts": lambda: counts.turn(runtime.database),
        "relinks": counts.Relinks(runtime.database).turn,
        "matches": lambda: matches.turn(runtime),
        "retention": lambda: cases.turn(runtime),
        "erasures": lambda: erasure.turn(runtime),
        "releases": Releaser(runtime.database, timedelta(days=runtime.settings.release_days)).turn,
    }
    return create_worker(runtime, "services.intake", fired=encounters.fired, turns=turns)
