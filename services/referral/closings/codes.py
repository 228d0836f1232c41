"""Why a case ends or begins again, in two languages. Pure."""

from services.referral.closings.rules import ClosureReason, RefusalReason, ReopeningReason
from shared.catalogue import Text

CLOSURES = {
    ClosureReason.PLAN_FULFILLED: Text("The plan has been fulfilled", "Se cumplió el plan"),
    ClosureReason.REPATRIATED: Text("Returned to the country of origin", "Retornó a su país"),
    ClosureReason.TRANSFERRED: Text("Passed to an authority outside the route", "Pasó a una autoridad ajena a la Ruta"),
    ClosureReason.FAMILY_REUNIFIED: Text("Reunited with the family", "Se reunió con su familia"),
    ClosureReason.ADULT: Text("Has turned 18", "Cumplió 18 años"),
    ClosureReason.DEATH: Text("The child has died", "Falleció"),
    ClosureReason.NOT_SEEN_AT_VERIFICATION: Text("Not found at verification", "No fue localizada o localizado"),
    ClosureReason.NO_LONGER_IN_COUNTRY: Text("No longer in the country", "Ya no está en el país"),
    ClosureReason.OPENED_IN_ERROR: Text("Opened in error", "Se abrió por error"),
}
REOPENINGS = {
    ReopeningReason.NEW_ENCOUNTER: Text("INM met the child again", "El INM tuvo un nuevo contacto"),
    ReopeningReason.NEW_FACTS: Text("New facts", "Hechos nuevos"),
    ReopeningReason.MEASURE_FAILED: Text("A measure did not hold", "Una medida no dio resultado"),
    ReopeningReason.CHILD_ASKS: Text("The child asks for it", "Lo pide la niña, niño o adolescente"),
    ReopeningReason.COURT_ORDER: Text("Order of a court", "Resolución judicial"),
    ReopeningReason.FOUND: Text("The child was found", "Fue localizada o localizado"),
    ReopeningReason.CLOSED_IN_ERROR: Text("Closed in error", "Se cerró por error"),
}
REFUSALS = {
    RefusalReason.PLAN_NOT_FULFILLED: Text("The plan has not been fulfilled", "El plan no se ha cumplido"),
    RefusalReason.EVIDENCE_MISSING: Text("Evidence is missing", "Falta evidencia"),
    RefusalReason.CHILD_NOT_HEARD: Text("The child was not heard", "No se escuchó a la niña, niño o adolescente"),
    RefusalReason.WRONG_REASON: Text("Another reason would be right", "Corresponde otro motivo"),
}
