"""What the codes of measures and admissions are called, in both languages. Pure."""

from collections.abc import Mapping

from services.referral.measures.rules import (
    ExitReason,
    Ground,
    MeasureCode,
    MeasureEnd,
    MeasureKind,
    MeasureState,
    MeasureWay,
    Purpose,
)
from shared.catalogue import Text

LAW = "LGDNNA, art. 122, fr. VI and VII"
GROUNDS_LAW = "LGDNNA, art. 122, fr. VI (the first three); the others are a design decision"
INAI = "After INAI's order to SNDIF, 2020 (route.md, S21); the list is a design decision"

KINDS: Mapping[MeasureKind, Text] = {
    MeasureKind.URGENT: Text("Urgent measure", "Medida urgente"),
    MeasureKind.SPECIAL: Text("Special measure", "Medida especial"),
}
WAYS: Mapping[MeasureWay, Text] = {
    MeasureWay.REQUESTED: Text("Asked of the Ministerio Público", "Solicitada al Ministerio Público"),
    MeasureWay.ORDERED: Text("Ordered by the Procuraduría", "Ordenada por la Procuraduría"),
}
MEASURES: Mapping[MeasureCode, Text] = {
    MeasureCode.CAS_ADMISSION: Text("Admission to a shelter", "Ingreso a un centro de asistencia social"),
    MeasureCode.MEDICAL_CARE: Text("Immediate medical care", "Atención médica inmediata"),
}
GROUNDS: Mapping[Ground, Text] = {
    Ground.RISK_TO_LIFE: Text("Risk to life", "Riesgo contra la vida"),
    Ground.RISK_TO_INTEGRITY: Text("Risk to integrity", "Riesgo contra la integridad"),
    Ground.RISK_TO_LIBERTY: Text("Risk to liberty", "Riesgo contra la libertad"),
    Ground.WITHOUT_CARE: Text("Nobody cares for the child", "Sin cuidados"),
    Ground.HEALTH: Text("Health", "Salud"),
}
STATES: Mapping[MeasureState, Text] = {
    MeasureState.REQUESTED: Text("Asked for", "Solicitada"),
    MeasureState.DECREED: Text("Decreed by the Ministerio Público", "Decretada por el Ministerio Público"),
    MeasureState.ORDERED: Text("Ordered by the Procuraduría", "Ordenada por la Procuraduría"),
    MeasureState.CONFIRMED: Text("Confirmed by the judge", "Ratificada por la autoridad judicial"),
    MeasureState.CHANGED: Text("Changed by the judge", "Modificada por la autoridad judicial"),
    MeasureState.REFUSED: Text("Refused by the Ministerio Público", "Negada por el Ministerio Público"),
    MeasureState.WITHDRAWN: Text("Withdrawn", "Retirada"),
    MeasureState.CANCELLED: Text("Cancelled by the judge", "Cancelada por la autoridad judicial"),
    MeasureState.ENDED: Text("Ended", "Concluida"),
}
ENDS: Mapping[MeasureEnd, Text] = {
    MeasureEnd.NO_RISK: Text("There is no risk", "No hay riesgo"),
    MeasureEnd.RISK_PASSED: Text("The risk has passed", "El riesgo cesó"),
    MeasureEnd.ANOTHER_MEASURE: Text("Another measure stands in its place", "Otra medida la sustituye"),
    MeasureEnd.NOT_SUITABLE: Text("It is not suitable", "No es idónea"),
    MeasureEnd.COURT_ORDER: Text("By order of a court", "Por orden judicial"),
    MeasureEnd.FAMILY_CARE: Text("The family cares for the child", "La familia se hace cargo"),
    MeasureEnd.LEFT_THE_COUNTRY: Text("The child left the country", "Salió del país"),
    MeasureEnd.ADULT: Text("Of age", "Mayoría de edad"),
    MeasureEnd.ASKED_IN_ERROR: Text("Asked for in error", "Solicitada por error"),
}
PURPOSES: Mapping[Purpose, Text] = {
    Purpose.URGENT_PROTECTION: Text("Urgent protection", "Protección urgente"),
    Purpose.CARE_DURING_PROCEDURE: Text("Care during the procedure", "Cuidado durante el procedimiento"),
    Purpose.AWAITING_FAMILY: Text("Until the family is found or comes", "En espera de su familia"),
    Purpose.AWAITING_RETURN: Text("Until the assisted return", "En espera del retorno asistido"),
    Purpose.TRANSIT: Text("On the way to another centre", "En tránsito a otro centro"),
}
EXITS: Mapping[ExitReason, Text] = {
    ExitReason.OTHER_CENTRE: Text("To another centre", "A otro centro"),
    ExitReason.FAMILY_REUNIFIED: Text("Reunited with the family", "Reunificación familiar"),
    ExitReason.FOSTER_CARE: Text("Foster care", "Acogimiento familiar"),
    ExitReason.RETURN: Text("Assisted return", "Retorno asistido"),
    ExitReason.HOSPITAL: Text("Hospital", "Hospital"),
    ExitReason.MEASURE_ENDED: Text("The measure ended", "Concluyó la medida"),
    ExitReason.LEFT_BY_ITSELF: Text("Left by itself", "Abandonó el centro"),
    ExitReason.ADULT: Text("Of age", "Mayoría de edad"),
    ExitReason.DEATH: Text("Death", "Fallecimiento"),
}
