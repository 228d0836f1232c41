"""The code lists of claims, in two languages. Pure. LRPCAP is the refugee act; the rest are design decisions."""

from enum import StrEnum

from shared.catalogue import Text


class FiledBy(StrEnum):
    """Who filed a claim (LRPCAP 11)."""

    CHILD = "CHILD"
    REPRESENTATIVE = "REPRESENTATIVE"
    THIRD_PARTY = "THIRD_PARTY"


class ClaimForm(StrEnum):
    """How a claim was filed (LRPCAP 18)."""

    WRITTEN = "WRITTEN"
    VERBAL = "VERBAL"


class PossibleSince(StrEnum):
    """Why a claim became materially possible only later than on entry (LRPCAP 18)."""

    TOLD_OF_RIGHT = "TOLD_OF_RIGHT"
    IN_SAFETY = "IN_SAFETY"
    REPRESENTED = "REPRESENTED"
    INTERPRETER = "INTERPRETER"
    HEALTH = "HEALTH"
    FACTS_KNOWN = "FACTS_KNOWN"


class LateReason(StrEnum):
    """Why a claim, or an appeal, comes late."""

    NOT_TOLD_OF_RIGHT = "NOT_TOLD_OF_RIGHT"
    NOT_REPRESENTED = "NOT_REPRESENTED"
    NO_INTERPRETER = "NO_INTERPRETER"
    FEAR_OR_TRAUMA = "FEAR_OR_TRAUMA"
    HEALTH = "HEALTH"
    HELD_OR_HIDDEN = "HELD_OR_HIDDEN"
    FORCE_MAJEURE = "FORCE_MAJEURE"


class ExtensionGround(StrEnum):
    """Why the time to resolve is extended (LRPCAP 24, fr. I to V)."""

    FACTS_MISSING = "FACTS_MISSING"
    INTERPRETER_MISSING = "INTERPRETER_MISSING"
    HEALTH = "HEALTH"
    APPLICANT_ASKS = "APPLICANT_ASKS"
    FORCE_MAJEURE = "FORCE_MAJEURE"


class OpinionTopic(StrEnum):
    """What COMAR may ask SRE: conditions prevailing in the country of origin, and nothing of the applicant."""

    GENERALISED_VIOLENCE = "GENERALISED_VIOLENCE"
    PERSECUTION_OF_GROUPS = "PERSECUTION_OF_GROUPS"
    CHILD_RECRUITMENT = "CHILD_RECRUITMENT"
    GENDER_VIOLENCE = "GENDER_VIOLENCE"
    STATE_PROTECTION = "STATE_PROTECTION"
    PUBLIC_ORDER = "PUBLIC_ORDER"


class OpinionKind(StrEnum):
    """What SRE answered."""

    GIVEN = "GIVEN"
    NO_INFORMATION = "NO_INFORMATION"


class Remedy(StrEnum):
    """What was filed against a resolution (LRPCAP 25)."""

    REVIEW = "REVIEW"
    OTHER_DEFENCE = "OTHER_DEFENCE"


class AppealDecision(StrEnum):
    """How an appeal ended."""

    UPHELD = "UPHELD"
    RECOGNISED = "RECOGNISED"
    COMPLEMENTARY_PROTECTION = "COMPLEMENTARY_PROTECTION"


class WithdrawalReason(StrEnum):
    """Why the child wishes to withdraw. That it is absent is no reason."""

    CHILD_WISHES = "CHILD_WISHES"
    OTHER_STATUS_CHOSEN = "OTHER_STATUS_CHOSEN"
    JOINS_FAMILY = "JOINS_FAMILY"
    FILED_IN_ERROR = "FILED_IN_ERROR"


FILERS = {
    FiledBy.CHILD: Text("The child itself", "La propia niña, niño o adolescente"),
    FiledBy.REPRESENTATIVE: Text("The representative", "La representación"),
    FiledBy.THIRD_PARTY: Text("Another person", "Interpósita persona"),
}
FORMS = {
    ClaimForm.WRITTEN: Text("In writing", "Por escrito"),
    ClaimForm.VERBAL: Text("By word of mouth, taken down", "Verbal, asentada en acta"),
}
POSSIBLE_SINCE = {
    PossibleSince.TOLD_OF_RIGHT: Text("Was told of the right only then", "Hasta entonces conoció el derecho"),
    PossibleSince.IN_SAFETY: Text("Was in safety only then", "Hasta entonces estuvo a salvo"),
    PossibleSince.REPRESENTED: Text("Was represented only then", "Hasta entonces tuvo representación"),
    PossibleSince.INTERPRETER: Text("Could be understood only then", "Hasta entonces hubo intérprete"),
    PossibleSince.HEALTH: Text("Health allowed it only then", "Hasta entonces la salud lo permitió"),
    PossibleSince.FACTS_KNOWN: Text(
        "Learnt of the facts only then (art. 13-III)", "Hasta entonces conoció los hechos (art. 13-III)"
    ),
}
LATE_REASONS = {
    LateReason.NOT_TOLD_OF_RIGHT: Text("Was not told of the right", "No se le informó del derecho"),
    LateReason.NOT_REPRESENTED: Text("Had nobody to represent it", "No tuvo quien le representara"),
    LateReason.NO_INTERPRETER: Text("Nobody spoke its language", "No hubo intérprete"),
    LateReason.FEAR_OR_TRAUMA: Text("Fear or trauma", "Temor o trauma"),
    LateReason.HEALTH: Text("Health", "Salud"),
    LateReason.HELD_OR_HIDDEN: Text("Was held or hidden by others", "Fue retenida u ocultada por terceros"),
    LateReason.FORCE_MAJEURE: Text("Chance or force majeure", "Caso fortuito o fuerza mayor"),
}
TOPICS = {
    OpinionTopic.GENERALISED_VIOLENCE: Text("Generalised violence", "Violencia generalizada"),
    OpinionTopic.PERSECUTION_OF_GROUPS: Text("Persecution of groups", "Persecución de grupos"),
    OpinionTopic.CHILD_RECRUITMENT: Text("Recruitment of children", "Reclutamiento de niñas y niños"),
    OpinionTopic.GENDER_VIOLENCE: Text("Violence by gender", "Violencia de género"),
    OpinionTopic.STATE_PROTECTION: Text("Whether the state protects", "Protección por el Estado"),
    OpinionTopic.PUBLIC_ORDER: Text("Public order", "Orden público"),
}
OPINIONS = {
    OpinionKind.GIVEN: Text("An opinion", "Opinión emitida"),
    OpinionKind.NO_INFORMATION: Text("No information", "Sin información"),
}
REMEDIES = {
    Remedy.REVIEW: Text("Appeal for review", "Recurso de revisión"),
    Remedy.OTHER_DEFENCE: Text("Another means of defence", "Otro medio de defensa"),
}
APPEAL_DECISIONS = {
    AppealDecision.UPHELD: Text("The resolution stands", "Se confirma la resolución"),
    AppealDecision.RECOGNISED: Text("Recognised as a refugee", "Se reconoce la condición de refugiado"),
    AppealDecision.COMPLEMENTARY_PROTECTION: Text("Complementary protection", "Protección complementaria"),
}
WITHDRAWAL_REASONS = {
    WithdrawalReason.CHILD_WISHES: Text("The child wishes it", "Así lo desea la niña, niño o adolescente"),
    WithdrawalReason.OTHER_STATUS_CHOSEN: Text("Chose another status", "Eligió otra condición de estancia"),
    WithdrawalReason.JOINS_FAMILY: Text("Joins its family", "Se reúne con su familia"),
    WithdrawalReason.FILED_IN_ERROR: Text("It was filed in error", "Se presentó por error"),
}
