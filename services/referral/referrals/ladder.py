"""Who is asked next when a body has no place: the ladder as data, and the step up it. Pure.

It never ends: the last rung of each ladder is somebody who cannot decline.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.referral.agencies.rules import COUNTRY, Agency, Kind, Service
from services.referral.referrals.codes import DeclineReason, LawfulBasis, NotAchievedReason
from services.referral.referrals.rules import ReferralKind, State


class Rung(StrEnum):
    """What kind of body is asked."""

    MUNICIPAL_DIF = "MUNICIPAL_DIF"
    STATE_DIF = "STATE_DIF"
    NATIONAL_DIF = "NATIONAL_DIF"
    OTHER_STATE_DIF = "OTHER_STATE_DIF"
    IN_STATE = "IN_STATE"
    IN_COUNTRY = "IN_COUNTRY"
    PROCURADURIA = "PROCURADURIA"


NEXT_RUNG: Mapping[Rung, Rung | None] = {
    Rung.MUNICIPAL_DIF: Rung.STATE_DIF,
    Rung.STATE_DIF: Rung.NATIONAL_DIF,
    Rung.OTHER_STATE_DIF: Rung.NATIONAL_DIF,  # who found that place finds another one
    Rung.NATIONAL_DIF: None,  # it cannot decline: it hands on to another state's DIF
    Rung.IN_STATE: Rung.IN_COUNTRY,
    Rung.IN_COUNTRY: Rung.PROCURADURIA,
    Rung.PROCURADURIA: None,  # it cannot decline: it finds somebody
}
"""By the agreement of SNDIF and Veracruz: state, national DIF, by it another state's. The rest is ours [design]."""

MOVES_ON = frozenset(
    {(State.DECLINED, DeclineReason.NO_CAPACITY.value), (State.NOT_ACHIEVED, NotAchievedReason.NO_CAPACITY.value)}
)
"""What sends a SERVICE referral on by rule. A hand-over to DIF moves on whatever the reason."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """Who is asked next, by which kind of referral."""

    rung: Rung
    kind: ReferralKind
    recipient: str


def next_handover(asked: Agency, state: str, agencies: Iterable[Agency]) -> NextStep:
    """Return who is asked next for a place for a child of `state`. The national DIF always is there."""
    known = list(agencies)
    rung = _rung_of_dif(asked, state)
    while (rung := NEXT_RUNG[rung] or rung) is not Rung.NATIONAL_DIF:
        if (found := _first(known, lambda each: each.kind is Kind.DIF and state in each.territory)) is not None:
            return NextStep(rung, ReferralKind.DIF_HANDOVER, found.id)
    national = _first(known, lambda each: each.kind is Kind.DIF and COUNTRY in each.territory)
    if national is None:
        raise LookupError("The directory has no national DIF.")
    return NextStep(Rung.NATIONAL_DIF, ReferralKind.DIF_HANDOVER, national.id)


def _rung_of_dif(asked: Agency, state: str) -> Rung:
    if asked.kind is not Kind.DIF:  # a municipal DIF, or a shelter
        return Rung.MUNICIPAL_DIF
    if COUNTRY in asked.territory:
        return Rung.NATIONAL_DIF
    return Rung.STATE_DIF if state in asked.territory else Rung.OTHER_STATE_DIF


def next_provider(
    service: Service | None,
    state: str,
    procuraduria: str,
    agencies: Iterable[Agency],
    *,
    basis: LawfulBasis,
    without: Collection[str],
) -> NextStep:
    """Return who is asked next for a service: in the state, in the country, else the Procuraduría finds somebody.

    `without` has been asked, asks, or must not know. What rests on consent goes to nobody whom the child did not
    consent to: there the Procuraduría finds somebody, and asks.
    """
    known = [each for each in agencies if each.id not in without and service in each.services and not _foreign(each)]
    if basis is not LawfulBasis.CONSENT:
        if (near := _first(known, lambda each: state in each.territory)) is not None:
            return NextStep(Rung.IN_STATE, ReferralKind.SERVICE, near.id)
        if (far := _first(known, lambda each: COUNTRY in each.territory)) is not None:
            return NextStep(Rung.IN_COUNTRY, ReferralKind.SERVICE, far.id)
    return NextStep(Rung.PROCURADURIA, ReferralKind.PP_FIND, procuraduria)


def _first(agencies: Iterable[Agency], fits: Callable[[Agency], bool]) -> Agency | None:
    return min((each for each in agencies if fits(each)), key=lambda each: each.id, default=None)


def _foreign(agency: Agency) -> bool:
    """Whether a body serves a foreign state: nothing goes there by rule alone (the guard)."""
    return getattr(agency, "bound_to", None) is not None
