"""The referral API: every slice, wired."""

from starlette.types import ASGIApp

from services.referral.actas.routes import routes as acta_routes
from services.referral.agencies.routes import routes as agency_routes
from services.referral.cases import laws as cases
from services.referral.cases.routes import routes as case_list_routes
from services.referral.clocks import rules as clocks
from services.referral.clocks.routes import routes as clock_routes
from services.referral.handlers import HANDLERS
from services.referral.protection import routes as guard
from services.referral.protection import rules as protection
from services.referral.referrals import rules as referrals
from services.referral.referrals.routes import case_routes
from services.referral.referrals.routes import routes as referral_routes
from shared.app import create_app
from shared.delivery.routes import routers
from shared.rulebook import rulebook
from shared.runtime import Runtime

RULES = (*cases.RULES, *referrals.RULES, *clocks.RULES, *protection.RULES)
DEADLINES = referrals.DEADLINES


def api(runtime: Runtime) -> ASGIApp:
    """Return the API of this service."""
    return create_app(
        runtime,
        "services.referral",
        [
            agency_routes,
            case_list_routes,
            case_routes,
            referral_routes,
            acta_routes,
            clock_routes,
            guard.indications,
            guard.releases,
            guard.internal,
            *routers("referral"),
            rulebook("referral", RULES, DEADLINES),
        ],
        handlers=HANDLERS,
    )
