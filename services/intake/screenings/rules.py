"""What a screening looks for, and what each sign is called where the guard decides. Pure."""

from collections.abc import Iterable
from enum import StrEnum

from shared.catalogue import Text
from shared.law import Rule


class Indicator(StrEnum):
    """A sign of a need of international protection, or of trafficking [design, after the guard's own list]."""

    FEAR_OF_RETURN = "FEAR_OF_RETURN"
    PERSECUTION = "PERSECUTION"
    GENERALISED_VIOLENCE = "GENERALISED_VIOLENCE"
    FAMILY_VIOLENCE = "FAMILY_VIOLENCE"
    FORCED_RECRUITMENT = "FORCED_RECRUITMENT"
    ASKS_FOR_REFUGE = "ASKS_FOR_REFUGE"
    ASKS_FOR_NO_CONTACT = "ASKS_FOR_NO_CONTACT"
    OTHER_PROTECTION = "OTHER_PROTECTION"
    TRAFFICKING_DEBT = "TRAFFICKING_DEBT"
    TRAFFICKING_DOCUMENTS_WITHHELD = "TRAFFICKING_DOCUMENTS_WITHHELD"
    TRAFFICKING_CONTROLLED_BY_OTHERS = "TRAFFICKING_CONTROLLED_BY_OTHERS"
    TRAFFICKING_FORCED_LABOUR = "TRAFFICKING_FORCED_LABOUR"
    TRAFFICKING_SEXUAL_EXPLOITATION = "TRAFFICKING_SEXUAL_EXPLOITATION"
    OTHER_TRAFFICKING = "OTHER_TRAFFICKING"


TOLD_AS: dict[Indicator, str] = {
    Indicator.FEAR_OF_RETURN: "FEAR_OF_RETURN",
    Indicator.PERSECUTION: "PERSECUTION",
    Indicator.GENERALISED_VIOLENCE: "GENERALISED_VIOLENCE",
    Indicator.FAMILY_VIOLENCE: "FAMILY_VIOLENCE",
    Indicator.FORCED_RECRUITMENT: "FORCED_RECRUITMENT",
    Indicator.ASKS_FOR_REFUGE: "ASKS_FOR_REFUGE",
    Indicator.ASKS_FOR_NO_CONTACT: "CHILD_ASKS_FOR_NO_CONTACT",
    Indicator.OTHER_PROTECTION: "OTHER",
    Indicator.TRAFFICKING_DEBT: "TRAFFICKING",
    Indicator.TRAFFICKING_DOCUMENTS_WITHHELD: "TRAFFICKING",
    Indicator.TRAFFICKING_CONTROLLED_BY_OTHERS: "TRAFFICKING",
    Indicator.TRAFFICKING_FORCED_LABOUR: "TRAFFICKING",
    Indicator.TRAFFICKING_SEXUAL_EXPLOITATION: "TRAFFICKING",
    Indicator.OTHER_TRAFFICKING: "TRAFFICKING",
}
"""Each sign as referral's guard knows it."""

CONFIRMED = Rule(
    "R15-SCREENING",
    Text(
        "What a screening finds counts only once referral has closed the guard by it; a later screening that finds "
        "nothing takes nothing back.",
        "Lo que un tamizaje encuentra cuenta sólo cuando canalización cerró con ello la salvaguarda; un tamizaje "
        "posterior sin hallazgos no retira nada.",
    ),
    "Ley de Migración, art. 112, fr. V; the confirmation is a design decision",
)
RULES = (CONFIRMED,)


def told(indicators: Iterable[Indicator]) -> set[str]:
    """Return what referral is told of them."""
    return {TOLD_AS[each] for each in indicators}
