"""What the codes of assessments, hearings and determinations are called, in both languages. Pure."""

from collections.abc import Mapping

from services.referral.determinations.rules import (
    AssessmentKind,
    BidPurpose,
    BidState,
    Discipline,
    Explained,
    Expression,
    Finding,
    Option,
    ReviewReason,
)
from shared.catalogue import Text

UNHCR = "UNHCR, best-interests procedure (route.md, S19, S20)"
FORM = "After a Procuraduría's form (route.md, section 2); the list is a design decision"
FOUND = "After LGDNNA, art. 94, 98 and 99; the list is a design decision"
HEARD = "After LGDNNA, art. 92, and LM, art. 112-IV; the list is a design decision"

ASSESSMENTS: Mapping[AssessmentKind, Text] = {
    AssessmentKind.INITIAL: Text("Initial assessment", "Evaluación inicial"),
    AssessmentKind.BIA_SHORT: Text("Short best-interests assessment", "Evaluación breve del interés superior"),
    AssessmentKind.BIA_COMPREHENSIVE: Text(
        "Comprehensive best-interests assessment", "Evaluación integral del interés superior"
    ),
}
FINDINGS: Mapping[Finding, Text] = {
    Finding.NO_SPECIAL_NEED: Text("No special need", "Sin necesidad especial"),
    Finding.HEALTH: Text("Health", "Salud"),
    Finding.DISABILITY: Text("Disability", "Discapacidad"),
    Finding.PREGNANCY: Text("Pregnancy", "Embarazo"),
    Finding.PSYCHOSOCIAL: Text("Psychosocial support", "Apoyo psicosocial"),
    Finding.VIOLENCE: Text("Violence suffered", "Violencia sufrida"),
    Finding.EDUCATION: Text("Education", "Educación"),
    Finding.IDENTITY_DOCUMENTS: Text("Identity documents", "Documentos de identidad"),
    Finding.FAMILY_IN_MEXICO: Text("Family in Mexico", "Familia en México"),
    Finding.FAMILY_ABROAD: Text("Family abroad", "Familia en el extranjero"),
    Finding.FAMILY_SEPARATION: Text("Separated on the way", "Separación en el trayecto"),
    Finding.FEAR_OF_RETURN: Text("Fear of going back", "Temor de volver"),
    Finding.PERSECUTION: Text("Persecution", "Persecución"),
    Finding.TRAFFICKING: Text("Possible trafficking", "Posible trata"),
}
EXPRESSIONS: Mapping[Expression, Text] = {
    Expression.EXPRESSED: Text("The child said its view", "Expresó su opinión"),
    Expression.DECLINED: Text("Asked, the child did not wish to say", "Prefirió no opinar"),
    Expression.NOT_YET_ABLE: Text("Too young to say", "Aún no puede expresarla"),
}
EXPLAINED: Mapping[Explained, Text] = {
    Explained.RIGHTS: Text("The rights", "Sus derechos"),
    Explained.PROCEDURE: Text("The procedure", "El procedimiento"),
    Explained.HANDOVER: Text("Who cares for the child", "A quién se entrega"),
    Explained.OPTIONS: Text("The options", "Las opciones"),
    Explained.CONSEQUENCES: Text("What follows from each", "Las consecuencias"),
    Explained.APPEAL: Text("How to object", "Cómo impugnar"),
}
PURPOSES: Mapping[BidPurpose, Text] = {
    BidPurpose.DURABLE_SOLUTION: Text("A durable solution", "Solución duradera"),
    BidPurpose.EXCEPTIONAL_OPTION: Text(
        "An exceptional option for a child at risk", "Opción excepcional para quien está en riesgo"
    ),
    BidPurpose.SEPARATION_FROM_PARENTS: Text(
        "Possible separation from the parents", "Posible separación de madre o padre"
    ),
}
DISCIPLINES: Mapping[Discipline, Text] = {
    Discipline.LEGAL: Text("Law", "Jurídica"),
    Discipline.PSYCHOLOGICAL: Text("Psychology", "Psicología"),
    Discipline.SOCIAL_WORK: Text("Social work", "Trabajo social"),
    Discipline.MEDICAL: Text("Medicine", "Médica"),
}
OPTIONS: Mapping[Option, Text] = {
    Option.STAY_WITH_FAMILY: Text("Stay, with the family", "Permanecer con su familia"),
    Option.STAY_IN_CARE: Text("Stay, in care", "Permanecer bajo cuidado"),
    Option.RETURN_TO_FAMILY: Text("Return to the family", "Retornar con su familia"),
    Option.RETURN_TO_CARE: Text("Return, into care", "Retornar bajo cuidado"),
    Option.FAMILY_IN_THIRD_COUNTRY: Text("Family in a third country", "Familia en un tercer país"),
    Option.NO_SEPARATION: Text("No separation", "No separar"),
    Option.SEPARATION: Text("Separation", "Separar"),
}
STATES: Mapping[BidState, Text] = {
    BidState.OPEN: Text("Open", "Abierta"),
    BidState.DECIDED: Text("Decided, to be signed", "Resuelta, por firmar"),
    BidState.SIGNED: Text("Signed", "Firmada"),
    BidState.REVIEWED: Text("Reviewed by a later one", "Revisada por otra"),
    BidState.WITHDRAWN: Text("Withdrawn", "Retirada"),
}
REVIEWS: Mapping[ReviewReason, Text] = {
    ReviewReason.NEW_FACTS: Text("New facts", "Hechos nuevos"),
    ReviewReason.CHILD_ASKS: Text("The child asks for it", "Lo pide la NNA"),
    ReviewReason.NOT_FEASIBLE: Text("It cannot be carried out", "No puede ejecutarse"),
    ReviewReason.COURT_ORDER: Text("By order of a court", "Por orden judicial"),
    ReviewReason.PERIODIC: Text("Periodic review", "Revisión periódica"),
}
