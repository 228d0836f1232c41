"""The worker of the consular service: sends notices, each send with a permit of its own."""

from fastapi import FastAPI

from services.consular.consulates import service as directory
from services.consular.notices import chain
from services.consular.notices.gate import permit_gate
from services.consular.notices.rules import CHAIN
from shared.events import NoticeIssued
from shared.runtime import Runtime
from shared.worker import create_worker


def worker(runtime: Runtime) -> FastAPI:
    """Return the admin app of the worker; its lifespan runs the loops."""
    return create_worker(
        runtime,
        "services.consular",
        fired=chain.VOICE,
        gate=permit_gate(runtime.peers),
        chains={NoticeIssued.TYPE: CHAIN},
        escalate=chain.escalate,
        on_start=directory.load,
    )
