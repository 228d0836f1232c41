"""When an acta may be issued, and what it says. Pure."""

from collections.abc import Collection
from datetime import timedelta

from services.referral.cases.rules import Gate

TYPE = "acta+jwt"
AUDIENCE = "acta"
LIFE = timedelta(days=36525)
"""An acta holds for good; a JSON Web Token needs an end."""

SAYS = {
    Gate.PP_ACKNOWLEDGED: "the Procuraduría has not acknowledged the notice (PP_NOTICE)",
    Gate.DIF_ACCEPTED: "no DIF has accepted the child (DIF_HANDOVER)",
}


def lacking(gates: Collection[Gate]) -> str:
    """Say what an acta still lacks."""
    return " and ".join(SAYS[gate] for gate in gates)
