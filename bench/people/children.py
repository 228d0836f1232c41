"""Families as they set out: true names, true dates. Nobody has written them down yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from random import Random

from bench.people.names import pools

DAY_ZERO = date(2026, 11, 1)
"""Ages are drawn as of this day."""
_OLDEST = 18 * 365

# origin of the names: share of the children, nationality, languages with their shares (ISO 639-3).
ORIGINS: dict[str, tuple[float, str, dict[str, float]]] = {
    "HND": (0.33, "HND", {"spa": 0.97, "cab": 0.02, "miq": 0.01}),
    "GTM": (0.15, "GTM", {"spa": 1.0}),
    "KEK": (0.06, "GTM", {"kek": 0.8, "spa": 0.2}),
    "MAM": (0.05, "GTM", {"mam": 0.7, "spa": 0.3}),
    "QUC": (0.05, "GTM", {"quc": 0.6, "spa": 0.4}),
    "SLV": (0.10, "SLV", {"spa": 1.0}),
    "NIC": (0.05, "NIC", {"spa": 0.98, "miq": 0.02}),
    "VEN": (0.07, "VEN", {"spa": 1.0}),
    "ECU": (0.04, "ECU", {"spa": 0.93, "quw": 0.07}),
    "COL": (0.02, "COL", {"spa": 1.0}),
    "CUB": (0.01, "CUB", {"spa": 1.0}),
    "HTI": (0.03, "HTI", {"hat": 0.9, "fra": 0.1}),
    "MEX": (0.04, "MEX", {"spa": 0.95, "nah": 0.02, "tzo": 0.02, "mix": 0.01}),
}
_ONE_SURNAME = {"HTI"}


@dataclass(frozen=True, slots=True)
class Child:
    """A child as it is, whoever writes it down. `number` is its label; twins share family, surnames and birth date."""

    number: int
    family: int
    origin: str
    given: tuple[str, ...]
    surnames: tuple[str, ...]
    birth_date: date
    sex: str
    nationality: str
    language: str


def children(seed: int) -> Iterator[Child]:
    """Yield children without end, family by family; the same ones for the same seed."""
    number = 0
    for family in count():
        chance = Random(f"{seed}/family/{family}")  # made-up people
        for child in _family(chance, family, number):
            yield child
            number += 1


def _family(chance: Random, family: int, number: int) -> list[Child]:
    origin = chance.choices(list(ORIGINS), [share for share, _, _ in ORIGINS.values()])[0]
    _, nationality, languages = ORIGINS[origin]
    language = chance.choices(list(languages), list(languages.values()))[0]
    named = pools()
    surnames = tuple(named[origin, "surname"].draw(chance) for _ in range(1 if origin in _ONE_SURNAME else 2))
    if len(surnames) == 2 and chance.random() < 0.08:
        surnames = surnames[:1]  # registered by the mother alone
    size = chance.choices([1, 2, 3, 4], [0.68, 0.21, 0.08, 0.03])[0]
    made: list[Child] = []
    for place in range(size):
        twin = bool(made) and chance.random() < 0.03
        sex = chance.choices("FM", [0.44, 0.56])[0]
        born = made[-1].birth_date if twin else _birth_date(chance, taken=[each.birth_date for each in made])
        given = _given(chance, origin, sex, {each.given[0] for each in made})
        made.append(Child(number + place, family, origin, given, surnames, born, sex, nationality, language))
    return made


def _birth_date(chance: Random, taken: list[date]) -> date:
    """Draw a birth date: most are adolescents; siblings are nine months apart or more."""
    while True:
        days = int(_OLDEST * chance.betavariate(2.2, 1.0))
        born = DAY_ZERO - timedelta(days=days)
        if all(abs((born - each).days) > 270 for each in taken):
            return born


def _given(chance: Random, origin: str, sex: str, taken: set[str]) -> tuple[str, ...]:
    pool = pools()[origin, f"given.{sex}"]
    first = pool.draw(chance)
    while first in taken:
        first = pool.draw(chance)
    if chance.random() < 0.38:
        return (first,)
    second = pool.draw(chance)
    return (first,) if second == first else (first, second)
