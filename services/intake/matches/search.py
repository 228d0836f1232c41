"""The search: keys bring candidates; the likeliest are opened, compared, and closed again.

Twice: whoever is found in the first round was written down otherwise, perhaps, and leads to records that share with it
what they do not share with the child that is searched for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import log2
from typing import Any, NamedTuple, Protocol

from services.intake.matches import rules
from services.intake.matches.compare import Described, describe, openly
from services.intake.matches.rules import Band
from services.intake.matches.weights import PROPOSE, WEIGHTS

MOST_READ, MOST_OPENED = 100, 30
"""Of so many candidates a round reads what stands unsealed, and of so many it opens the identity."""
GUIDES, FURTHER = 3, 10
"""So many of those who were found lead to others, and so many of the others are opened."""
READ_FURTHER = 40
"""Of so many who share keys with a guide the second round reads what stands unsealed."""
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


class Shared(NamedTuple):
    """Who shares keys with a record: how promising that makes each, and how many have the rarest of the keys."""

    promise: dict[str, float]
    fewest: dict[str, int]


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
        self.shared = Shared({}, {})
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
        self.shared = self._shared(self.keys)
        await self._open([(self.child, self.shared)], MOST_READ, MOST_OPENED)
        for name, (_, other) in self.known.items():
            self.judged[name] = self._score(self.child, self.shared, name, other)

    async def further(self) -> None:
        """The second round: who shares keys with those who were found, compared with them and with the child."""
        found = [each for each in self.judged if rules.band(*self.judged[each]) is not None]
        guides = sorted(found, key=lambda each: self.judged[each][0], reverse=True)[:GUIDES]
        if not guides:
            return
        theirs = {guide: self.source.keys(self.known[guide][1]) for guide in guides}
        await self._look({key for keys in theirs.values() for key in keys} - set(self.keys))
        leads = {guide: self._shared(keys) for guide, keys in theirs.items()}
        await self._open([(self.known[guide][1], shared) for guide, shared in leads.items()], READ_FURTHER, FURTHER)
        for name, (_, other) in self.known.items():
            if name not in self.judged:
                self.judged[name] = self._score(self.child, self.shared, name, other)
        first = {guide: self.judged[guide] for guide in guides}
        for guide, shared in leads.items():
            self._through(first[guide], guide, shared)

    def _through(self, first: tuple[float, dict[str, str]], guide: str, shared: Shared) -> None:
        """Score everybody anew as one child with a guide, where that says more than the comparison itself."""
        for name, (_, other) in self.known.items():
            points, reasons = self.judged[name]
            if name == guide or points >= first[0]:
                continue
            like, sharing = self.known[guide][1], shared.fewest.get(name, rules.COMMON)
            if rules.at_most(like, other, sharing, self.size) < max(points, PROPOSE):
                continue
            step, levels = rules.score(like, other, sharing, self.size)
            both = rules.chained(first[0], step)
            if both > points:
                self.judged[name] = both, {**reasons, "through": rules.through(reasons, first[1], levels)}

    async def _look(self, keys: Collection[int]) -> None:
        if keys:
            holders, size = await self.source.holders(keys)
            self.holders |= {key: [each for each in those if each != self.child_id] for key, those in holders.items()}
            self.size = size or self.size

    def _shared(self, keys: Iterable[int]) -> Shared:
        """Return what each record has in common with who has these keys: many keys are promising, and rare ones."""
        promise: dict[str, float] = defaultdict(float)
        fewest: dict[str, int] = {}
        for those in sorted((self.holders[key] for key in keys if key in self.holders), key=len, reverse=True):
            if those:
                worth = 20 - log2(len(those))
                fewest |= dict.fromkeys(those, len(those))
                for name in those:
                    promise[name] += worth
        return Shared(promise, fewest)

    async def _open(self, leads: Sequence[tuple[Described, Shared]], read: int, most: int) -> None:
        """Open the likeliest of those who share keys with one of these and are not open yet: so many for each."""
        likeliest = []
        for like, shared in leads:
            new = {name: hope for name, hope in shared.promise.items() if name not in self.known}
            likeliest.append((like, dict(sorted(new.items(), key=lambda item: item[1], reverse=True)[:read])))
        wanted = {name for _, hope in likeliest for name in hope}
        if not wanted:
            return
        rows = {row.id: row for row in await self.source.rows(wanted)}
        best: dict[str, Any] = {}
        for like, hope in likeliest:
            worth = {
                name: promise + alike(like, rows[name])
                for name, promise in hope.items()
                if name in rows and name not in best
            }
            best |= {name: rows[name] for name in sorted(worth, key=lambda each: worth[each], reverse=True)[:most]}
        opened = await self.source.open(list(best.values()))
        self.known |= {name: (row, opened[name]) for name, row in best.items() if name in opened}

    def _score(self, one: Described, shared: Shared, name: str, other: Described) -> tuple[float, dict[str, str]]:
        return rules.score(one, other, shared.fewest.get(name, rules.COMMON), self.size)


def alike(child: Described, row: Any) -> float:
    """How much what stands unsealed speaks for a candidate, in bits."""
    return sum(WEIGHTS[field].get(level, 0.0) for field, level in openly(child, row).items())


def described(identity: dict[str, Any], row: Any, day: date) -> Described:
    """Describe a child, or a row with its columns, for comparison. An estimate of its age was made on `day`."""
    return describe(identity, day, sex=row.sex, nationalities=row.nationalities, languages=row.languages)
