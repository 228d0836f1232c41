"""Who counts as a child, and how old: LM 3-XVI and R3. Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.catalogue import Text
from shared.law import Rule

ADULT = 18
ADOLESCENT = 12


class Sex(StrEnum):
    """As documents have it; X has been issued in Mexico since 2022."""

    F = "F"
    M = "M"
    X = "X"


class AgeGroup(StrEnum):
    """LM 3-XVI."""

    CHILD = "CHILD"  # under 12
    ADOLESCENT = "ADOLESCENT"  # 12 to 17


@dataclass(frozen=True, slots=True)
class Age:
    """An age group, and whether it is known or presumed."""

    group: AgeGroup
    presumed: bool


MINOR = Rule(
    "LM3-XVI",
    Text(
        "The route is for persons under 18.",
        "La ruta es para personas menores de 18 años.",
    ),
    "Ley de Migración, art. 3, fr. XVI",
)
PRESUMPTION = Rule(
    "R3",
    Text(
        "In doubt about 18 an adolescent is presumed, in doubt about 12 a child; nobody passes to the adult "
        "flow on an estimate, without an age decision that the Procuraduría approved.",
        "Ante la duda sobre los 18 se presume adolescente; sobre los 12, niña o niño; nadie pasa al flujo de "
        "adultos por una estimación, sin decisión de edad aprobada por la Procuraduría.",
    ),
    "Ley de Migración, art. 3, fr. XVI; the Procuraduría's approval is a design decision",
)
RULES = (MINOR, PRESUMPTION)


def age_on(born: date, day: date) -> int:
    """Return the age in full years. Born on 29 February: a year older on 1 March of common years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def known_age(born: date, day: date) -> Age:
    """Classify by a known birth date. Raises RefusedByLaw for an adult."""
    years = age_on(born, day)
    if years >= ADULT:
        raise MINOR.refuse("The birth date is that of an adult.")
    return Age(AgeGroup.CHILD if years < ADOLESCENT else AgeGroup.ADOLESCENT, presumed=False)


def estimated_age(low: int, high: int) -> Age:
    """Classify by an estimate in full years, `low` to `high`. Doubt goes to the younger group."""
    if low >= ADULT:
        raise PRESUMPTION.refuse("An estimate alone makes nobody an adult: ask the Procuraduría for an age decision.")
    if low < ADOLESCENT:
        return Age(AgeGroup.CHILD, presumed=high >= ADOLESCENT)
    return Age(AgeGroup.ADOLESCENT, presumed=high >= ADULT)
