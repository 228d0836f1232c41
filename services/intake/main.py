"""The intake service: what INM's first contact with a child produces."""

from starlette.types import ASGIApp

from services.intake.assistance.routes import assistance
from services.intake.children import rules as children_rules
from services.intake.children.routes import children, internal
from services.intake.encounters import rules as encounters_rules
from services.intake.encounters import service as encounters_service
from services.intake.encounters.routes import encounters, recording
from services.intake.statistics import rules as statistics_rules
from services.intake.statistics.routes import statistics
from shared.app import create_app
from shared.events import DutyMet
from shared.rulebook import rulebook
from shared.runtime import Runtime

RULES = (*children_rules.RULES, *statistics_rules.RULES)
DEADLINES = encounters_rules.DEADLINES


def api(runtime: Runtime) -> ASGIApp:
    """Return the service's app."""
    return create_app(
        runtime,
        "services.intake",
        [recording, encounters, children, assistance, statistics, internal, rulebook("intake", RULES, DEADLINES)],
        handlers={DutyMet.TYPE: encounters_service.duty_met},
    )
