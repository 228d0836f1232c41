"""The consular service: consulates, and what they are told."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from services.consular.consulates import service as directory
from services.consular.consulates.routes import consulates, uploads
from services.consular.consulates.rules import DIRECTORY, R19
from services.consular.letters.routes import letters
from services.consular.letters.rules import C3, C4, LETTER, R16
from services.consular.notices import service
from services.consular.notices.gate import permit_gate
from services.consular.notices.routes import notices
from services.consular.notices.rules import BY_HAND, C1, C2, C5, CHAIN, ESCALATION, R18, R20
from services.consular.notices.webhooks import catalogue
from shared.app import create_app
from shared.delivery import routes as delivery
from shared.events import NoticeIssued, ReleaseGranted
from shared.rulebook import rulebook
from shared.runtime import Runtime

RULES = (R16, R18, R19, R20, ESCALATION, LETTER, BY_HAND, DIRECTORY)
DEADLINES = (C1, C2, C3, C4, C5)


def api(runtime: Runtime) -> ASGIApp:
    """Return the API of the consular service."""
    gate = permit_gate(runtime.peers)
    chains = {NoticeIssued.TYPE: CHAIN}
    edge = create_app(
        runtime,
        "services.consular",
        [
            consulates, uploads, notices, letters(gate, service.letter_sent),
            *delivery.routers("consular", kinds=("CONSULATE",), gate=gate, chains=chains),
            rulebook("consular", RULES, DEADLINES),
        ],
        handlers={ReleaseGranted.TYPE: service.receive},
        on_start=directory.load,
    )  # fmt: skip
    _describe_webhooks(edge)
    return edge


def _describe_webhooks(edge: Any) -> None:
    """Put what consulates are sent into the description, as OpenAPI 3.1 has it."""
    app = edge.app
    while not isinstance(app, FastAPI):
        app = app.app
    generate = app.openapi
    app.openapi = lambda: generate() | {"webhooks": catalogue()}  # type: ignore[method-assign]  # FastAPI's own way
