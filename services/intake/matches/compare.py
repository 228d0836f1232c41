"""Two children as they were written down, compared field by field. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import log2
from typing import Any

from services.intake.matches.names import alike, words

AGREE, CLOSE, DIFFER, MISSING = "agree", "close", "differ", "missing"
SWAPPED = " swapped"
_PARTS = 2
"""So many given names and surnames of each are compared: the ones that fit best."""
_YEAR = 366
_LONGEST = 8
_SLIPS = (1, 2, 10)
"""How far a day is off that was misheard by one or two, or whose first digit was mistyped by one."""
Forms = tuple[str, ...]
"""The words that one name may be written as, the bare one first: `leon`, `deleon`."""


@dataclass(frozen=True, slots=True)
class Described:
    """What is compared of one child. Dates are what the birth date lies between; `day` is when it was written down."""

    given: tuple[Forms, ...]
    surnames: tuple[Forms, ...]
    earliest: date
    latest: date
    day: date
    sex: str
    nationalities: frozenset[str]
    languages: frozenset[str]

    @property
    def born(self) -> date | None:
        """The birth date, where it is known to the day."""
        return self.earliest if self.earliest == self.latest else None


def describe(
    identity: dict[str, Any], day: date, *, sex: str, nationalities: Collection[str], languages: Collection[str]
) -> Described:
    """Describe a child by its identity as it is kept. An estimate of its age was made on `day`."""
    born, estimate = identity.get("birth_date"), identity.get("estimated_age")
    earliest, latest = date.min, date.max
    if born:
        earliest = latest = date.fromisoformat(born)
    elif estimate:
        earliest, latest = _years_before(day, estimate["high"] + 1), _years_before(day, estimate["low"])
    return Described(
        given=tuple((word,) for word in words(identity.get("given_names"))),
        surnames=_surnames(identity.get("first_surname"), identity.get("second_surname")),
        earliest=earliest,
        latest=latest,
        day=day,
        sex=sex,
        nationalities=frozenset(nationalities),
        languages=frozenset(languages),
    )


def _years_before(day: date, years: int) -> date:
    return day - timedelta(days=int(years * 365.25))


def _surnames(first: str | None, second: str | None) -> tuple[Forms, ...]:
    if first and not second and "-" not in first and len(both := words(first)) == _PARTS:
        return tuple((word,) for word in both)  # both surnames were written into the first field
    found = [words(name) for name in (first, second) if name]
    return tuple(tuple(dict.fromkeys((parts[-1], "".join(parts)))) for parts in found if parts)


def compared(one: Described, other: Described) -> dict[str, str]:
    """Return, for each field, how well it agrees: a row of the table of weights."""
    return {
        "given_names": _names(one.given, other.given),
        "surnames": _names(one.surnames, other.surnames),
        **besides(one, other),
    }


def besides(one: Described, other: Described) -> dict[str, str]:
    """Compare everything but the names."""
    return {"birth_date": _dates(one, other), **openly(one, other)}


def openly(one: Any, other: Any) -> dict[str, str]:
    """Compare what stands unsealed in the record of a child: two children, or rows that say as much."""
    return {
        "sex": MISSING if "X" in (one.sex, other.sex) else _same(one.sex == other.sex),
        "nationalities": _sets(one.nationalities, other.nationalities),
        "languages": _sets(one.languages, other.languages),
        "days_between": str(2 ** min(_LONGEST, round(log2(max(1, abs((one.day - other.day).days)))))),
    }


def _names(one: Sequence[Forms], other: Sequence[Forms]) -> str:
    if not one or not other:
        return MISSING
    if one == other or "".join(each[-1] for each in one) == "".join(each[-1] for each in other):
        return "+".join([AGREE] * min(_PARTS, max(len(one), len(other))))
    found = _paired(one, other)
    shorter = min(len(one), len(other), _PARTS)
    levels = [level for _, _, level in found[:shorter]]
    levels += [DIFFER] * (shorter - len(levels))
    if shorter == 1 and max(len(one), len(other)) > 1:
        levels.append(MISSING)
    crossed = any(left != right for left, right, _ in found)
    return "+".join(levels) + (SWAPPED if crossed else "")


def _paired(one: Sequence[Forms], other: Sequence[Forms]) -> list[tuple[int, int, str]]:
    """Pair the names that agree, then those that are close: each at most once."""
    found: list[tuple[int, int, str]] = []
    left, right = list(range(len(one))), list(range(len(other)))
    for level, fits in ((AGREE, _agree), (CLOSE, _close)):
        for mine in left[:]:
            for its in right:
                if fits(one[mine], other[its]):
                    found.append((mine, its, level))
                    left.remove(mine)
                    right.remove(its)
                    break
    return found


def _agree(one: Forms, other: Forms) -> bool:
    return one == other or (len(one) + len(other) > _PARTS and not set(one).isdisjoint(other))


def _close(one: Forms, other: Forms) -> bool:
    return alike(one[0], other[0])


def _dates(one: Described, other: Described) -> str:
    mine, its = one.born, other.born
    if mine is not None and its is not None:
        return _exact(mine, its)
    if date.min in (one.earliest, other.earliest):
        return MISSING
    if one.earliest <= other.latest and other.earliest <= one.latest:
        return "within the estimate" if mine or its else "two estimates"
    gap = max((other.earliest - one.latest).days, (one.earliest - other.latest).days)
    return "near the estimate" if gap <= _YEAR else DIFFER


def _exact(one: date, other: date) -> str:
    january = [(each.month, each.day) == (1, 1) for each in (one, other)]
    if one == other:
        return "agree on the first of January" if all(january) else AGREE
    years, months, days = abs(one.year - other.year), abs(one.month - other.month), abs(one.day - other.day)
    if not years and (one.month, one.day) == (other.day, other.month):
        return "day and month swapped"
    if not years and any(january):
        return "first of January"
    if sorted((years, months, days))[:2] == [0, 0] and years <= 1:
        return _one_off(years, months, days)
    if not years:
        return "year alone"
    return "within a year" if abs((one - other).days) <= _YEAR else DIFFER


def _one_off(years: int, months: int, days: int) -> str:
    """Say what is off by how much, the other two parts of the date being the same."""
    if years:
        return "year off by one"
    if months:
        return "month off by one" if months == 1 else "another month"
    return "day off by a little or by ten" if days in _SLIPS else "another day"


def _same(same: bool) -> str:
    return AGREE if same else DIFFER


def _sets(one: frozenset[str], other: frozenset[str]) -> str:
    return _same(not one.isdisjoint(other)) if one and other else MISSING
