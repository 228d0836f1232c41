"""The consular service: consulates, and what they are told."""

from fastapi import APIRouter
from starlette.types import ASGIApp

from services.consular.consulates import service as directory
from services.consular.consulates.routes import consulates
from services.consular.consulates.rules import R19
from services.consular.notices import service
from services.consular.notices.gate import permit_gate
from services.consular.notices.routes import notices
from services.consular.notices.rules import C1, C2, CHAIN, ESCALATION, R16, R18, R20
from shared.app import create_app
from shared.delivery import routes as delivery
from shared.events import NoticeIssued, ReleaseGranted
from shared.rulebook import rulebook
from shared.runtime import Runtime

RULES = (R16, R18, R19, R20, ESCALATION)
DEADLINES = (C1, C2)


def api(runtime: Runtime) -> ASGIApp:
    """Return the API of the consular service."""
    return create_app(
        runtime,
        "services.consular",
        [consulates, notices, *_delivery(runtime), rulebook("consular", RULES, DEADLINES)],
        handlers={ReleaseGranted.TYPE: service.receive},
        on_start=directory.load,
    )


def _delivery(runtime: Runtime) -> list[APIRouter]:
    gate, chains = permit_gate(runtime.peers), {NoticeIssued.TYPE: CHAIN}
    return delivery.routers("consular", kinds=("CONSULATE",), gate=gate, chains=chains)
