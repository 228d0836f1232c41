"""The search: keys bring candidates; the likeliest are opened, compared, and closed again.

Twice: whoever is found in the first round was written down otherwise, perhaps, and leads to records that share with it
what they do not share with the child that is searched for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import log2
from typing import Any, Protocol

from services.intake.matches import rules
from services.intake.matches.compare import Described, describe, openly
from services.intake.matches.rules import Band
from services.intake.matches.weights import WEIGHTS

MOST_READ, MOST_OPENED = 100, 30
"""Of so many candidates a round reads what stands unsealed, and of so many it opens the identity."""
GUIDES, FURTHER = 3, 10
"""So many of those who were found lead to others, and so many of the others are opened."""
Holders = dict[int, list[str]]
"""Who has a key: only of keys that tell enough."""


@dataclass(frozen=True, slots=True)
class Found:
    """A child who may be the one that was searched for."""

    child_id: str
    state: str
    score: float
    band: Band
    reasons: dict[str, str]


class Source(Protocol):
    """Where records are. A row has `id`, `state`, `sex`, `nationalities`, `languages` and `day`."""

    def keys(self, child: Described) -> list[int]:
        """Return the keys to search for a child by."""

    async def holders(self, keys: Collection[int]) -> tuple[Holders, int | None]:
        """Return who has each of these keys, and how many children there are, if that is known."""

    async def rows(self, child_ids: Collection[str]) -> Sequence[Any]:
        """Return what stands unsealed of these children."""

    async def open(self, rows: Sequence[Any]) -> dict[str, Described]:
        """Return the children of these rows whose identity still opens."""


class Search:
    """One search. What it has read and opened it asks for no second time."""

    def __init__(self, source: Source, child_id: str, child: Described) -> None:
        self.source = source
        self.child_id = child_id
        self.child = child
        self.keys = source.keys(child)
        self.size = rules.LARGEST
        self.holders: Holders = {}
        self.known: dict[str, tuple[Any, Described]] = {}
        self.judged: dict[str, tuple[float, dict[str, str]]] = {}

    async def run(self) -> list[Found]:
        """Return who may be this child, the likeliest first."""
        await self.directly()
        await self.further()
        found = []
        for name, (points, reasons) in self.judged.items():
            band = rules.band(points, reasons)
            if band is not None:
                found.append(Found(name, self.known[name][0].state, round(points, 1), band, reasons))
        return sorted(found, key=lambda each: each.score, reverse=True)

    async def directly(self) -> None:
        """The first round: who shares keys with the child, compared with it."""
        await self._look(self.keys)
        await self._open(self.keys, self.child, MOST_OPENED)
        for name, (_, other) in self.known.items():
            self.judged[name] = self._score(self.child, self.keys, name, other)

    async def further(self) -> None:
        """The second round: who shares keys with those who were found, compared with them and with the child."""
        found = [each for each in self.judged if rules.band(*self.judged[each]) is not None]
        guides = sorted(found, key=lambda each: self.judged[each][0], reverse=True)[:GUIDES]
        theirs = {guide: self.source.keys(self.known[guide][1]) for guide in guides}
        await self._look({key for keys in theirs.values() for key in keys} - set(self.keys))
        for guide, keys in theirs.items():
            await self._open(keys, self.known[guide][1], FURTHER)
        for name, (_, other) in self.known.items():
            if name not in self.judged:
                self.judged[name] = self._score(self.child, self.keys, name, other)
            for guide, keys in theirs.items():
                if name != guide:
                    points, _ = self._score(self.known[guide][1], keys, name, other)
                    both = rules.chained(self.judged[guide][0], points)
                    if both > self.judged[name][0]:
                        self.judged[name] = both, {**self.judged[name][1], "through": rules.THIRD}

    async def _look(self, keys: Collection[int]) -> None:
        if keys:
            holders, size = await self.source.holders(keys)
            self.holders |= {key: [each for each in those if each != self.child_id] for key, those in holders.items()}
            self.size = size or self.size

    async def _open(self, keys: Iterable[int], like: Described, most: int) -> None:
        """Open the likeliest of those who share keys with a child and are not open yet."""
        shares: dict[str, list[int]] = defaultdict(list)
        for key in keys:
            those = self.holders.get(key, [])
            for name in those:
                if name not in self.known:
                    shares[name].append(len(those))
        if not shares:
            return
        hope = {name: promise(counts) for name, counts in shares.items()}
        rows = await self.source.rows(sorted(hope, key=lambda each: hope[each], reverse=True)[:MOST_READ])
        best = sorted(rows, key=lambda row: hope[row.id] + alike(like, row), reverse=True)[:most]
        opened = await self.source.open(best)
        self.known |= {row.id: (row, opened[row.id]) for row in best if row.id in opened}

    def _score(self, one: Described, keys: Iterable[int], name: str, other: Described) -> tuple[float, dict[str, str]]:
        counts = [len(those) for key in keys if name in (those := self.holders.get(key, []))]
        return rules.score(one, other, min(counts, default=rules.COMMON), self.size)


def promise(shares: Iterable[int]) -> float:
    """How promising a candidate is who shares keys that so many have: many keys, and rare ones."""
    return sum(20 - log2(share) for share in shares)


def alike(child: Described, row: Any) -> float:
    """How much what stands unsealed speaks for a candidate, in bits."""
    return sum(WEIGHTS[field].get(level, 0.0) for field, level in openly(child, row).items())


def described(identity: dict[str, Any], row: Any, day: date) -> Described:
    """Describe a child, or a row with its columns, for comparison. An estimate of its age was made on `day`."""
    return describe(identity, day, sex=row.sex, nationalities=row.nationalities, languages=row.languages)
