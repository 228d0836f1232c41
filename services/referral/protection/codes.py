"""What may be said to the guard, by code, with the text of each. Pure."""

from collections.abc import Mapping

from services.referral.protection.lifting import CorrectionReason, LiftGround, LiftPurpose, ReviewOutcome, ReviewSubject
from services.referral.protection.rules import Answer, IndicationCode, ToldBy
from shared.catalogue import Text

SIGNS = "Ley de Migración, art. 112, fr. V; the list is a design decision"
TOLD = "R15: the child, an officer, any agency; the list is a design decision"
LIFTED = "LRPCAP, art. 21; R17; the list is a design decision"

INDICATIONS: Mapping[IndicationCode, Text] = {
    IndicationCode.FEAR_OF_RETURN: Text("Fears going back", "Teme volver"),
    IndicationCode.PERSECUTION: Text("Persecution", "Persecución"),
    IndicationCode.GENERALISED_VIOLENCE: Text("Generalised violence", "Violencia generalizada"),
    IndicationCode.FAMILY_VIOLENCE: Text("Violence in the family", "Violencia familiar"),
    IndicationCode.FORCED_RECRUITMENT: Text("Forced recruitment", "Reclutamiento forzado"),
    IndicationCode.TRAFFICKING: Text("Possible trafficking", "Posible trata de personas"),
    IndicationCode.ASKS_FOR_REFUGE: Text("Asks for refuge", "Solicita refugio"),
    IndicationCode.CHILD_ASKS_FOR_NO_CONTACT: Text(
        "The child asks that the consulate not be told", "La NNA pide que no se avise al consulado"
    ),
    IndicationCode.OTHER: Text("Another sign", "Otro indicio"),
}
TELLERS: Mapping[ToldBy, Text] = {
    ToldBy.CHILD: Text("The child", "La niña, niño o adolescente"),
    ToldBy.OFFICER: Text("An officer", "Una persona servidora pública"),
    ToldBy.AGENCY: Text("An agency", "Una institución"),
    ToldBy.RELATIVE: Text("A relative", "Un familiar"),
}
ANSWERS: Mapping[Answer, Text] = {
    Answer.ACCEPTED: Text("The body abroad will do it", "La autoridad extranjera lo hará"),
    Answer.DECLINED: Text("The body abroad cannot do it", "La autoridad extranjera no puede hacerlo"),
}
LIFT_GROUNDS: Mapping[LiftGround, Text] = {
    LiftGround.CONSENT: Text(
        "Documented express consent through the representative",
        "Consentimiento expreso y documentado por conducto de quien representa",
    ),
    LiftGround.JOINT: Text("The Procuraduría and COMAR together", "La Procuraduría y la COMAR juntas"),
}
LIFT_PURPOSES: Mapping[LiftPurpose, Text] = {
    LiftPurpose.CONSULAR_NOTICE: Text("The notice to a consulate", "El aviso a un consulado"),
    LiftPurpose.CROSS_BORDER: Text("A request to a body abroad", "Una solicitud a una autoridad extranjera"),
    LiftPurpose.RETURN: Text("The child itself goes back to a state", "El retorno de la propia NNA a un Estado"),
}
REVIEW_SUBJECTS: Mapping[ReviewSubject, Text] = {
    ReviewSubject.BAR: Text("The closed guard", "La salvaguarda cerrada"),
    ReviewSubject.RELEASE: Text("A release", "Una liberación"),
    ReviewSubject.LIFT: Text("A lift", "Un levantamiento"),
}
REVIEW_OUTCOMES: Mapping[ReviewOutcome, Text] = {
    ReviewOutcome.KEEP: Text("It stays as it is", "Se mantiene"),
    ReviewOutcome.PROPOSE_LIFT: Text("A lift is to be proposed", "Se propondrá levantar la salvaguarda"),
    ReviewOutcome.END: Text("It ends", "Termina"),
}
CORRECTIONS: Mapping[CorrectionReason, Text] = {
    CorrectionReason.WRONG_CHILD: Text("It was about another child", "Se refería a otra NNA"),
    CorrectionReason.WRONG_CODE: Text("It was recorded under another code", "Se registró con otro código"),
    CorrectionReason.MISUNDERSTOOD: Text("What was said was misunderstood", "Se entendió mal lo dicho"),
    CorrectionReason.DUPLICATE: Text("It was recorded twice", "Se registró dos veces"),
}
