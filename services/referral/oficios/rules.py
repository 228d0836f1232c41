"""When the oficio of an adult carer may be drawn up, and what its signature is for. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from services.referral.cases.rules import Gate
from shared.catalogue import Text
from shared.law import Rule

TYPE = "oficio+jwt"
AUDIENCE = "oficio"
LIFE = timedelta(days=36525)
"""An oficio holds for good; a JSON Web Token needs an end."""


class CarerTie(StrEnum):
    """What the adult is to the child (LM, art. 3, fr. XVIII and XIX)."""

    PARENTAL_AUTHORITY = "PARENTAL_AUTHORITY"
    GUARDIANSHIP = "GUARDIANSHIP"
    CUSTOMARY_CARE = "CUSTOMARY_CARE"


TIES = {
    CarerTie.PARENTAL_AUTHORITY: Text("Holds parental authority", "Ejerce la patria potestad"),
    CarerTie.GUARDIANSHIP: Text("Guardian", "Ejerce la tutela"),
    CarerTie.CUSTOMARY_CARE: Text("Cares by custom, not by law", "Cuida por costumbre y no por ley"),
}
LAW = "Ley de Migración, art. 3, fr. XVIII and XIX"

OFICIO = Rule(
    "R10-OFICIO",
    Text(
        "The oficio de canalización of an adult who cares for a child is drawn up by the Procuraduría once it has "
        "acknowledged the notice and attended; it is signed and final, and the adult's presentación waits for it.",
        "El oficio de canalización de la persona adulta que cuida a una niña, niño o adolescente lo levanta la "
        "Procuraduría después de acusar recibo del aviso y de asistir; es firmado y definitivo, y la presentación de "
        "la persona adulta espera a que exista.",
    ),
    "Ley de Migración, art. 95 and 98; the acknowledged notice, signature and finality are a design decision",
)
RULES = (OFICIO,)


def check(gates: Collection[Gate], notified_at: datetime | None, attended_at: datetime, instead: list[str]) -> None:
    """Raise RefusedByLaw (R10-OFICIO) unless the Procuraduría knew, and attended after it was told of the child."""
    if Gate.PP_ACKNOWLEDGED not in gates or notified_at is None:
        raise OFICIO.refuse("The Procuraduría has not acknowledged the notice (PP_NOTICE).", allowed_actions=instead)
    if attended_at < notified_at:
        raise OFICIO.refuse("The Procuraduría attends once it knows of the child.", allowed_actions=instead)
