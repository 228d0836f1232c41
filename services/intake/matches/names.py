"""Names as they are heard: how one name, written by different officers, becomes one code. Pure.

The code serves Spanish and the way in which Mayan, Nahuatl, Garifuna and Haitian names are written down in it. It is
coarse on purpose: it finds candidates; how well the letters agree is said by `compared`.
"""

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

_PARTICLES = frozenset({"de", "del", "la", "las", "los", "el", "y", "da", "do", "dos"})
"""Words of a name that one officer writes and the next leaves out."""
_APOSTROPHES = re.compile("['’‘ʼꞌ`´ˈ.]")  # the saltillo of Mayan names among them
_GAPS = re.compile(r"[\W\d_]+")
_SOUNDS = tuple(
    (re.compile(old), new)
    for old, new in (
        ("ph", "f"), ("th", "t"), ("ck", "k"), ("tz|ts|tx", "s"), ("[csx]h", "s"), ("x", "s"),
        ("qu(?=[ei])", "k"), ("q", "k"), ("c(?=[eiy])", "s"), ("c", "k"), ("z", "s"),
        ("g(?=[eiy])|j", "s"), ("gu(?=[ei])", "g"), ("gu(?=[ao])|hu(?=[aeiou])|w", "u"), ("h", ""),
        ("ll|y", "i"), ("v|p", "b"), ("m", "n"), ("e", "i"), ("o", "u"), ("ni(?=[aiu])", "n"), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip
"""In this order: what sounds alike in the Spanish of the region, or is one sound of a Mayan or Nahuatl name."""
_ALIKE, _UNLIKE = 0.90, 0.55
"""Jaro and Winkler's likeness: from here on one name, below another one; between them sound and letters decide."""
_LONG = 4
"""A shorter name that differs in a letter is another name (Ana, Ada)."""


def fold(text: str) -> str:
    """Return a text in small letters, without accents or apostrophes; ñ becomes n."""
    bare = _APOSTROPHES.sub("", text.lower())
    if bare.isascii():
        return bare
    plain = unicodedata.normalize("NFD", bare)
    return "".join(each for each in plain if not unicodedata.combining(each))


def words(text: str | None) -> tuple[str, ...]:
    """Return the folded words of a name, without particles unless there is nothing else."""
    found = [word for word in _GAPS.split(fold(text)) if word] if text else []
    return tuple([word for word in found if word not in _PARTICLES] or found)


@lru_cache(maxsize=4_096)  # words alone, never whose: a search asks for the same ones time and again
def sound(word: str) -> str:
    """Return what a folded word sounds like: `xiloj`, `shiloj` and `chiloj` are one."""
    for old, new in _SOUNDS:
        word = old.sub(new, word)
    return word


def alike(one: str, other: str) -> bool:
    """Whether two folded words that differ may be one name: misspelt, mistyped, or written by ear."""
    likeness = JaroWinkler.similarity(one, other)
    if likeness < _UNLIKE:
        return False
    if likeness >= _ALIKE or sound(one) == sound(other):
        return True
    return min(len(one), len(other)) >= _LONG and OSA.distance(one, other, score_cutoff=1) <= 1
