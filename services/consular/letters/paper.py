"""A letter on paper, in Spanish: PDF/A-2a and PDF/UA-1, to be kept and read aloud. The only module that knows typst.

It says what the webhook says and nothing beyond: no identity, no case, no number that counts.
"""

from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

import typst

from services.consular.consulates.models import Consulate
from services.consular.letters.models import Letter
from services.consular.letters.rules import LetterKind
from shared import jsons
from shared.zones import zone

_TITLES = {
    LetterKind.NOTICE: "Aviso consular",
    LetterKind.REMINDER: "Recordatorio de aviso consular",
}


def pdf(letter: Letter, post: Consulate, at: datetime) -> bytes:
    """Return a letter to a post as PDF, dated with the day of `at` in the state's own time."""
    return compiled(jsons.canonical(shown(letter, post, at)).decode())


def shown(letter: Letter, post: Consulate, at: datetime) -> dict[str, Any]:
    """Return what stands on the paper."""
    said, day = letter.content, at.astimezone(zone(letter.state)).date()
    return {
        "title": _TITLES[letter.kind],
        "reminder": letter.kind is LetterKind.REMINDER,
        "notice": said["notice_id"],
        "nationality": said["nationality"],
        "state": said["state"],
        "statement": said["statement_es"],
        "pp": _office(said["pp"]),
        "dif": _office(said["dif"]),
        "to": {"country": post.country, "kind": post.kind.value, "city": post.city, "address": post.address or ""},
        "day": [day.year, day.month, day.day],
    }


def _office(said: dict[str, Any]) -> dict[str, str]:
    return {name: said.get(name) or "" for name in ("name", "telephone", "email")}


@lru_cache(maxsize=16)
def compiled(told: str) -> bytes:
    """Return the PDF of what stands on the paper."""
    made: bytes = typst.compile(
        _source(), format="pdf", sys_inputs={"letter": told}, pdf_standards=["a-2a", "ua-1"], ignore_system_fonts=True
    )
    return made


@lru_cache(maxsize=1)
def _source() -> bytes:
    return (files("services.consular.letters") / "letter.typ").read_bytes()
