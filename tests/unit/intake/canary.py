"""Words that must be found nowhere, in every writing that a file, dump or log could have them in."""

import base64
import json
import unicodedata
from collections.abc import Iterator
from datetime import date
from urllib.parse import quote

STEM = "Zóchikándela"
"""What every canary begins with: one search finds any of them. No code, id or text of Ruta's has it."""
DAYS = (date(2013, 7, 19), date(1987, 11, 23))
"""The birth dates of a child and of an adult: no moment of a test is of such a day."""


def canary(number: int) -> str:
    """A word of letters alone, for names may have no digits: another one for each text."""
    return STEM + "".join(chr(ord("a") + digit) for digit in divmod(number, 26))


def bare(text: str) -> str:
    """A text without its accents."""
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def writings(text: str) -> Iterator[str]:
    """A text as it stands, in capitals and small letters, with its accents and without."""
    for each in (text, bare(text), unicodedata.normalize("NFD", text)):
        yield from (each, each.upper(), each.lower())


def _encodings(text: str) -> Iterator[bytes]:
    plain = text.encode()
    yield from (plain, text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode("latin-1", "ignore"))
    yield from (plain.hex().encode(), plain.hex().upper().encode())
    yield json.dumps(text)[1:-1].encode()
    yield quote(text).encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):  # a text may begin at any of three places of a group
            whole = encode(b"\0" * before + plain)
            yield whole[-(-before * 4 // 3) : len(whole) // 4 * 4 - 4]  # signs that no neighbour changes


def _days() -> Iterator[str]:
    for day in DAYS:
        # never eight digits alone: a dump has so many that they would come up by chance
        yield from (day.isoformat(), day.strftime("%d/%m/%Y"), repr(day).partition("(")[2])


def _needles() -> list[bytes]:
    words = {each for text in writings(STEM) for each in _encodings(text)}
    days = {each for text in _days() for each in _encodings(text)}
    return sorted(words | days)


NEEDLES = _needles()


def found(haystack: bytes) -> list[str]:
    """Where a canary or a birth date of the story stands in these bytes: each writing once, with what is around it."""
    places = [haystack.index(needle) for needle in NEEDLES if needle in haystack]
    return [repr(haystack[max(0, place - 40) : place + 60]) for place in sorted(set(places))]
