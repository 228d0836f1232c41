"""What the codes of plans and their items are called, in both languages; the rights' names are in the rules. Pure."""

from collections.abc import Mapping

from services.referral.plans.rules import Beneficiary, ItemState, Periodicity, PlanState, Unmet
from shared.catalogue import Text

RIGHTS_LAW = "LGDNNA, art. 13, fr. I to XX"
FORM = "After a Procuraduría's form (route.md, section 2, S8); the list is a design decision"

BENEFICIARIES: Mapping[Beneficiary, Text] = {
    Beneficiary.CHILD: Text("The child", "La NNA"),
    Beneficiary.SIBLINGS: Text("Brothers and sisters", "Hermanas y hermanos"),
    Beneficiary.FAMILY: Text("The family", "La familia"),
    Beneficiary.CARER: Text("The carer", "La persona cuidadora"),
}
PERIODICITIES: Mapping[Periodicity, Text] = {
    Periodicity.ONCE: Text("Once", "Una vez"),
    Periodicity.DAILY: Text("Every day", "Diaria"),
    Periodicity.WEEKLY: Text("Every week", "Semanal"),
    Periodicity.MONTHLY: Text("Every month", "Mensual"),
    Periodicity.QUARTERLY: Text("Every quarter", "Trimestral"),
    Periodicity.AS_NEEDED: Text("As needed", "Según se requiera"),
}
UNMET: Mapping[Unmet, Text] = {
    Unmet.CHILD_DECLINES: Text("The child does not want it", "La NNA no lo desea"),
    Unmet.NOT_AVAILABLE: Text("It is not available", "No está disponible"),
    Unmet.NO_LONGER_NEEDED: Text("No longer needed", "Ya no hace falta"),
    Unmet.ANOTHER_ITEM: Text("Another item stands in its place", "Otra medida la sustituye"),
    Unmet.CHILD_LEFT: Text("The child left", "La NNA se fue"),
    Unmet.NOT_COMPETENT: Text("The institution is not competent", "La institución no es competente"),
}
PLANS: Mapping[PlanState, Text] = {
    PlanState.DRAFT: Text("Draft", "Borrador"),
    PlanState.SIGNED: Text("Signed", "Firmado"),
    PlanState.SUPERSEDED: Text("A later version stands in its place", "Sustituido por otra versión"),
    PlanState.DISCARDED: Text("Discarded", "Descartado"),
}
ITEMS: Mapping[ItemState, Text] = {
    ItemState.PLANNED: Text("Planned", "Prevista"),
    ItemState.UNDER_WAY: Text("Under way", "En curso"),
    ItemState.REPORTED: Text("Reported as done", "Reportada como cumplida"),
    ItemState.MET: Text("Met", "Cumplida"),
    ItemState.REASONED: Text("Cannot be met, for a stated reason", "No puede cumplirse, con motivo"),
}
