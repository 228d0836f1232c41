"""What is said in consents, withdrawals, overrides and withholdings, by code. Each with its text. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from services.referral.agencies.rules import Service
from services.referral.cases.recipients import RecipientClass
from shared.catalogue import Text

CPIMS = "CPIMS+ consent form (route.md 4); the list is a design decision"


class Purpose(StrEnum):
    """What the data may be used for, and for nothing else (LGPDPPSO 59-64)."""

    CASE_MANAGEMENT = "CASE_MANAGEMENT"
    SHELTER = "SHELTER"
    HEALTH = "HEALTH"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"
    EDUCATION = "EDUCATION"
    LEGAL = "LEGAL"
    INTERNATIONAL_PROTECTION = "INTERNATIONAL_PROTECTION"
    FAMILY_TRACING = "FAMILY_TRACING"
    RETURN = "RETURN"
    REPORTING = "REPORTING"


PURPOSE_OF: Mapping[Service, Purpose] = {
    Service.REPRESENTATION: Purpose.LEGAL,
    Service.BEST_INTERESTS: Purpose.CASE_MANAGEMENT,
    Service.URGENT_MEASURES: Purpose.CASE_MANAGEMENT,
    Service.SHELTER: Purpose.SHELTER,
    Service.INITIAL_ASSESSMENT: Purpose.CASE_MANAGEMENT,
    Service.REFUGE: Purpose.INTERNATIONAL_PROTECTION,
    Service.MIGRATION_PROCEDURE: Purpose.LEGAL,
    Service.FAMILY_TRACING: Purpose.FAMILY_TRACING,
    Service.LEGAL_AID: Purpose.LEGAL,
    Service.PSYCHOSOCIAL: Purpose.PSYCHOSOCIAL,
    Service.HEALTH: Purpose.HEALTH,
    Service.EDUCATION: Purpose.EDUCATION,
    Service.CONSULAR: Purpose.LEGAL,
    Service.PROSECUTION: Purpose.LEGAL,
    Service.RETURN: Purpose.RETURN,
    Service.MONITORING: Purpose.REPORTING,
    Service.STATISTICS: Purpose.REPORTING,
    Service.CHILD_PROTECTION: Purpose.CASE_MANAGEMENT,
}
"""The service that a referral asks for → the purpose that a consent must name."""


class Giver(StrEnum):
    """Who consents, or takes it back."""

    CHILD = "CHILD"
    REPRESENTATIVE = "REPRESENTATIVE"
    PARENT = "PARENT"
    PP_EN_SUPLENCIA = "PP_EN_SUPLENCIA"


class Assent(StrEnum):
    """What the child said, having been told in a language that it understands."""

    GIVEN = "GIVEN"
    REFUSED = "REFUSED"
    NOT_ABLE = "NOT_ABLE"


class Form(StrEnum):
    """What proves the consent."""

    WRITTEN = "WRITTEN"
    ELECTRONIC_SIGNATURE = "ELECTRONIC_SIGNATURE"
    VERBAL = "VERBAL"


class WithdrawalReason(StrEnum):
    """Why a consent is taken back. None has to be given."""

    NOT_SAID = "NOT_SAID"
    FEAR_OF_HARM = "FEAR_OF_HARM"
    NO_LONGER_NEEDED = "NO_LONGER_NEEDED"
    MISUSE = "MISUSE"
    GIVEN_IN_ERROR = "GIVEN_IN_ERROR"


class Done(StrEnum):
    """What a recipient did with what it had read."""

    ERASED = "ERASED"
    BLOCKED = "BLOCKED"
    KEPT_BY_LAW = "KEPT_BY_LAW"
    NOTHING_KEPT = "NOTHING_KEPT"


class OverrideReason(StrEnum):
    """Why data is shared although no consent covers it."""

    DANGER_TO_LIFE = "DANGER_TO_LIFE"
    URGENT_HEALTH = "URGENT_HEALTH"
    CHILD_NOT_ABLE = "CHILD_NOT_ABLE"
    NOBODY_REACHED = "NOBODY_REACHED"
    BEST_INTERESTS = "BEST_INTERESTS"


class WithholdReason(StrEnum):
    """Why somebody must not know of a case."""

    FEAR_OF_HARM = "FEAR_OF_HARM"
    CHILD_ASKS = "CHILD_ASKS"
    CONFLICT_OF_INTEREST = "CONFLICT_OF_INTEREST"
    MISUSE = "MISUSE"
    TRAFFICKING_RISK = "TRAFFICKING_RISK"


PURPOSES: Mapping[Purpose, Text] = {
    Purpose.CASE_MANAGEMENT: Text("Management of the case", "Gestión del caso"),
    Purpose.SHELTER: Text("A place to live", "Alojamiento"),
    Purpose.HEALTH: Text("Health care", "Atención a la salud"),
    Purpose.PSYCHOSOCIAL: Text("Psychosocial care", "Atención psicosocial"),
    Purpose.EDUCATION: Text("Education", "Educación"),
    Purpose.LEGAL: Text("Legal help and procedures", "Asistencia y trámites jurídicos"),
    Purpose.INTERNATIONAL_PROTECTION: Text("International protection", "Protección internacional"),
    Purpose.FAMILY_TRACING: Text("Finding the family", "Búsqueda de la familia"),
    Purpose.RETURN: Text("Assisted return", "Retorno asistido"),
    Purpose.REPORTING: Text("Reporting that identifies nobody", "Informes sin datos que identifiquen"),
}
CLASSES: Mapping[RecipientClass, Text] = {
    RecipientClass.FAMILY: Text("Family", "Familia"),
    RecipientClass.AUTHORITIES: Text("Mexican authorities", "Autoridades mexicanas"),
    RecipientClass.UNHCR: Text("UNHCR", "ACNUR"),
    RecipientClass.INTERNATIONAL: Text("Other international bodies", "Otros organismos internacionales"),
    RecipientClass.CIVIL_SOCIETY: Text("Civil society", "Sociedad civil"),
    RecipientClass.ABROAD: Text("Bodies of foreign states", "Órganos de otros Estados"),
}
GIVERS: Mapping[Giver, Text] = {
    Giver.CHILD: Text("The person, now of age", "La persona, ya mayor de edad"),
    Giver.REPRESENTATIVE: Text("The legal representative", "La representación legal"),
    Giver.PARENT: Text("Mother or father", "Madre o padre"),
    Giver.PP_EN_SUPLENCIA: Text("The Procuraduría, en suplencia", "La Procuraduría en suplencia"),
}
ASSENTS: Mapping[Assent, Text] = {
    Assent.GIVEN: Text("The child agrees", "La NNA está de acuerdo"),
    Assent.REFUSED: Text("The child does not agree", "La NNA no está de acuerdo"),
    Assent.NOT_ABLE: Text("Too young or not able to say", "Por edad o condición no puede expresarlo"),
}
FORMS: Mapping[Form, Text] = {
    Form.WRITTEN: Text("Written and signed", "Por escrito con firma"),
    Form.ELECTRONIC_SIGNATURE: Text("Electronic signature", "Firma electrónica"),
    Form.VERBAL: Text("Spoken, and noted", "Verbal, con constancia"),
}
WITHDRAWAL_REASONS: Mapping[WithdrawalReason, Text] = {
    WithdrawalReason.NOT_SAID: Text("None was given", "No se expresó"),
    WithdrawalReason.FEAR_OF_HARM: Text("Fear of harm", "Temor a un daño"),
    WithdrawalReason.NO_LONGER_NEEDED: Text("No longer needed", "Ya no hace falta"),
    WithdrawalReason.MISUSE: Text("Used for something else", "Uso para otro fin"),
    WithdrawalReason.GIVEN_IN_ERROR: Text("Given in error", "Se dio por error"),
}
DONE: Mapping[Done, Text] = {
    Done.ERASED: Text("Erased", "Suprimido"),
    Done.BLOCKED: Text("Blocked until it is erased", "Bloqueado hasta su supresión"),
    Done.KEPT_BY_LAW: Text("Kept, as an article orders", "Conservado por obligación legal"),
    Done.NOTHING_KEPT: Text("Nothing had been kept", "No se conservó nada"),
}
OVERRIDE_REASONS: Mapping[OverrideReason, Text] = {
    OverrideReason.DANGER_TO_LIFE: Text("Danger to life or safety", "Peligro para la vida o la seguridad"),
    OverrideReason.URGENT_HEALTH: Text("Urgent health care", "Atención urgente a la salud"),
    OverrideReason.CHILD_NOT_ABLE: Text("The child is not able to say", "La NNA no puede expresarse"),
    OverrideReason.NOBODY_REACHED: Text(
        "Whoever may consent was not reached", "No se localizó a quien puede consentir"
    ),
    OverrideReason.BEST_INTERESTS: Text("The child's best interests", "Interés superior de la niñez"),
}
WITHHOLD_REASONS: Mapping[WithholdReason, Text] = {
    WithholdReason.FEAR_OF_HARM: Text("Fear of harm", "Temor a un daño"),
    WithholdReason.CHILD_ASKS: Text("The child asks for it", "La NNA lo pide"),
    WithholdReason.CONFLICT_OF_INTEREST: Text("Conflict of interest", "Conflicto de interés"),
    WithholdReason.MISUSE: Text("Data was misused before", "Uso indebido previo de datos"),
    WithholdReason.TRAFFICKING_RISK: Text("Risk of trafficking", "Riesgo de trata"),
}
