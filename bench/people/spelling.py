"""How a name changes on its way from a child's mouth to an officer's screen: one rule for each way."""

import re
import unicodedata
from collections.abc import Callable
from random import Random

Rule = Callable[[Random, str], str]

# What sounds alike, or nearly, in the Spanish of the region or when Mayan and Nahuatl words are written by ear.
_ALIKE = [
    tuple(pair.split(">"))
    for pair in (
        "s>z z>s c>s s>c b>v v>b ll>y y>ll y>i i>y j>g g>j h> qu>k k>qu c>k k>c x>j j>x x>sh x>s ch>sh tz>ts "
        "tz>z n>nn nn>n ss>s s>ss w>gu gü>w hu>w w>hu m>n n>m ph>f th>t t>th ñ>n ñ>ni ee>i oo>u aa>a a>aa "
        "u>uu e>i o>u r>rr rr>r "
    ).split()
]
_ONLY_BEFORE = {("c", "s"): "eiéí", ("s", "c"): "eiéí", ("g", "j"): "eiéí", ("j", "g"): "eiéí", ("c", "k"): "aouáóúlrn",
                ("k", "c"): "aouáóú", ("m", "n"): "pb", ("n", "m"): "pbv"}  # fmt: skip
_START_H = "aeiou"
_KEYS = dict(pair.split(":") for pair in "a:qsz e:wrd i:uok o:ipl u:yij n:bmh r:etf s:adw l:kop m:nj d:sf t:ry".split())


def bare(text: str) -> str:
    """Return a text without accents; ñ becomes n."""
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))


def by_ear(chance: Random, name: str) -> str:
    """Write a name as another would spell what they heard. Returns it unchanged where nothing fits."""
    word = name.lower()
    places = []
    for old, new in _ALIKE:
        before = _ONLY_BEFORE.get((old, new))
        for found in re.finditer(re.escape(old), word):
            following = word[found.end() : found.end() + 1]
            if (before is None or following in before) and not (
                old == "h" and word[found.start() - 1 : found.start()] in "cstp"
            ):
                places.append((found.start(), found.end(), new))
    if word[0] in _START_H:
        places.append((0, 0, "h"))
    if not places:
        return name
    start, end, new = chance.choice(places)
    return _as_before(name, word[:start] + new + word[end:])


def slip(chance: Random, name: str) -> str:
    """Make one slip of the finger: a letter lost, doubled, swapped with the next, or the key beside it."""
    if len(name) < 3:
        return name
    place = chance.randrange(len(name) - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return _as_before(name, name[:place] + name[place + 1 :])
    if kind == 1:
        return name[: place + 1] + name[place:].lower()
    if kind == 2:
        return _as_before(name, name[:place] + name[place + 1] + name[place] + name[place + 2 :])
    near = _KEYS.get(name[place].lower())
    return _as_before(name, name[:place] + (chance.choice(near) if near else name[place]) + name[place + 1 :])


def _as_before(old: str, new: str) -> str:
    return new[:1].upper() + new[1:].lower() if old[:1].isupper() and " " not in old else new.title()


def particle(chance: Random, name: str) -> str:
    """`De León` as `Deleon` or `León`; `Jean-Baptiste` as `Jean Baptiste` or `Jeanbaptiste`."""
    parts = re.split(r"[ -]", name)
    if len(parts) == 1:
        return name
    return chance.choice([parts[-1], "".join(parts).capitalize(), " ".join(parts)])


SPELLINGS: dict[str, Rule] = {
    "by_ear": by_ear,
    "slip": slip,
    "particle": particle,
}
