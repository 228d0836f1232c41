"""Travel condition, mandatory referrals and the first two deadlines. Pure."""

from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.clocks.rules import Deadline


class EncounterKind(StrEnum):
    """How the child came to be met."""

    FOREIGN_MET = "FOREIGN_MET"  # INM meets a foreign child
    MEXICAN_RETURNED = "MEXICAN_RETURNED"  # INM receives a Mexican child from abroad (LM 20-XI, 112-III)


class Tie(StrEnum):
    """Which adult the child was with."""

    PARENTAL_AUTHORITY = "PARENTAL_AUTHORITY"
    LEGAL_CUSTODY = "LEGAL_CUSTODY"
    GUARDIANSHIP = "GUARDIANSHIP"
    CUSTOMARY_CARE = "CUSTOMARY_CARE"  # cares habitually, by custom and not by law
    OTHER_ADULT = "OTHER_ADULT"  # a smuggler or stranger: does not count
    NOBODY = "NOBODY"


class TieProof(StrEnum):
    """What the tie rests on (Reglamento de la Ley de Migración, art. 170)."""

    ADULT_DOCUMENTS = "ADULT_DOCUMENTS"
    CHILD_STATEMENT = "CHILD_STATEMENT"
    COMPANION_STATEMENT = "COMPANION_STATEMENT"
    OTHER = "OTHER"


class TravelCondition(StrEnum):
    """LM 3-XVII to XIX."""

    ACCOMPANIED = "ACCOMPANIED"
    SEPARATED = "SEPARATED"
    UNACCOMPANIED = "UNACCOMPANIED"


TRAVEL_CONDITIONS: dict[Tie, TravelCondition] = {
    Tie.PARENTAL_AUTHORITY: TravelCondition.ACCOMPANIED,
    Tie.LEGAL_CUSTODY: TravelCondition.ACCOMPANIED,
    Tie.GUARDIANSHIP: TravelCondition.ACCOMPANIED,
    Tie.CUSTOMARY_CARE: TravelCondition.SEPARATED,
    Tie.OTHER_ADULT: TravelCondition.UNACCOMPANIED,
    Tie.NOBODY: TravelCondition.UNACCOMPANIED,
}

MANDATORY_REFERRALS = ("PP", "DIF")
"""Every child met by INM: the Procuraduría is notified, the DIF takes over (LM 112-I and II)."""

D1 = Deadline(
    "D1",
    Text("Detection → Procuraduría notified", "Detección → aviso a la Procuraduría"),
    "Ley de Migración, art. 112 (immediately); INM's protocol of 2016 said at most 24 h. The hours are configuration.",
    verified=False,
    warn=timedelta(hours=1),
    due=timedelta(hours=24),
)
D2 = Deadline(
    "D2",
    Text("Detection → handed over to the DIF", "Detección → canalización al DIF"),
    "Ley de Migración, art. 112, fr. I (immediately). The hours are configuration.",
    verified=False,
    warn=timedelta(hours=1),
    due=timedelta(hours=24),
)
DEADLINES = (D1, D2)
