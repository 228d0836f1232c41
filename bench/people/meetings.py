"""Children as officers met them and wrote them down, with the label of the child and of every error made."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from bench.people.children import DAY_ZERO, Child, children
from bench.people.spelling import SPELLINGS, bare

# Where children are met: the share of each state, and its municipalities, the busiest first.
PLACES: dict[str, tuple[float, list[str]]] = {
    "MX-CHP": (0.36, ["Tapachula", "Suchiate", "Palenque", "Comitán de Domínguez", "Arriaga", "Tuxtla Gutiérrez"]),
    "MX-TAB": (0.13, ["Tenosique", "Villahermosa", "Huimanguillo", "Macuspana"]),
    "MX-VER": (0.12, ["Acayucan", "Coatzacoalcos", "Veracruz", "Xalapa"]),
    "MX-OAX": (0.09, ["Juchitán de Zaragoza", "Salina Cruz", "Oaxaca de Juárez"]),
    "MX-TAM": (0.08, ["Reynosa", "Nuevo Laredo", "Matamoros"]),
    "MX-COA": (0.05, ["Piedras Negras", "Saltillo", "Ciudad Acuña"]),
    "MX-CHH": (0.05, ["Ciudad Juárez", "Chihuahua"]),
    "MX-NLE": (0.04, ["Monterrey"]),
    "MX-BCN": (0.04, ["Tijuana", "Mexicali"]),
    "MX-SON": (0.02, ["Nogales", "Hermosillo"]),
    "MX-CMX": (0.02, ["Iztapalapa", "Cuauhtémoc"]),
}
_TIMES_MET = ([1, 2, 3, 4, 5, 6], [0.62, 0.22, 0.09, 0.04, 0.02, 0.01])
_TIES = (["NOBODY", "PARENT", "CUSTOMARY_CARER"], [0.32, 0.55, 0.13])
_NO_ERROR = 0.42
_HOW_MANY = ([1, 2, 3], [0.62, 0.29, 0.09])
ERRORS: dict[str, float] = {
    "by_ear": 25, "slip": 14, "particle": 4, "second_given_left_out": 12, "first_given_left_out": 3,
    "given_turned_round": 2, "second_surname_left_out": 12, "surnames_swapped": 5, "first_surname_left_out": 2,
    "given_unknown": 1, "day_and_month_swapped": 5, "digit_of_the_date": 6, "first_of_january": 5,
    "year_off_by_one": 5, "age_only": 7, "nationality": 2, "sex": 1,
}  # fmt: skip
"""What goes wrong, and how often relative to the rest."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting as it was written down. `identity` has the shape of intake's identities."""

    child: int
    family: int
    nth: int
    at: datetime
    state: str
    municipality: str
    tie: str
    identity: dict[str, Any]
    sex: str
    nationality: str
    language: str
    errors: frozenset[str]


def meetings(seed: int) -> Iterator[Meeting]:
    """Yield meetings without end, child by child; the same ones for the same seed."""
    for child in children(seed):
        yield from meetings_of(seed, child)


def meetings_of(seed: int, child: Child) -> Iterator[Meeting]:
    """Yield how one child was met over a year, in the order of time."""
    chance = Random(f"{seed}/meetings/{child.number}")  # made-up people
    start = datetime(DAY_ZERO.year - 1, DAY_ZERO.month, DAY_ZERO.day, tzinfo=UTC)
    at = start + timedelta(minutes=chance.randrange(300 * 24 * 60))
    tie = chance.choices(*_TIES)[0]
    for nth in range(chance.choices(*_TIMES_MET)[0]):
        state = chance.choices(list(PLACES), [share for share, _ in PLACES.values()])[0]
        towns = PLACES[state][1]
        town = chance.choices(towns, [1 / (place + 1) for place in range(len(towns))])[0]
        note = _Note(chance, child)
        yield Meeting(
            child.number, child.family, nth, at, state, town, tie, note.identity(at.date()),
            note.sex, note.nationality, child.language, frozenset(note.errors),
        )  # fmt: skip
        at += timedelta(minutes=60 + int(chance.expovariate(1 / (40 * 24 * 60))))


class _Note:
    """What an officer writes: the truth, then as many errors as there are, then the habits of the office."""

    def __init__(self, chance: Random, child: Child) -> None:
        self.chance = chance
        self.given = list(child.given)
        self.surnames: list[str | None] = [*child.surnames, None][:2]
        self.birth_date = child.birth_date
        self.age_only = False
        self.sex = child.sex
        self.nationality = child.nationality
        self.errors: set[str] = set()
        if chance.random() >= _NO_ERROR:
            for kind in chance.choices(list(ERRORS), list(ERRORS.values()), k=chance.choices(*_HOW_MANY)[0]):
                if self._err(kind):
                    self.errors.add(kind)
        if chance.random() < 0.3:  # an office whose system knows capitals alone
            self.given = [bare(name).upper() for name in self.given]
            self.surnames = [name and bare(name).upper() for name in self.surnames]
            self.errors.add("capitals")
        elif chance.random() < 0.25:
            self.given = [bare(name) for name in self.given]
            self.surnames = [name and bare(name) for name in self.surnames]
            self.errors.add("no_accents")

    def identity(self, day: date) -> dict[str, Any]:
        """Return names and age in the shape of intake's identities, as of a day."""
        names = {
            "given_names": " ".join(self.given) or None, "first_surname": self.surnames[0],
            "second_surname": self.surnames[1],
        }  # fmt: skip
        if not self.age_only:
            return {**names, "birth_date": self.birth_date.isoformat(), "estimated_age": None}
        years = max(0, (day - self.birth_date).days // 365 + self.chance.choice([-1, 0, 0, 0, 1]))
        high = min(17, years + 1)
        estimate = {"low": max(0, min(years - 1, high)), "high": high, "basis": "what the child says"}
        return {**names, "birth_date": None, "estimated_age": estimate}

    def _err(self, kind: str) -> bool:
        """Make one error. Says whether it changed anything."""
        before = (list(self.given), list(self.surnames), self.birth_date, self.age_only, self.sex, self.nationality)
        if kind in SPELLINGS:
            self._misspell(kind)
        else:
            getattr(self, f"_{kind}")()
        return before != (self.given, self.surnames, self.birth_date, self.age_only, self.sex, self.nationality)

    def _misspell(self, kind: str) -> None:
        """Write one of the names otherwise, one that this can happen to."""
        names = [*self.given, *(name for name in self.surnames if name)]
        if kind == "particle":
            names = [name for name in names if " " in name or "-" in name]
        if names:
            old = self.chance.choice(names)
            new = SPELLINGS[kind](self.chance, old)
            self.given = [new if name == old else name for name in self.given]
            self.surnames = [new if name == old else name for name in self.surnames]

    def _second_given_left_out(self) -> None:
        self.given = self.given[:1]

    def _first_given_left_out(self) -> None:
        self.given = self.given[-1:]

    def _given_turned_round(self) -> None:
        self.given.reverse()

    def _given_unknown(self) -> None:
        self.given = [] if self.surnames[0] else self.given

    def _second_surname_left_out(self) -> None:
        self.surnames[1] = None

    def _first_surname_left_out(self) -> None:
        if self.surnames[1]:
            self.surnames = [self.surnames[1], None]

    def _surnames_swapped(self) -> None:
        if all(self.surnames):
            self.surnames.reverse()

    def _day_and_month_swapped(self) -> None:
        if self.birth_date.day <= 12:
            self._date(self.birth_date.year, self.birth_date.day, self.birth_date.month)

    def _digit_of_the_date(self) -> None:
        day, month = self.birth_date.day, self.birth_date.month
        if self.chance.random() < 0.7:
            day += self.chance.choice([-10, -2, -1, 1, 2, 10])
        else:
            month += self.chance.choice([-1, 1])
        self._date(self.birth_date.year, month, day)

    def _first_of_january(self) -> None:
        self._date(self.birth_date.year, 1, 1)

    def _year_off_by_one(self) -> None:
        self._date(self.birth_date.year + self.chance.choice([-1, 1]), self.birth_date.month, self.birth_date.day)

    def _age_only(self) -> None:
        self.age_only = True

    def _nationality(self) -> None:
        self.nationality = self.chance.choice(["HND", "GTM", "SLV", "NIC", "MEX"])

    def _sex(self) -> None:
        self.sex = {"F": "M", "M": "F"}[self.sex]

    def _date(self, year: int, month: int, day: int) -> None:
        """Write down another date, if there is such a one and a child could be born on it."""
        try:
            written = date(year, month, day)
        except ValueError:
            return
        if DAY_ZERO - timedelta(days=18 * 365) < written < DAY_ZERO - timedelta(days=366):
            self.birth_date = written
