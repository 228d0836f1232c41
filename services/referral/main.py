"""The referral API: every slice, wired."""

from starlette.types import ASGIApp

from services.referral.absences import rules as absences
from services.referral.absences.routes import routes as absence_routes
from services.referral.actas.routes import routes as acta_routes
from services.referral.agencies import rules as agencies
from services.referral.agencies import service as directory
from services.referral.agencies.routes import routes as agency_routes
from services.referral.agencies.routes import uploads as agency_uploads
from services.referral.alerts import rules as alerts
from services.referral.alerts.routes import routes as alert_routes
from services.referral.calendar import rules as calendar
from services.referral.calendar.routes import routes as calendar_routes
from services.referral.cas_reports import rules as cas_reports
from services.referral.cas_reports.routes import routes as cas_report_routes
from services.referral.cases import laws as cases
from services.referral.cases.routes import routes as case_list_routes
from services.referral.clocks import rules as clocks
from services.referral.clocks.routes import routes as clock_routes
from services.referral.closings.routes import routes as closing_routes
from services.referral.codes.routes import codes as code_routes
from services.referral.consents import routes as consent_routes
from services.referral.consents import rules as consents
from services.referral.determinations import rules as determinations
from services.referral.determinations.routes import assessments as assessment_routes
from services.referral.determinations.routes import bids as determination_routes
from services.referral.determinations.routes import hearings as hearing_routes
from services.referral.disclosures import routes as disclosure_routes
from services.referral.disclosures import rules as disclosures
from services.referral.duty import rules as duty
from services.referral.duty.routes import duty as duty_routes
from services.referral.duty.routes import rosters as roster_routes
from services.referral.handlers import HANDLERS
from services.referral.hsds.routes import routes as hsds_routes
from services.referral.interop import rules as interop
from services.referral.interop.routes import routes as interop_routes
from services.referral.majority import rules as majority
from services.referral.majority.routes import routes as task_routes
from services.referral.measures import rules as measures
from services.referral.measures.routes import measures as measure_routes
from services.referral.measures.routes import stays as admission_routes
from services.referral.oficios import rules as oficios
from services.referral.oficios.routes import routes as oficio_routes
from services.referral.places import rules as places
from services.referral.places.routes import bodies as place_routes
from services.referral.places.routes import free as free_place_routes
from services.referral.plans import rules as plans
from services.referral.plans.routes import plan_items as plan_item_routes
from services.referral.plans.routes import plans as plan_routes
from services.referral.protection import lift_routes as lifts
from services.referral.protection import lifting, permits
from services.referral.protection import routes as guard
from services.referral.protection import rules as protection
from services.referral.protection.indications import found
from services.referral.referrals import deadlines
from services.referral.referrals import rules as referrals
from services.referral.referrals.routes import bulk_routes, load_routes
from services.referral.referrals.routes import routes as referral_routes
from services.referral.refuge import rules as refuge
from services.referral.refuge.routes import hold_routes
from services.referral.refuge.routes import routes as refuge_routes
from services.referral.return_points import rules as return_points
from services.referral.return_points.routes import routes as return_point_routes
from services.referral.returns import rules as returns
from services.referral.returns.routes import routes as return_routes
from services.referral.timeline.routes import routes as file_routes
from services.referral.transfers import rules as transfers
from services.referral.transfers.routes import routes as transfer_routes
from shared.app import create_app
from shared.clocks.rules import REASONED
from shared.delivery.routes import routers
from shared.rulebook import rulebook
from shared.runtime import Runtime

DIRECTORY = (*agencies.RULES, *places.RULES, *duty.RULES, *cas_reports.RULES, *alerts.RULES)
TIME = (*clocks.RULES, *calendar.RULES, REASONED)
HANDED_OVER = (*referrals.RULES, *transfers.RULES)
OUTCOMES = (*refuge.RULES, *return_points.RULES, *returns.RULES)
CARE = (*oficios.RULES, *measures.RULES, *determinations.RULES)
KNOWING = (*consents.RULES, *disclosures.RULES, *protection.RULES, *lifting.RULES)
RULES = (*DIRECTORY, *cases.RULES, *HANDED_OVER, *absences.RULES, *TIME, *CARE, *KNOWING, *OUTCOMES, *interop.RULES)
ANSWERS = (*deadlines.DEADLINES, *transfers.DEADLINES, *measures.DEADLINES, *plans.DEADLINES)
ENDS = (*absences.DEADLINES, *majority.DEADLINES, *refuge.DEADLINES, *returns.DEADLINES)
DEADLINES = (*cas_reports.DEADLINES, *ANSWERS, *ENDS, *consents.DEADLINES, *lifting.DEADLINES)
DIRECTORY_ROUTES = (
    hsds_routes,  # before the single body, whose address would take its own
    agency_uploads, agency_routes, place_routes, free_place_routes, roster_routes, duty_routes, cas_report_routes,
)  # fmt: skip
CASE_ROUTES = (case_list_routes, file_routes, closing_routes, absence_routes, task_routes, alert_routes)
CARE_ROUTES = (
    measure_routes, admission_routes, assessment_routes(found), hearing_routes, determination_routes, plan_routes,
    plan_item_routes,
)  # fmt: skip
"""From the urgent measure to the plan's last item. What an assessment finds of protection closes the guard."""
GUARD_ROUTES = (guard.indications, guard.releases, guard.internal, *lifts.routes)
OUTCOME_ROUTES = (refuge_routes, hold_routes, return_point_routes, return_routes)
NEED_TO_KNOW = (
    disclosure_routes.of_referral, disclosure_routes.readings, consent_routes.consents, consent_routes.withdrawals,
    consent_routes.exceptions, consent_routes.kept,
)  # fmt: skip
"""What a child agreed to be told, to whom, and what was read on it."""


def api(runtime: Runtime) -> ASGIApp:
    """Return the API of this service."""
    return create_app(
        runtime,
        "services.referral",
        [
            *DIRECTORY_ROUTES,
            *CASE_ROUTES,
            bulk_routes,
            load_routes,
            referral_routes,
            transfer_routes,
            code_routes,
            *NEED_TO_KNOW,
            acta_routes,
            oficio_routes,
            *CARE_ROUTES,
            clock_routes,
            calendar_routes,
            *GUARD_ROUTES,
            *OUTCOME_ROUTES,
            interop_routes,
            *routers("referral", gate=permits.gate(runtime.database), asks=permits.asks),
            rulebook("referral", RULES, DEADLINES),
        ],
        handlers=HANDLERS,
        on_start=directory.start,
        beside=directory.follow,
    )
