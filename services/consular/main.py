"""The consular service: consulates, and what they are told."""

from starlette.types import ASGIApp

from services.consular.consulates import service as directory
from services.consular.consulates.routes import consulates
from services.consular.consulates.rules import R19
from services.consular.notices import service
from services.consular.notices.routes import notices
from services.consular.notices.rules import C1, C2, R16, R18, R20
from shared.app import create_app
from shared.delivery import routes as delivery
from shared.events import ReleaseGranted
from shared.rulebook import rulebook
from shared.runtime import Runtime

RULES = (R16, R18, R19, R20)
DEADLINES = (C1, C2)


def api(runtime: Runtime) -> ASGIApp:
    """Return the API of the consular service."""
    return create_app(
        runtime,
        "services.consular",
        [consulates, notices, *delivery.routers("consular"), rulebook("consular", RULES, DEADLINES)],
        handlers={ReleaseGranted.TYPE: service.receive},
        on_start=directory.load,
    )
