"""Where a child may sleep, with whom, and who may know where that is. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.intake.encounters.rules import NO_PRESENTATION, TravelCondition
from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class FacilityKind(StrEnum):
    """What kind of place it is. Systems name the two forbidden ones too, and are told why not."""

    CAS_PUBLIC = "CAS_PUBLIC"
    CAS_PRIVATE = "CAS_PRIVATE"
    DIF_STATE_SHELTER = "DIF_STATE_SHELTER"
    DIF_MUNICIPAL_SHELTER = "DIF_MUNICIPAL_SHELTER"
    CIVIL_SOCIETY_SHELTER = "CIVIL_SOCIETY_SHELTER"
    FOSTER_FAMILY = "FOSTER_FAMILY"
    FAMILY_HOME = "FAMILY_HOME"
    HOSPITAL = "HOSPITAL"
    HOTEL_UNDER_DIF = "HOTEL_UNDER_DIF"
    MIGRATION_STATION = "MIGRATION_STATION"
    ENABLED_PLACE = "ENABLED_PLACE"  # estancia provisional


FORBIDDEN = frozenset({FacilityKind.MIGRATION_STATION, FacilityKind.ENABLED_PLACE})
"""Places of detention: no child, accompanied or not, with whatever reason (LM 99)."""

LAWFUL = [kind.value for kind in FacilityKind if kind not in FORBIDDEN]

LOCATION_WITHHELD = frozenset({FacilityKind.CIVIL_SOCIETY_SHELTER})
"""Whose location INM's enforcement must not learn (LM 76)."""


class StayPurpose(StrEnum):
    """Why the child sleeps there. The words of the adult flow are named so that they can be refused."""

    CARE = "CARE"
    URGENT_MEASURE = "URGENT_MEASURE"
    MEDICAL_CARE = "MEDICAL_CARE"
    FAMILY_REUNIFICATION = "FAMILY_REUNIFICATION"
    AWAITING_ASSISTED_RETURN = "AWAITING_ASSISTED_RETURN"
    PRESENTATION = "PRESENTATION"
    DEPORTATION = "DEPORTATION"


ADULT_FLOW = frozenset({StayPurpose.PRESENTATION, StayPurpose.DEPORTATION})


class Quarters(StrEnum):
    """With whom the child sleeps."""

    WITH_FAMILY = "WITH_FAMILY"  # or with the adult who cares by custom
    WITH_CHILDREN = "WITH_CHILDREN"
    ALONE = "ALONE"
    WITH_UNRELATED_ADULTS = "WITH_UNRELATED_ADULTS"


class SplitReason(StrEnum):
    """Why the Procuraduría lets a family sleep apart."""

    VIOLENCE_IN_FAMILY = "VIOLENCE_IN_FAMILY"
    TRAFFICKING_SIGNS = "TRAFFICKING_SIGNS"
    CHILD_ASKS = "CHILD_ASKS"
    CARE_NEEDED_ELSEWHERE = "CARE_NEEDED_ELSEWHERE"
    NO_COMMON_PLACE = "NO_COMMON_PLACE"


class EndReason(StrEnum):
    """Why a child no longer sleeps there."""

    MOVED = "MOVED"
    LEFT = "LEFT"  # whereabouts unknown
    REUNIFIED = "REUNIFIED"
    RETURNED = "RETURNED"
    TURNED_18 = "TURNED_18"
    DIED = "DIED"


SETTLED = frozenset({EndReason.REUNIFIED, EndReason.RETURNED, EndReason.TURNED_18, EndReason.DIED})
"""After these nobody asks where the child sleeps, until it is met again. After the others everybody should."""


class StayStatus(StrEnum):
    """Where a stay stands."""

    SLEEPING = "sleeping"
    ENDED = "ended"
    VOID = "void"  # was never true; it is kept, and counts for nothing


class StayAction(StrEnum):
    """What moves a stay."""

    END = "end"
    VOID = "void"


TRANSITIONS = {
    (StayStatus.SLEEPING, StayAction.END): StayStatus.ENDED,
    (StayStatus.SLEEPING, StayAction.VOID): StayStatus.VOID,
    (StayStatus.ENDED, StayAction.VOID): StayStatus.VOID,
}
"""Every move there is."""

NO_STATION = Rule(
    "R1",
    Text(
        "No child, accompanied or not, sleeps in a migration station or in a place enabled as one.",
        "Ninguna niña, niño o adolescente, acompañado o no, se aloja en una estación migratoria ni en un lugar "
        "habilitado.",
    ),
    "Ley de Migración, art. 99 and 112, fr. I; LRPCAP, art. 20",
)
TOGETHER = Rule(
    "R12-LODGING",
    Text(
        "Siblings and families sleep in one place unless a reasoned decision of the Procuraduría says otherwise; no "
        "child shares quarters with unrelated adults.",
        "Hermanas, hermanos y familias se alojan juntos salvo decisión motivada de la Procuraduría; ninguna niña o "
        "niño comparte dormitorio con personas adultas ajenas.",
    ),
    "LGDNNA, art. 94, 95 and 98; Ley de Migración, art. 29",
)
LOCATION = Rule(
    "R31",
    Text(
        "INM's enforcement does not read where a civil-society shelter is; its child-protection officers do.",
        "El personal de control del INM no conoce la ubicación de los albergues de la sociedad civil; sus oficiales de "
        "protección a la infancia sí.",
    ),
    "Ley de Migración, art. 76; that it is done by the role in the token is a design decision",
)
RULES = (NO_STATION, TOGETHER, LOCATION)

PROTECTION_ROLES = frozenset({"opi"})
"""INM's child-protection officers, by the role in their token [design]. INM's every other role is enforcement."""


@dataclass(frozen=True, slots=True)
class Night:
    """What decides whether a child may sleep so."""

    kind: FacilityKind
    purpose: StayPurpose
    quarters: Quarters
    condition: TravelCondition
    decided: bool
    """Whether the Procuraduría has decided, with its reason, that the family sleeps apart."""


def check_place(kind: FacilityKind, purpose: StayPurpose) -> None:
    """Raise RefusedByLaw for a place of detention, and for what is done to adults only."""
    if kind in FORBIDDEN:
        raise NO_STATION.refuse(
            "No child sleeps in a migration station or a place enabled as one: DIF receives the child.",
            allowed_actions=LAWFUL,
        )
    if purpose in ADULT_FLOW:
        raise NO_PRESENTATION.refuse(
            "A child is neither presented nor deported, so it is not lodged for that.",
            allowed_actions=[each.value for each in StayPurpose if each not in ADULT_FLOW],
        )


def check_night(night: Night) -> None:
    """Raise RefusedByLaw where a child would sleep among strangers, or apart from its family without a decision.

    A hospital takes whoever is ill: apart from the family, never among unrelated adults.
    """
    if night.quarters is Quarters.WITH_UNRELATED_ADULTS:
        raise TOGETHER.refuse(
            "A child does not share quarters with unrelated adults.",
            allowed_actions=[each.value for each in Quarters if each is not Quarters.WITH_UNRELATED_ADULTS],
        )
    alone = is_alone(night.condition, night.quarters)
    if alone and night.kind is not FacilityKind.HOSPITAL and not night.decided:
        raise apart("An accompanied child sleeps with its family")


def is_alone(condition: TravelCondition, quarters: Quarters) -> bool:
    """Whether a child who has its family with it would sleep without it."""
    return condition is TravelCondition.ACCOMPANIED and quarters is not Quarters.WITH_FAMILY


def apart(what: str) -> Exception:
    """Return the refusal to separate a family without the Procuraduría's decision."""
    return TOGETHER.refuse(
        f"{what}, unless the Procuraduría has decided otherwise (`family_decision`).",
        allowed_actions=["family_decision"],
    )


def may_be_apart(kind: FacilityKind, other: FacilityKind) -> bool:
    """Whether siblings may be in two places for what kind of places these are: one of them is ill."""
    return FacilityKind.HOSPITAL in (kind, other)


def knows_location(kind: FacilityKind, agency_kind: str, role: str) -> bool:
    """Whether a caller may know which place it is (R31)."""
    return kind not in LOCATION_WITHHELD or agency_kind != "INM" or role in PROTECTION_ROLES


def ends_properly(since: datetime, until: datetime | None) -> bool:
    """Whether a stay ends after it began."""
    return until is None or until > since


def advance(status: StayStatus, action: StayAction) -> StayStatus:
    """Return the next status. Raises IllegalMove with what may be done instead."""
    if (status, action) not in TRANSITIONS:
        raise IllegalMove(f"A stay that is {status} cannot {action} any more.", allowed_actions=allowed(status))
    return TRANSITIONS[status, action]


def allowed(status: StayStatus) -> list[str]:
    """Return what may be done with a stay now."""
    return [action.value for start, action in TRANSITIONS if start is status]
