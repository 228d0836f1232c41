"""The table of names, drawn from as often as their place in it says."""

import itertools
from bisect import bisect
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

_FLATTENING = 8
"""How much the most frequent names stand out: weights are 1 / (place + this), Zipf's law by Mandelbrot."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Names, the most frequent first."""

    names: tuple[str, ...]
    cumulated: tuple[float, ...]

    @classmethod
    def of(cls, names: list[str]) -> "Pool":
        """Build a pool. A name that stands there twice counts once."""
        unique = tuple(dict.fromkeys(names))
        weights = [1 / (place + _FLATTENING) for place in range(len(unique))]
        return cls(unique, tuple(itertools.accumulate(weights)))

    def draw(self, chance: Random) -> str:
        """Return one name."""
        return self.names[bisect(self.cumulated, chance.random() * self.cumulated[-1])]


@cache
def pools() -> dict[tuple[str, str], Pool]:
    """Return every pool by origin and kind: `given.F`, `given.M` or `surname`."""
    found = {}
    for line in (Path(__file__).parent / "names.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            head, _, names = line.partition(":")
            origin, kind = head.split()
            found[origin, kind] = Pool.of([name.strip() for name in names.split(",")])
    return found
