"""What two records of one child have in common, and few other children share: the texts behind the match keys. Pure.

Each mark joins a few coarse features. A child has about thirteen, one whose age was estimated more: one set for each
year in which it may be born. Which ones, was chosen by measurement among 600,000 children made from the tuning seed,
where a given name and a surname alone are shared by hundreds: each kind here finds pairs that no other one finds.
"""

from itertools import combinations, product

from services.intake.matches.compare import Described, Forms
from services.intake.matches.names import sound

GENERATION = 2
"""Raised whenever `marks` changes: the daily sweep makes the keys of children anew that an older one made."""
_MOST = 3
"""So many given names of a child count."""
_BOTH = 2
_YEARS = 5
"""An estimate of the age that is wider than this makes no marks."""


def marks(child: Described) -> list[str]:
    """Return the marks of a child: neither the order of its names nor that of day and month counts."""
    given, surnames = _sounds(child.given)[:_MOST], _sounds(child.surnames)
    pairs = [f"{name}/{surname}" for name, surname in product(given, surnames)]
    couples = [f"{one}/{other}" for one, other in combinations(sorted(given), 2)]
    both = ["/".join(sorted(surnames))] if len(surnames) == _BOTH else []
    found = [f"given/{couple}/{surname}" for couple in couples for surname in surnames]
    found += [f"whole/{name}/{two}" for two in both for name in given]
    if (born := child.born) is not None:
        low, high = sorted((born.day, born.month)) if born.day <= 12 else (born.month, born.day)
        found += [f"date/{born.year}-{low}-{high}/g/{name}" for name in given]
        found += [f"date/{born.year}-{low}-{high}/s/{surname}" for surname in surnames]
        found += [f"day/{low}-{high}/{each}" for each in [*pairs, *both]]
    if child.latest.year - child.earliest.year <= _YEARS:
        for year in range(child.earliest.year, child.latest.year + 1):
            found += [f"year/{year}/{each}" for each in pairs]
            found += [f"year/{year}/{kind}/{each}" for kind, those in (("g", couples), ("s", both)) for each in those]
    return found


def _sounds(names: tuple[Forms, ...]) -> list[str]:
    return list(dict.fromkeys(filter(None, (sound(forms[0]) for forms in names))))
