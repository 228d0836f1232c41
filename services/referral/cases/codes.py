"""What is said of a case by code, in two languages. Pure."""

from services.referral.cases.rules import Document, Representation, RepresentativeEnd, Risk, RiskReason, Status
from shared.catalogue import Text

STAGES = {
    Status.DETECTED: Text("Detected", "Detección"),
    Status.NOTIFIED: Text("The Procuraduría has been notified", "Notificada la Procuraduría"),
    Status.CHANNELLED: Text("Channelled to DIF by acta", "Canalización al DIF con acta"),
    Status.IN_CARE: Text("In care", "En acogimiento"),
    Status.BID_OPEN: Text("Best interests being determined", "Determinación del interés superior en curso"),
    Status.PRD_ISSUED: Text("Plan of restitution issued", "Plan de restitución emitido"),
    Status.RESTITUTION: Text("Rights being restored", "Restitución de derechos en curso"),
    Status.RETURN: Text("Assisted return", "Retorno asistido"),
    Status.REGULARISED: Text("Stay regularised", "Estancia regularizada"),
    Status.REFUGE: Text("Recognised as a refugee", "Condición de refugiado reconocida"),
    Status.FAMILY_REUNIFIED: Text("Reunited with the family", "Reunificación familiar"),
    Status.TRANSITION_18: Text("Turning 18", "Transición a la vida adulta"),
    Status.CLOSED: Text("Closed", "Cerrado"),
    Status.TRANSFERRED: Text("On the way to another authority", "En traslado a otra autoridad"),
    Status.LEFT_CARE: Text("Has left care", "Abandonó el acogimiento"),
    Status.MISSING: Text("Missing", "No localizada o no localizado"),
    Status.REOPENED: Text("Reopened", "Reabierto"),
}
REPRESENTATIONS = {
    Representation.PP_EN_SUPLENCIA: Text("The Procuraduría, in place of parents", "La Procuraduría, en suplencia"),
    Representation.LEGAL_REPRESENTATIVE: Text("A legal representative", "Representante legal"),
}
RISKS = {
    Risk.HIGH: Text("Significant harm or death is likely", "Es probable un daño grave o la muerte"),
    Risk.MEDIUM: Text("Harm is likely", "Es probable un daño"),
    Risk.LOW: Text("There is a risk of harm", "Hay riesgo de daño"),
}
REPRESENTATIVE_ENDS = {
    RepresentativeEnd.REPLACED: Text("Somebody else represents the child", "Otra persona le representa"),
    RepresentativeEnd.TERRITORY: Text("Another Procuraduría is competent", "Es competente otra Procuraduría"),
    RepresentativeEnd.RESIGNED: Text("Resigned", "Renunció"),
    RepresentativeEnd.REMOVED: Text("Was removed", "Fue removida o removido"),
    RepresentativeEnd.CONFLICT_OF_INTEREST: Text("Conflict of interest", "Conflicto de interés"),
    RepresentativeEnd.UNREACHABLE: Text("Cannot be reached", "No es localizable"),
    RepresentativeEnd.DEATH: Text("Died", "Falleció"),
}
DOCUMENTS = {
    Document.PARENTAL_AUTHORITY: Text("Parental authority", "Patria potestad"),
    Document.GUARDIANSHIP: Text("Guardianship", "Tutela"),
    Document.COURT_ORDER: Text("Order of a court", "Resolución judicial"),
    Document.POWER_OF_ATTORNEY: Text("Power of attorney", "Poder notarial"),
    Document.PP_DESIGNATION: Text("Named by the Procuraduría", "Designación de la Procuraduría"),
}
RISK_REASONS = {
    RiskReason.INITIAL_ASSESSMENT: Text("The initial assessment", "Evaluación inicial"),
    RiskReason.NEW_FACTS: Text("New facts", "Hechos nuevos"),
    RiskReason.THREAT: Text("A threat", "Amenaza"),
    RiskReason.VIOLENCE: Text("Violence", "Violencia"),
    RiskReason.EXPLOITATION: Text("Exploitation", "Explotación"),
    RiskReason.SELF_HARM: Text("Self-harm", "Autolesión"),
    RiskReason.HEALTH: Text("Health", "Salud"),
    RiskReason.MEASURES_WORKED: Text("What was done has helped", "Las medidas dieron resultado"),
}
