"""Who may take a child in, what counts as a free place, who may know where a shelter is. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from services.referral.agencies.rules import COUNTRY, SHELTERS, Agency, Kind
from shared.catalogue import Text
from shared.law import Rule

FRESH = timedelta(hours=24)
"""How old a figure may be, where the installation says nothing else (RUTA_CAPACITY_FRESH_HOURS) [design]."""


class PlaceSex(StrEnum):
    """For whom a place is."""

    F = "F"
    M = "M"
    ANY = "ANY"


class AgeBand(StrEnum):
    """For which age a place is (CPIMS+), or that it is for a family together."""

    A0_5 = "0-5"
    A6_11 = "6-11"
    A12_17 = "12-17"
    FAMILY = "FAMILY"


class SuspensionReason(StrEnum):
    """Why a certificate does not count for the time being."""

    CHILD_AT_RISK = "CHILD_AT_RISK"
    REQUIREMENTS_NOT_MET = "REQUIREMENTS_NOT_MET"
    UNDER_REVIEW = "UNDER_REVIEW"


class Nearness(StrEnum):
    """How far a place is, by states."""

    SAME = "same"
    NEIGHBOUR = "neighbour"
    OTHER = "other"


SEXES = {
    PlaceSex.F: Text("Girls", "Niñas"),
    PlaceSex.M: Text("Boys", "Niños"),
    PlaceSex.ANY: Text("Girls and boys", "Niñas y niños"),
}
BANDS = {
    AgeBand.A0_5: Text("0 to 5 years", "0 a 5 años"),
    AgeBand.A6_11: Text("6 to 11 years", "6 a 11 años"),
    AgeBand.A12_17: Text("12 to 17 years", "12 a 17 años"),
    AgeBand.FAMILY: Text("Families", "Familias"),
}
SUSPENSIONS = {
    SuspensionReason.CHILD_AT_RISK: Text("Children are at risk there", "Niñas o niños en riesgo en el centro"),
    SuspensionReason.REQUIREMENTS_NOT_MET: Text("Requirements are not met", "Incumple requisitos"),
    SuspensionReason.UNDER_REVIEW: Text("It is under review", "En revisión"),
}

CERTIFIED = Rule(
    "R11",
    Text(
        "A child enters a social-assistance centre only if it is certified, not suspended, and has a free place for a "
        "child of this sex and age; a figure that is too old counts for nothing until the centre confirms the place.",
        "Una niña, niño o adolescente ingresa a un centro de asistencia social sólo si está certificado, sin "
        "suspensión y con lugar libre para su sexo y edad; un dato vencido no cuenta sin que el centro lo confirme.",
    ),
    "LGDNNA, art. 107 to 112 and 122, fr. VI and VII; the age of a figure is a design decision",
)
CERTIFIES = Rule(
    "R11-CERTIFIES",
    Text(
        "The Procuraduría of the state, or the federal one, certifies and suspends social-assistance centres.",
        "La Procuraduría de la entidad, o la Federal, certifica y suspende los centros de asistencia social.",
    ),
    "LGDNNA, art. 112",
)
CERTIFIED_ROOM = Rule(
    "R11-ROOM",
    Text(
        "A centre offers no more places than its certificate has.",
        "Un centro no ofrece más lugares que los de su certificado.",
    ),
    "LGDNNA, art. 108 and 112; the check is a design decision",
    verified=False,
)
OWN_FIGURES = Rule(
    "OWN-FIGURES",
    Text(
        "A body, or the one that it belongs to, says itself where it is and what room it has.",
        "Cada institución, o aquella a la que pertenece, informa dónde está y qué lugar tiene.",
    ),
    "Design decision",
    verified=False,
)
LOCATION = Rule(
    "R31",
    Text(
        "INM's enforcement, and whoever has no part in a child's care there, does not read where a shelter is.",
        "El personal de control del INM, y quien no interviene en el cuidado, no conoce la ubicación de un albergue.",
    ),
    "Ley de Migración, art. 76; its extension to social-assistance centres and the roles are a design decision",
)
RULES = (CERTIFIED, CERTIFIES, CERTIFIED_ROOM, OWN_FIGURES, LOCATION)

PROTECTION_ROLES = frozenset({"opi"})
"""INM's child-protection officers, by the role in their token [design]. INM's every other role is enforcement."""
CARERS = frozenset({Kind.PP, Kind.DIF, Kind.MUNICIPAL_DIF})
"""Who places and represents children, and so must know where the shelters of their territory are."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Places of one kind in a centre: how many there are, taken, and kept for a child on its way."""

    sex: PlaceSex
    age_band: AgeBand
    capacity: int
    occupied: int = 0
    held: int = 0

    @property
    def key(self) -> tuple[PlaceSex, AgeBand]:
        return self.sex, self.age_band


@dataclass(frozen=True, slots=True)
class Certificate:
    """That a centre may take children in, until when, and how many of which kind."""

    valid_until: date
    suspended: bool
    places: tuple[Unit, ...]

    def counts(self, day: date) -> bool:
        """Whether it counts on a day, its last one included."""
        return not self.suspended and day <= self.valid_until


@dataclass(frozen=True, slots=True)
class Room:
    """What a centre has said of its places, and as of when."""

    units: tuple[Unit, ...]
    as_of: datetime

    def stale(self, at: datetime, fresh: timedelta) -> bool:
        """Whether the figure is too old to go by."""
        return at - self.as_of > fresh


@dataclass(frozen=True, slots=True)
class Need:
    """One child who needs a place: `sex` ANY where it does not matter, or is X."""

    sex: PlaceSex
    age_band: AgeBand


def band_of(age: int) -> AgeBand:
    """Return the band of an age in whole years, 0 to 17."""
    return AgeBand.A0_5 if age <= 5 else AgeBand.A6_11 if age <= 11 else AgeBand.A12_17


def fits(unit: Unit, need: Need) -> bool:
    """Whether a place is for such a child."""
    return unit.age_band is need.age_band and (unit.sex is need.sex or PlaceSex.ANY in (unit.sex, need.sex))


def free(unit: Unit, certificate: Certificate) -> int:
    """Return how many places are free: never more than are certified."""
    certified = sum(each.capacity for each in certificate.places if each.key == unit.key)
    return max(0, min(unit.capacity, certified) - unit.occupied - unit.held)


def chosen(room: Room, certificate: Certificate, needs: Sequence[Need]) -> list[Unit] | None:
    """Return a free place for each child; None where they do not all fit.

    Places for one sex go before those for any, and children who fit either sex come last: so nobody takes the only
    place that another one fits.
    """
    left = {unit.key: free(unit, certificate) for unit in room.units}
    taken: dict[int, Unit] = {}
    for n in sorted(range(len(needs)), key=lambda n: needs[n].sex is PlaceSex.ANY):
        able = [unit for unit in room.units if fits(unit, needs[n]) and left[unit.key] > 0]
        if not able:
            return None
        taken[n] = min(able, key=lambda unit: (unit.sex is PlaceSex.ANY, unit.sex))
        left[taken[n].key] -= 1
    return [taken[n] for n in range(len(needs))]


def together(room: Room, certificate: Certificate, needs: Sequence[Need]) -> list[Unit] | None:
    """Return places for children who stay together (R12): each one's own, else a place for a family."""
    found = chosen(room, certificate, needs)
    if found is not None or len(needs) == 1:
        return found
    return chosen(room, certificate, [Need(PlaceSex.ANY, AgeBand.FAMILY)])


def takes(room: Room, needs: Sequence[Need]) -> bool:
    """Whether a centre has places of the kinds that these children need, free or not."""
    own = all(any(fits(unit, need) for unit in room.units) for need in needs)
    return own or (len(needs) > 1 and any(unit.age_band is AgeBand.FAMILY for unit in room.units))


def why_not(
    body: Agency,
    certificate: Certificate | None,
    room: Room | None,
    needs: Sequence[Need],
    at: datetime,
    day: date,
    *,
    fresh: timedelta,
    confirmed: bool,
) -> str | None:
    """Say why a centre may not take children in now; None where it may.

    `confirmed`: the centre itself has just said that it has the place. That stands for a figure, not for the law.
    """  # fmt: skip
    if body.kind not in SHELTERS or not body.in_force(day):
        return "This body is no social-assistance centre in service."
    if certificate is None or day > certificate.valid_until:
        return "The centre has no certificate that counts today."
    if certificate.suspended:
        return "The centre's certificate is suspended."
    if confirmed:
        return None
    if room is None:
        return "The centre has not said what room it has."
    if room.stale(at, fresh):
        return "The centre's figure is too old: let it confirm the place."
    return None if together(room, certificate, needs) is not None else "The centre has no free place for this child."


def over_certified(certificate: Certificate | None, units: Iterable[Unit]) -> list[int]:
    """Return the numbers of the units that offer more than the certificate has."""
    certified = {each.key: each.capacity for each in certificate.places} if certificate else {}
    return [n for n, unit in enumerate(units) if unit.capacity > certified.get(unit.key, 0)]


def knows_location(body: Agency, *, kind: str, role: str, territory: Collection[str], own: bool) -> bool:
    """Whether a caller may know where a body is (R31). `own`: the caller is the body, or one that it belongs to."""
    if body.kind not in SHELTERS or own:
        return True
    near = COUNTRY in territory or bool(body.territory & set(territory)) or body.state in territory
    return near and (kind in CARERS or (kind == Kind.INM and role in PROTECTION_ROLES))


_NEIGHBOURS = """
AGU JAL ZAC; BCN BCS SON; BCS BCN; CAM ROO TAB YUC; CHH COA DUR SIN SON; CHP OAX TAB VER; CMX MEX MOR;
COA CHH DUR NLE SLP ZAC; COL JAL MIC; DUR CHH COA NAY SIN ZAC JAL; GRO MEX MIC MOR OAX PUE; GUA JAL MIC QUE SLP ZAC;
HID MEX PUE QUE SLP TLA VER; JAL AGU COL GUA MIC NAY ZAC DUR SLP; MEX CMX GRO HID MIC MOR PUE QUE TLA;
MIC COL GRO GUA JAL MEX QUE; MOR CMX GRO MEX PUE; NAY DUR JAL SIN ZAC; NLE COA SLP TAM ZAC; OAX CHP GRO PUE VER;
PUE GRO HID MEX MOR OAX TLA VER; QUE GUA HID MEX MIC SLP; ROO CAM YUC; SIN CHH DUR NAY SON;
SLP COA GUA HID JAL NLE QUE TAM VER ZAC; SON BCN CHH SIN; TAB CAM CHP VER; TAM NLE SLP VER; TLA HID MEX PUE;
VER CHP HID OAX PUE SLP TAB TAM; YUC CAM ROO; ZAC AGU COA DUR GUA JAL NAY NLE SLP
"""
NEIGHBOURS = {
    f"MX-{state}": frozenset(f"MX-{each}" for each in near)
    for state, *near in (line.split() for line in _NEIGHBOURS.split(";"))
}
"""Which states share a border (INEGI's division; general knowledge, to be verified)."""


def nearness(state: str, of: str | None) -> Nearness:
    """Return how far a body of one state is for a child in another."""
    if of == state:
        return Nearness.SAME
    return Nearness.NEIGHBOUR if of in NEIGHBOURS[state] else Nearness.OTHER
