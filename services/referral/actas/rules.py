"""When an acta may be issued, for which hand-over, and what it says. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.referral.cases.rules import Gate

TYPE = "acta+jwt"
AUDIENCE = "acta"
LIFE = timedelta(days=36525)
"""An acta holds for good; a JSON Web Token needs an end."""

SAYS = {
    Gate.PP_ACKNOWLEDGED: "the Procuraduría has not acknowledged the notice (PP_NOTICE)",
    Gate.DIF_ACCEPTED: "no DIF has accepted the child (DIF_HANDOVER)",
}


@dataclass(frozen=True, slots=True)
class HandOver:
    """What an acta records: who took the child on, by which referral, and which Procuraduría knew."""

    referral_id: str | None
    state: str
    dif: str
    accepted_at: datetime
    notified_by: str | None
    notified_at: datetime
    follows: str | None


def lacking(gates: Collection[Gate]) -> str:
    """Say what an acta still lacks."""
    return " and ".join(SAYS[gate] for gate in gates)
