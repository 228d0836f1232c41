"""The intake service: what INM's first contact with a child produces."""

from starlette.types import ASGIApp

from services.intake.ages.routes import ages
from services.intake.assistance import rules as assistance_rules
from services.intake.assistance.routes import assistance
from services.intake.attendances import service as attendances_service
from services.intake.attendances.routes import attendances
from services.intake.bulk.routes import loads, uploads
from services.intake.cases import service as cases_service
from services.intake.children import rules as children_rules
from services.intake.children.routes import children, internal
from services.intake.codes.routes import codes
from services.intake.contacts import rules as contacts_rules
from services.intake.contacts.routes import contacts
from services.intake.corrections import rules as corrections_rules
from services.intake.corrections.routes import asking, corrections
from services.intake.counts import service as counts_service
from services.intake.disclosures.routes import disclosures
from services.intake.encounters import rules as encounters_rules
from services.intake.encounters import service as encounters_service
from services.intake.encounters.routes import encounters, helping, recording
from services.intake.families import rules as families_rules
from services.intake.families.routes import families
from services.intake.findings.routes import found
from services.intake.holds import rules as holds_rules
from services.intake.holds import service as holds_service
from services.intake.identifiers.routes import identifiers
from services.intake.interviews import rules as interviews_rules
from services.intake.interviews.routes import interviewing, interviews
from services.intake.lodging import rules as lodging_rules
from services.intake.lodging.routes import lodging
from services.intake.matches import rules as matches_rules
from services.intake.matches.routes import matches
from services.intake.orientation import rules as orientation_rules
from services.intake.orientation.routes import orientation
from services.intake.permits import rules as permits_rules
from services.intake.permits.routes import permits
from services.intake.procedures import rules as procedures_rules
from services.intake.procedures.routes import procedures
from services.intake.register import rules as register_rules
from services.intake.register.routes import register
from services.intake.releases import rules as releases_rules
from services.intake.releases.routes import releases
from services.intake.retention.rules import schedules
from services.intake.screenings import rules as screenings_rules
from services.intake.screenings.routes import screenings
from services.intake.statistics.routes import statistics
from services.intake.tracing import rules as tracing_rules
from services.intake.tracing.routes import asked, tracings
from shared.app import create_app
from shared.clocks.facts import HoldMoved
from shared.events import CaseMoved, DutyMet, OficioIssued, ReturnCompleted
from shared.rulebook import rulebook
from shared.runtime import Runtime

RULES = (
    *children_rules.RULES,
    *encounters_rules.RULES,
    *screenings_rules.RULES,
    *corrections_rules.RULES,
    *register_rules.RULES,
    *releases_rules.RULES,
    *matches_rules.RULES,
    *families_rules.RULES,
    *tracing_rules.RULES,
    *contacts_rules.RULES,
    *interviews_rules.RULES,
    *lodging_rules.RULES,
    *permits_rules.RULES,
    *orientation_rules.RULES,
    *procedures_rules.RULES,
    *holds_rules.RULES,
)
DEADLINES = (*encounters_rules.DEADLINES, *assistance_rules.DEADLINES, encounters_rules.VRH, *tracing_rules.DEADLINES)
ROUTERS = (
    recording,
    uploads,
    loads,
    encounters,
    attendances,
    procedures,
    children,
    ages,
    identifiers,
    screenings,
    asking,
    corrections,
    assistance,
    helping,
    matches,
    families,
    found,
    asked,
    tracings,
    contacts,
    interviewing,
    interviews,
    register,
    releases,
    statistics,
    lodging,
    permits,
    orientation,
    codes,
    internal,
    disclosures,
)


def api(runtime: Runtime) -> ASGIApp:
    """Return the service's app."""
    schedules(runtime.settings.retention)  # what it cannot read is said at the start, not years later
    return create_app(
        runtime,
        "services.intake",
        [*ROUTERS, rulebook("intake", RULES, DEADLINES)],
        handlers={
            DutyMet.TYPE: encounters_service.duty_met,
            HoldMoved.TYPE: holds_service.moved,
            OficioIssued.TYPE: attendances_service.oficio_issued,
            ReturnCompleted.TYPE: counts_service.returned,
            CaseMoved.TYPE: lambda session, message: cases_service.moved(session, runtime, message),
        },
    )
