"""The referral worker: deliveries, clocks, the audit sealer, the guard's facts."""

from fastapi import FastAPI

from services.referral.clocks.service import fired
from services.referral.protection import facts
from shared.runtime import Runtime
from shared.worker import create_worker


def worker(runtime: Runtime) -> FastAPI:
    """Return the worker of this service."""
    return create_worker(runtime, "services.referral", fired=fired, turns={"facts": lambda: facts.fetch(runtime)})
