"""What may be said in a referral, by code: reasons, outcomes, fields, urgencies. Each with its text. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from shared.catalogue import Text

DESIGN = "Design decision"


class Urgency(StrEnum):
    """Within what time the recipient should answer a SERVICE referral, and begin once it has accepted."""

    HOUR = "1h"
    HOURS = "3h"
    DAY = "1d"
    DAYS = "3d"


class LawfulBasis(StrEnum):
    """Why the data may be shared (R28)."""

    CONSENT = "CONSENT"
    LEGAL_OBLIGATION = "LEGAL_OBLIGATION"
    VITAL_INTERESTS = "VITAL_INTERESTS"
    BEST_INTERESTS = "BEST_INTERESTS"


class Reason(StrEnum):
    """Why an agency asks another for a service."""

    NEED_ASSESSED = "NEED_ASSESSED"
    REQUESTED_BY_CHILD = "REQUESTED_BY_CHILD"
    PROTECTION_MEASURE = "PROTECTION_MEASURE"
    URGENT_CARE = "URGENT_CARE"


class DeclineReason(StrEnum):
    """Why a recipient cannot take a referral."""

    NO_CAPACITY = "NO_CAPACITY"
    OUT_OF_TERRITORY = "OUT_OF_TERRITORY"
    NOT_COMPETENT = "NOT_COMPETENT"
    OTHER_PROVIDER = "OTHER_PROVIDER"
    SAFETY = "SAFETY"
    CHILD_DECLINES = "CHILD_DECLINES"
    DUPLICATE = "DUPLICATE"
    NOT_IDENTIFIED = "NOT_IDENTIFIED"  # in the recipient's own register


class RefusalReturn(StrEnum):
    """Why the second party does not confirm a refusal."""

    CAPACITY_EXISTS = "CAPACITY_EXISTS"
    COMPETENT_BY_LAW = "COMPETENT_BY_LAW"
    RISK_TOO_HIGH = "RISK_TOO_HIGH"
    REASON_NOT_SHOWN = "REASON_NOT_SHOWN"


class HoldReason(StrEnum):
    """Why work on a referral rests for a while."""

    WAITING_FOR_CHILD = "WAITING_FOR_CHILD"
    WAITING_FOR_DOCUMENTS = "WAITING_FOR_DOCUMENTS"
    WAITING_FOR_OTHER_SERVICE = "WAITING_FOR_OTHER_SERVICE"
    WAITING_FOR_PLACE = "WAITING_FOR_PLACE"
    CHILD_UNWELL = "CHILD_UNWELL"
    CHILD_ELSEWHERE = "CHILD_ELSEWHERE"


class Outcome(StrEnum):
    """What came of a referral that was completed."""

    PROVIDED = "PROVIDED"
    PARTLY_PROVIDED = "PARTLY_PROVIDED"
    NOT_NEEDED = "NOT_NEEDED"
    HANDED_ON = "HANDED_ON"


class NotAchievedReason(StrEnum):
    """Why what was accepted could not be achieved."""

    NO_CAPACITY = "NO_CAPACITY"
    CHILD_DECLINED = "CHILD_DECLINED"
    CHILD_LEFT = "CHILD_LEFT"
    NO_CONTACT = "NO_CONTACT"
    NOT_POSSIBLE = "NOT_POSSIBLE"


class WithdrawReason(StrEnum):
    """Why the sender takes a referral back."""

    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"
    CHILD_ASKED = "CHILD_ASKED"
    CONSENT_WITHDRAWN = "CONSENT_WITHDRAWN"
    OTHER_PROVIDER = "OTHER_PROVIDER"
    CHILD_MOVED = "CHILD_MOVED"
    PARENT_CLOSED = "PARENT_CLOSED"


class ErrorReason(StrEnum):
    """Why a referral should never have been."""

    WRONG_CHILD = "WRONG_CHILD"
    WRONG_RECIPIENT = "WRONG_RECIPIENT"
    DUPLICATE = "DUPLICATE"
    NOT_MEANT = "NOT_MEANT"


class FieldCode(StrEnum):
    """What of a child's record in intake a recipient may need to know: the field list of a referral (R29)."""

    GIVEN_NAMES = "identity.given_names"
    FIRST_SURNAME = "identity.first_surname"
    SECOND_SURNAME = "identity.second_surname"
    BIRTH_DATE = "identity.birth_date"
    ESTIMATED_AGE = "identity.estimated_age"
    CURP = "identity.curp"
    SEX = "child.sex"
    NATIONALITIES = "child.nationalities"
    RESIDENCE = "child.residence"
    LANGUAGES = "child.languages"
    DISABILITIES = "alerts.disabilities"
    HEALTH = "alerts.health"
    TRAVEL_CONDITION = "encounter.travel_condition"
    MET_AT = "encounter.occurred_at"
    MET_IN = "encounter.place"
    FAMILY = "family.members"
    LODGING = "lodging.facility"
    ASSISTANCE = "assistance.given"
    NEEDS = "interviews.needs"


URGENCIES: Mapping[Urgency, Text] = {
    Urgency.HOUR: Text("Within 1 hour", "En 1 hora"),
    Urgency.HOURS: Text("Within 3 hours", "En 3 horas"),
    Urgency.DAY: Text("Within 1 day", "En 1 día"),
    Urgency.DAYS: Text("Within 3 days", "En 3 días"),
}
BASES: Mapping[LawfulBasis, Text] = {
    LawfulBasis.CONSENT: Text("Consent", "Consentimiento"),
    LawfulBasis.LEGAL_OBLIGATION: Text("Legal obligation", "Obligación legal"),
    LawfulBasis.VITAL_INTERESTS: Text("Vital interests", "Intereses vitales"),
    LawfulBasis.BEST_INTERESTS: Text("Best interests of the child", "Interés superior de la niñez"),
}
REASONS: Mapping[Reason, Text] = {
    Reason.NEED_ASSESSED: Text("An assessment found the need", "Una valoración encontró la necesidad"),
    Reason.REQUESTED_BY_CHILD: Text("The child asked for it", "La niña, niño o adolescente lo pidió"),
    Reason.PROTECTION_MEASURE: Text("A protection measure orders it", "Una medida de protección lo ordena"),
    Reason.URGENT_CARE: Text("Urgent care", "Atención urgente"),
}
DECLINE_REASONS: Mapping[DeclineReason, Text] = {
    DeclineReason.NO_CAPACITY: Text("No place or no staff", "Sin lugar o sin personal"),
    DeclineReason.OUT_OF_TERRITORY: Text("Outside the territory", "Fuera del territorio"),
    DeclineReason.NOT_COMPETENT: Text("Not competent", "No es competente"),
    DeclineReason.OTHER_PROVIDER: Text("Another body serves the child", "Otra institución atiende"),
    DeclineReason.SAFETY: Text("The child would not be safe there", "Ahí no habría seguridad para la NNA"),
    DeclineReason.CHILD_DECLINES: Text("The child does not want it", "La NNA no lo desea"),
    DeclineReason.DUPLICATE: Text("Asked for twice", "Solicitud repetida"),
    DeclineReason.NOT_IDENTIFIED: Text("Its register does not know the child", "Su registro no identifica a la NNA"),
}
REFUSAL_RETURNS: Mapping[RefusalReturn, Text] = {
    RefusalReturn.CAPACITY_EXISTS: Text("The directory shows a place", "El directorio muestra lugar"),
    RefusalReturn.COMPETENT_BY_LAW: Text("The body is competent by law", "La institución es competente por ley"),
    RefusalReturn.RISK_TOO_HIGH: Text("The risk does not allow a delay", "El riesgo no admite demora"),
    RefusalReturn.REASON_NOT_SHOWN: Text("The reason is not shown", "El motivo no está acreditado"),
}
HOLD_REASONS: Mapping[HoldReason, Text] = {
    HoldReason.WAITING_FOR_CHILD: Text("The child asks for time", "La NNA pide tiempo"),
    HoldReason.WAITING_FOR_DOCUMENTS: Text("Documents are awaited", "En espera de documentos"),
    HoldReason.WAITING_FOR_OTHER_SERVICE: Text("Another service comes first", "Antes va otro servicio"),
    HoldReason.WAITING_FOR_PLACE: Text("A place is awaited", "En espera de lugar"),
    HoldReason.CHILD_UNWELL: Text("The child is unwell", "La NNA no está bien de salud"),
    HoldReason.CHILD_ELSEWHERE: Text("The child is elsewhere for now", "La NNA está por ahora en otro lugar"),
}
OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.PROVIDED: Text("Provided", "Prestado"),
    Outcome.PARTLY_PROVIDED: Text("Provided in part", "Prestado en parte"),
    Outcome.NOT_NEEDED: Text("Turned out not to be needed", "Resultó innecesario"),
    Outcome.HANDED_ON: Text("Handed on to another body", "Pasado a otra institución"),
}
NOT_ACHIEVED_REASONS: Mapping[NotAchievedReason, Text] = {
    NotAchievedReason.NO_CAPACITY: Text("No place or no staff any more", "Ya sin lugar o sin personal"),
    NotAchievedReason.CHILD_DECLINED: Text("The child did not want it", "La NNA no lo quiso"),
    NotAchievedReason.CHILD_LEFT: Text("The child left", "La NNA se fue"),
    NotAchievedReason.NO_CONTACT: Text("The child could not be reached", "No se pudo contactar a la NNA"),
    NotAchievedReason.NOT_POSSIBLE: Text("It was not possible", "No fue posible"),
}
WITHDRAW_REASONS: Mapping[WithdrawReason, Text] = {
    WithdrawReason.NO_LONGER_NEEDED: Text("No longer needed", "Ya no hace falta"),
    WithdrawReason.CHILD_ASKED: Text("The child asked for it", "La NNA lo pidió"),
    WithdrawReason.CONSENT_WITHDRAWN: Text("Consent was withdrawn", "Se retiró el consentimiento"),
    WithdrawReason.OTHER_PROVIDER: Text("Another body serves the child", "Otra institución atiende"),
    WithdrawReason.CHILD_MOVED: Text("The child is elsewhere now", "La NNA está ahora en otro lugar"),
    WithdrawReason.PARENT_CLOSED: Text("The referral that it was part of has ended", "Terminó la canalización madre"),
}
ERROR_REASONS: Mapping[ErrorReason, Text] = {
    ErrorReason.WRONG_CHILD: Text("The wrong child", "NNA equivocada"),
    ErrorReason.WRONG_RECIPIENT: Text("The wrong recipient", "Institución equivocada"),
    ErrorReason.DUPLICATE: Text("Entered twice", "Registrada dos veces"),
    ErrorReason.NOT_MEANT: Text("Not meant to be sent", "No debía enviarse"),
}
FIELDS: Mapping[FieldCode, Text] = {
    FieldCode.GIVEN_NAMES: Text("Given names", "Nombres"),
    FieldCode.FIRST_SURNAME: Text("First surname", "Primer apellido"),
    FieldCode.SECOND_SURNAME: Text("Second surname", "Segundo apellido"),
    FieldCode.BIRTH_DATE: Text("Birth date", "Fecha de nacimiento"),
    FieldCode.ESTIMATED_AGE: Text("Estimated age", "Edad estimada"),
    FieldCode.CURP: Text("CURP", "CURP"),
    FieldCode.SEX: Text("Sex", "Sexo"),
    FieldCode.NATIONALITIES: Text("Nationalities", "Nacionalidades"),
    FieldCode.RESIDENCE: Text("Country of residence", "País de residencia"),
    FieldCode.LANGUAGES: Text("Languages", "Lenguas"),
    FieldCode.DISABILITIES: Text("Disabilities", "Discapacidades"),
    FieldCode.HEALTH: Text("Health alerts", "Alertas de salud"),
    FieldCode.TRAVEL_CONDITION: Text("Travel condition", "Condición de viaje"),
    FieldCode.MET_AT: Text("When the child was met", "Cuándo fue encontrada"),
    FieldCode.MET_IN: Text("Where the child was met", "Dónde fue encontrada"),
    FieldCode.FAMILY: Text("Family", "Familia"),
    FieldCode.LODGING: Text("Where the child sleeps", "Dónde duerme"),
    FieldCode.ASSISTANCE: Text("Help given so far", "Asistencia prestada"),
    FieldCode.NEEDS: Text("Needs that the child spoke of", "Necesidades que refirió"),
}
