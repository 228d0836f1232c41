"""The worker of intake: hands over to referral, watches its clocks, seals its audit."""

from fastapi import FastAPI

from services.intake.encounters import service as encounters
from shared.runtime import Runtime
from shared.worker import create_worker


def worker(runtime: Runtime) -> FastAPI:
    """Return the worker's admin app."""
    return create_worker(runtime, "services.intake", fired=encounters.fired)
