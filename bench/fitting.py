"""How the weights of matching were made: `python -m bench.fitting` prints services/intake/matches/weights.py anew.

Children of the tuning seed, in registers of two sizes. For a sample of the records every candidate is taken that the
match keys bring, as the service takes them, and compared. A logistic regression, ridged a little, over the levels of
agreement gives each level its weight, in bits: log2 of how it moves the odds, with what the other fields say taken
into account (naive m/u ratios count twice what the keys have already selected for). One more covariate is the size of
the register. The slope is then corrected by hand so that one threshold serves both sizes.

`python -m bench.fitting thresholds` runs whole searches, both rounds, with the weights that are committed, and says
from which score on so many of all that was found is right. Nothing here sees the held-out seed. Needs numpy
(requirements/bench.in).
"""

import asyncio
import itertools
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from math import log2
from random import Random
from typing import Any, NamedTuple, cast

import numpy as np

from bench.people import TUNING_SEED
from bench.people.meetings import Meeting, meetings
from services.intake.matches import rules
from services.intake.matches.compare import Described, compared, describe
from services.intake.matches.marks import marks
from services.intake.matches.search import Search
from services.intake.matches.store import FREQUENT

SIZES = {60_000: 6_000, 600_000: 14_000}
"""Children in the register, and how many records are searched for."""
RIDGE = 0.5
MILLION = 1_000_000
Key = tuple[tuple[str, str], ...]


def of(meeting: Meeting) -> Described:
    """Describe a meeting as the service describes a child."""
    return describe(
        meeting.identity, meeting.at.date(), sex=meeting.sex, nationalities=[meeting.nationality],
        languages=[meeting.language],
    )  # fmt: skip


class Row(NamedTuple):
    """What stands unsealed of a record."""

    id: int
    state: str
    sex: str
    nationalities: frozenset[str]
    languages: frozenset[str]
    day: date


class Register:
    """Every record of so many children, and who shares which marks: where the service's own search can search."""

    def __init__(self, met: Iterable[Meeting]) -> None:
        self.records: list[Described] = []
        self.children = array("i")
        hashes, holders = array("q"), array("i")
        for meeting in met:
            child = of(meeting)
            for mark in set(marks(child)):
                hashes.append(hash(mark))
                holders.append(len(self.records))
            self.records.append(child)
            self.children.append(meeting.child)
        order = np.argsort(np.frombuffer(hashes, dtype=np.int64), kind="stable")
        self.hashes = np.frombuffer(hashes, dtype=np.int64)[order]
        self.ids = np.frombuffer(holders, dtype=np.int32)[order]
        self.met = Counter(self.children)

    def keys(self, child: Described) -> list[int]:
        """Return what the service would make keys of."""
        return [hash(mark) for mark in dict.fromkeys(marks(child))]

    async def holders(self, keys: Collection[int]) -> tuple[dict[int, list[Any]], int]:
        """Return which records have each of these keys, and how many records there are."""
        found = {}
        for key in keys:
            first, last = (int(np.searchsorted(self.hashes, key, side)) for side in ("left", "right"))
            if last - first <= FREQUENT + 1:
                found[key] = self.ids[first:last].tolist()
        return found, len(self.records)

    async def rows(self, names: Collection[Any]) -> list[Row]:
        """Return what stands unsealed of these records."""
        those = [(name, self.records[name]) for name in names]
        return [Row(name, "", each.sex, each.nationalities, each.languages, each.day) for name, each in those]

    async def open(self, rows: Sequence[Row]) -> dict[Any, Described]:
        """Return these records."""
        return {row.id: self.records[row.id] for row in rows}

    def sample(self, count: int) -> Iterator[tuple[int, Search]]:
        """Yield searches for a sample of the records."""
        for record in Random(self.children[-1]).sample(range(len(self.records)), count):
            yield record, Search(cast(Any, self), cast(Any, record), self.records[record])


def compared_pairs(register: Register, queries: int) -> Iterator[tuple[dict[str, str], bool]]:
    """Yield the levels of each candidate pair of a sample of records, and whether it is one child."""
    for record, search in register.sample(queries):
        asyncio.run(search.directly())
        for other, (_, levels) in search.judged.items():
            yield levels, register.children[record] == register.children[cast(int, other)]


def fit(patterns: dict[tuple[Key, float], list[int]]) -> tuple[dict[tuple[str, str], float], float, float]:
    """Return the weight of each level, the prior and the slope over log2 of the size, all in bits."""
    names = sorted({level for key, _ in patterns for level in key})
    place = {name: number for number, name in enumerate(names)}
    x = np.zeros((len(patterns), len(names) + 2))
    for line, (key, size) in enumerate(patterns):
        x[line, [place[level] for level in key]] = 1
        x[line, -2:] = size, 1
    wrong, right = np.array(list(patterns.values()), dtype=float).T
    weights = np.zeros(x.shape[1])
    ridge = np.full(x.shape[1], RIDGE)
    ridge[-2:] = 0
    for _ in range(40):
        chance = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (right - (wrong + right) * chance) - ridge * weights
        curve = (x * ((wrong + right) * chance * (1 - chance))[:, None]).T @ x + np.diag(ridge + 1e-9)
        weights += np.linalg.solve(curve, slope)
    bits = weights / np.log(2)
    return {name: round(float(bits[number]), 2) for name, number in place.items()}, float(bits[-1]), float(bits[-2])


def results(register: Register, queries: int) -> tuple[list[tuple[float, bool]], int]:
    """Return what whole searches find of a sample of records, by score, and how many pairs there were to find."""
    found, pairs = [], 0
    for record, search in register.sample(queries):
        asyncio.run(search.directly())
        asyncio.run(search.further())
        mine = register.children[record]
        pairs += register.met[mine] - 1
        for other, (points, levels) in search.judged.items():
            if not rules.another(levels):
                found.append((points, mine == register.children[cast(int, other)]))
    return sorted(found, reverse=True), pairs


def main() -> None:
    """Fit, or with `thresholds` say which ones the weights that are committed need."""
    registers = {
        size: Register(itertools.takewhile(lambda each: each.child < size, meetings(TUNING_SEED)))  # noqa: B023  (used at once)
        for size in SIZES
    }
    if sys.argv[1:] == ["thresholds"]:
        for size, queries in SIZES.items():
            scored, pairs = results(registers[size], queries)
            print(size, "children:", *(cut(scored, pairs, wanted) for wanted in (0.98, 0.983, 0.985, 0.99, 0.999)))
        return
    patterns: dict[tuple[Key, float], list[int]] = defaultdict(lambda: [0, 0])
    for size, queries in SIZES.items():
        large = round(log2(len(registers[size].records) / MILLION), 3)
        for levels, same in compared_pairs(registers[size], queries):
            patterns[tuple(sorted(levels.items())), large][same] += 1
    weights, prior, slope = fit(patterns)
    records = registers[min(SIZES)].records
    print(f"PRIOR, SLOPE = {prior:.2f}, {slope:.2f}\nWEIGHTS = {{")
    for field in dict.fromkeys([*compared(records[0], records[0]), "rarity"]):
        print(f'    "{field}": {{')
        for (name, level), weight in sorted(weights.items(), key=lambda each: -each[1]):
            if name == field:
                print(f'        "{level}": {weight},')
        print("    },")
    print('    "through": {\n        "a third record": 0.0,\n        "a third record with both names": 0.0,\n    },\n}')


def cut(scored: Sequence[tuple[float, bool]], pairs: int, precision: float) -> str:
    """Say from which score on so many of the pairs are right, and which share of all pairs is found then."""
    right, best = 0, (0.0, 0)
    for place, (points, same) in enumerate(scored, 1):
        right += same
        if right / place >= precision:
            best = points, right
    return f"{precision} from {best[0]:.2f}, recall {best[1] / pairs:.4f};"


if __name__ == "__main__":
    main()
