"""The referral worker: deliveries, clocks, the audit sealer, the guard's facts, the directory, half-yearly duties."""

from fastapi import FastAPI

from services.referral.agencies.service import Watch, start
from services.referral.cas_reports.service import Opener
from services.referral.clocks.service import fired
from services.referral.majority import service as majority
from services.referral.protection import facts
from shared.runtime import Runtime
from shared.worker import create_worker


def worker(runtime: Runtime) -> FastAPI:
    """Return the worker of this service."""
    turns = {
        "facts": lambda: facts.fetch(runtime),
        "directory": Watch(runtime).turn,
        "cas-reports": Opener(runtime).turn,
        "majority": lambda: majority.turn(runtime.database),
    }
    return create_worker(runtime, "services.referral", fired=fired, on_start=start, turns=turns)
