"""What help is called, and which of it every child needs at once. Pure."""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.clocks.rules import Deadline


class AssistanceCode(StrEnum):
    """Immediate help by child-protection officers (INM practice; the codes are a design decision)."""

    HEALTH = "HEALTH"
    FOOD = "FOOD"
    CLOTHING = "CLOTHING"
    REST = "REST"
    HYGIENE = "HYGIENE"
    PHONE_CALL = "PHONE_CALL"
    INTERPRETER = "INTERPRETER"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"
    INFO_RIGHTS = "INFO_RIGHTS"
    LEGAL = "LEGAL"


BASIC_NEEDS = (AssistanceCode.FOOD, AssistanceCode.HEALTH, AssistanceCode.REST, AssistanceCode.PHONE_CALL)
"""What officers give every child (INM practice). Given or offered and declined, it is met."""

NEEDS = Deadline(
    "NEEDS",
    Text(
        "Detection → food, health, rest and a call given or declined", "Detección → alimento, salud, descanso y llamada"
    ),
    "INM practice of child-protection officers; LGDNNA, art. 89. The hours are a design decision.",
    verified=False,
    warn=timedelta(hours=2),
    due=timedelta(hours=4),
)
DEADLINES = (NEEDS,)


def unmet(logged: Collection[str]) -> list[AssistanceCode]:
    """Return which basic needs are neither met nor declined."""
    return [code for code in BASIC_NEEDS if code not in logged]
