"""How the weights of matching were made: `python -m bench.fitting` prints services/intake/matches/weights.py anew.

Children of the tuning seed, in registers of two sizes. For a sample of the records every candidate is taken that the
match keys bring, as the service takes them, and compared. A logistic regression, ridged a little, over the levels of
agreement gives each level its weight, in bits: log2 of how it moves the odds, with what the other fields say taken
into account (naive m/u ratios count twice what the keys have already selected for). One more covariate is the size of
the register. The thresholds are those at which, among the same candidates, 985 and 999 of 1,000 pairs are right.
Nothing here sees the held-out seed. Needs numpy (requirements/bench.in).
"""

import itertools
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import log2
from random import Random
from typing import Any

import numpy as np

from bench.people import TUNING_SEED
from bench.people.meetings import Meeting, meetings
from services.intake.matches.compare import Described, compared, describe
from services.intake.matches.marks import marks
from services.intake.matches.rules import rarity
from services.intake.matches.search import MOST_OPENED, promise
from services.intake.matches.store import FREQUENT

SIZES = {60_000: 12_000, 600_000: 8_000}
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


class Register:
    """Every record of so many children, and who shares which marks."""

    def __init__(self, seed: int, size: int) -> None:
        self.records: list[Described] = []
        self.children: list[int] = []
        self.errors: list[frozenset[str]] = []
        hashes, holders = array("q"), array("i")
        for meeting in itertools.takewhile(lambda each: each.child < size, meetings(seed)):
            child = of(meeting)
            for mark in set(marks(child)):
                hashes.append(hash(mark))
                holders.append(len(self.records))
            self.records.append(child)
            self.children.append(meeting.child)
            self.errors.append(meeting.errors)
        order = np.argsort(np.frombuffer(hashes, dtype=np.int64), kind="stable")
        self.hashes = np.frombuffer(hashes, dtype=np.int64)[order]
        self.holders = np.frombuffer(holders, dtype=np.int32)[order]
        self.met = Counter(self.children)

    def candidates(self, record: int) -> list[tuple[int, int]]:
        """Return the candidates that would be opened, and how many share the rarest mark that both have."""
        shares: dict[int, list[int]] = defaultdict(list)
        for mark in set(marks(self.records[record])):
            first, last = (int(np.searchsorted(self.hashes, hash(mark), side)) for side in ("left", "right"))
            if 1 < last - first <= FREQUENT + 1:
                for other in self.holders[first:last].tolist():
                    if other != record:
                        shares[other].append(last - first - 1)
        chosen = sorted(shares, key=lambda each: promise(shares[each]), reverse=True)[:MOST_OPENED]
        return [(other, min(shares[other])) for other in chosen]


def compared_pairs(register: Register, queries: int) -> Iterator[tuple[dict[str, str], bool]]:
    """Yield the levels of each candidate pair of a sample of records, and whether it is one child."""
    for record in Random(register.children[-1]).sample(range(len(register.records)), queries):
        for other, sharing in register.candidates(record):
            levels = compared(register.records[record], register.records[other]) | {"rarity": rarity(sharing)}
            yield levels, register.children[record] == register.children[other]


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


def threshold(scored: Sequence[tuple[float, ...]], precision: float) -> float:
    """Return the lowest score from which on so many of the pairs are right."""
    right = wrong = 0.0
    best = scored[0][0]
    for points, bad, good in scored:
        right, wrong = right + good, wrong + bad
        if right / (right + wrong) >= precision:
            best = points
    return best


def main() -> None:
    """Fit and print."""
    patterns: dict[tuple[Key, float], list[int]] = defaultdict(lambda: [0, 0])
    for size, queries in SIZES.items():
        register = Register(TUNING_SEED, size)
        large = round(log2(len(register.records) / MILLION), 3)
        for levels, same in compared_pairs(register, queries):
            patterns[tuple(sorted(levels.items())), large][same] += 1
    weights, prior, slope = fit(patterns)
    found: dict[float, Any] = {}
    for large in sorted({size for _, size in patterns}):
        scored = sorted(
            ((prior + slope * large + sum(weights[level] for level in key), *counts)
             for (key, size), counts in patterns.items()
             if size == large and "differ" not in dict(key)["given_names"]), reverse=True)  # fmt: skip
        found[large] = {wanted: round(threshold(scored, wanted), 2) for wanted in (0.98, 0.985, 0.99, 0.999)}
    (small, low), (big, high) = sorted(found.items())
    slope -= (high[0.985] - low[0.985]) / (big - small)  # so that one threshold is right for both sizes
    print(f"PRIOR, SLOPE = {prior:.2f}, {slope:.2f}\nPROPOSE, STRONG = {high[0.985]}, {high[0.999]}")
    print(f"thresholds before that: {found}\nWEIGHTS = {{")
    for field in ("given_names", "surnames", "birth_date", "sex", "nationalities", "languages", "rarity"):
        print(f'    "{field}": {{')
        for (name, level), weight in sorted(weights.items(), key=lambda each: -each[1]):
            if name == field:
                print(f'        "{level}": {weight},')
        print("    },")
    print("}")


if __name__ == "__main__":
    main()
