"""What a referral says when it is opened."""

from dataclasses import dataclass

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Risk
from services.referral.referrals.codes import LawfulBasis, Urgency
from services.referral.referrals.models import Referral
from shared.crypto import Vault


@dataclass(frozen=True, slots=True)
class Ask:
    """What a referral says beyond who asks whom for which child: the minimum referral set."""

    service: Service | None = None
    urgency: Urgency = Urgency.HOUR
    lawful_basis: LawfulBasis = LawfulBasis.LEGAL_OBLIGATION
    risk: Risk | None = None
    fields: tuple[str, ...] | None = None
    withheld_from: tuple[str, ...] = ()
    interpreter: str | None = None
    note: str | None = None
    safe_contact: str | None = None
    parent_id: str | None = None
    depth: int = 0
    follows: Referral | None = None
    external_id: str | None = None
    vault: Vault | None = None
    """What seals `note` and `safe_contact`; needed where there is one of them."""
