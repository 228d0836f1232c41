"""When an acta may be issued, and what it says. Pure."""

from datetime import timedelta

from shared.catalogue import Text
from shared.law import Rule

TYPE = "acta+jwt"
AUDIENCE = "acta"
LIFE = timedelta(days=36525)
"""An acta holds for good; a JSON Web Token needs an end."""

HANDOVER = Rule(
    "R6",
    Text(
        "A child is handed over by an acta that holds the notice to the Procuraduría and the recipient at DIF; "
        "it is signed and final.",
        "La entrega se hace por un acta que contiene el aviso a la Procuraduría y quién recibe en el DIF; "
        "es firmada y definitiva.",
    ),
    "Ley de Migración, art. 112, fr. I and II (and 95, 98); signature and finality are a design decision",
)
RULES = (HANDOVER,)


def missing(*, notified: bool, accepted: bool) -> str:
    """Say what an acta still lacks; nothing when it may be issued."""
    lacking = []
    if not notified:
        lacking.append("the Procuraduría has not acknowledged the notice (PP_NOTICE)")
    if not accepted:
        lacking.append("no DIF has accepted the child (DIF_HANDOVER)")
    return " and ".join(lacking)
