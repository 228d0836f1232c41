"""The code lists of returns, in two languages. Pure. The lists are design decisions, after R21 and R22."""

from services.referral.returns.rules import CancelReason, Danger, FailReason, Hindrance, ReturnKind, Wish
from shared.catalogue import Text

KINDS = {
    ReturnKind.ASSISTED_RETURN: Text("Assisted return", "Retorno asistido"),
    ReturnKind.FAMILY_REUNIFICATION: Text(
        "Return to join its family abroad", "Retorno para reunirse con su familia en el extranjero"
    ),
}
FINDINGS = {
    Danger.NO_DANGER: Text("No danger was found", "No se encontró peligro"),
    Danger.DANGER: Text("Danger to life, liberty or safety", "Peligro para la vida, la libertad o la seguridad"),
    Danger.NOT_CLEAR: Text("Not clear: to be assessed further", "No es claro: debe evaluarse más"),
}
WISHES = {
    Wish.WISHES: Text("Wishes to return", "Desea retornar"),
    Wish.DOES_NOT_WISH: Text("Does not wish to return", "No desea retornar"),
    Wish.UNDECIDED: Text("Has not decided", "No ha decidido"),
}
FAIL_REASONS = {
    FailReason.NOT_RECEIVED: Text("The authority did not receive the child", "La autoridad no la recibió"),
    FailReason.POINT_CLOSED: Text("The return point was closed", "El punto de retorno estaba cerrado"),
    FailReason.CHILD_UNWELL: Text("The child was unwell", "Su salud no lo permitió"),
    FailReason.CHILD_DOES_NOT_WISH: Text("The child did not wish it any more", "Ya no deseó retornar"),
    FailReason.PROTECTION_NEED: Text("A need of protection was seen", "Se advirtió una necesidad de protección"),
    FailReason.TRANSPORT: Text("The transport failed", "Falló el transporte"),
    FailReason.UNSAFE_ROUTE: Text("The way was not safe", "La ruta no era segura"),
}
CANCEL_REASONS = {
    CancelReason.PLAN_CHANGED: Text("The plan of restitution has changed", "Cambió el plan de restitución"),
    CancelReason.DANGER_FOUND: Text("Danger was found", "Se encontró peligro"),
    CancelReason.CHILD_DOES_NOT_WISH: Text("The child does not wish it", "No desea retornar"),
    CancelReason.NOT_ACCEPTED: Text("The receiving authority does not accept", "La autoridad receptora no acepta"),
    CancelReason.PROTECTION_NEED: Text("A need of protection was seen", "Se advirtió una necesidad de protección"),
    CancelReason.ENTERED_IN_ERROR: Text("It was entered in error", "Se registró por error"),
}
OBSTACLES = {
    Hindrance.NOT_ON_THE_ROUTE: Text("The plan is not being carried out", "El plan no está en ejecución"),
    Hindrance.PLAN_DOES_NOT_ALLOW: Text("The signed plan does not allow it", "El plan firmado no lo permite"),
    Hindrance.DANGER_NOT_ASSESSED: Text("The danger was not assessed", "No se ha evaluado el peligro"),
    Hindrance.DANGER: Text("Danger was found", "Se encontró peligro"),
    Hindrance.CLAIM_PENDING: Text("A claim for refuge is pending", "Hay una solicitud de refugio pendiente"),
    Hindrance.APPEAL_PENDING: Text(
        "An appeal is pending, or may be filed", "Hay un recurso pendiente o corre el plazo para interponerlo"
    ),
    Hindrance.RETURN_UNLAWFUL: Text("Every return is unlawful", "Todo retorno es contrario a la ley"),
    Hindrance.PROTECTED: Text("The guard is closed", "La salvaguarda está cerrada"),
    Hindrance.NOT_HEARD: Text("The child was not heard on it", "No se le ha escuchado sobre ello"),
    Hindrance.FACTS_UNKNOWN: Text("The child's facts are not known", "No se conocen sus datos"),
    Hindrance.DESTINATION: Text(
        "Not a state of its nationality or residence", "No es Estado de su nacionalidad ni residencia"
    ),
    Hindrance.FAMILY_NOT_VERIFIED: Text("The family was not verified", "No se ha verificado a la familia"),
    Hindrance.NO_CONCURRENCE: Text("The Procuraduría has not concurred", "La Procuraduría no ha dado su conformidad"),
    Hindrance.NO_ESCORT: Text("No specialised escort is named", "No hay acompañante especializado con nombre"),
    Hindrance.NOT_ACCEPTED: Text("The receiving authority has not accepted", "La autoridad receptora no ha aceptado"),
    Hindrance.POINT_CLOSED: Text("The return point does not receive then", "El punto de retorno no recibe entonces"),
    Hindrance.NOTICE_TOO_SHORT: Text("The notice is too short", "El aviso previo es muy corto"),
    Hindrance.BARRED: Text("Something forbids it: ask the Procuraduría", "Algo lo impide: consulte a la Procuraduría"),
}
