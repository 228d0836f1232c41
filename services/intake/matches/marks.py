"""What two records of one child have in common, and few other children share: the texts behind the match keys. Pure.

Each mark joins a few coarse features. A child has about eleven. Which ones, was chosen by measurement on children made
from the tuning seed (bench/matching.py): together they bring 99 of 100 pairs of meetings before the comparison; those
that they miss hold two or three errors at once.
"""

from itertools import combinations, product

from services.intake.matches.compare import Described, Forms
from services.intake.matches.names import sound

_MOST = 3
"""So many given names of a child count."""


def marks(child: Described) -> list[str]:
    """Return the marks of a child: neither the order of its names nor that of day and month counts."""
    given, surnames = _sounds(child.given)[:_MOST], _sounds(child.surnames)
    both = product(given, surnames)
    found = [f"name/{name}/{surname}" for name, surname in both]
    found += [f"given/{one}/{other}/{surname}" for one, other in combinations(sorted(given), 2) for surname in surnames]
    if len(surnames) == 2:
        pair = "/".join(sorted(surnames))
        found += [f"surnames/{pair}", *(f"whole/{name}/{pair}" for name in given)]
    if (born := child.born) is not None:
        low, high = sorted((born.day, born.month)) if born.day <= 12 else (born.month, born.day)
        found += [
            f"date/{born.year}-{low}-{high}/{kind}/{name}"
            for kind, names in (("g", given), ("s", surnames))
            for name in names
        ]
        found += [f"year/{born.year}/{name}/{surname}" for name, surname in product(given, surnames)]
    return found


def _sounds(names: tuple[Forms, ...]) -> list[str]:
    return list(dict.fromkeys(filter(None, (sound(forms[0]) for forms in names))))
