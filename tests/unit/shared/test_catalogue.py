"""The catalogue of problems holds every code that the source uses, in two languages."""

import re
from pathlib import Path

import pytest

from shared import errors, problems
from shared.catalogue import CATALOGUE
from shared.errors import Refusal

ROOT = Path(__file__).parents[3]
SOURCES = [file for folder in ("shared", "gateway", "services") for file in (ROOT / folder).rglob("*.py")]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]


def codes() -> set[str]:
    found = {kind.code for kind in KINDS} | set(problems._STATUS_CODES.values())
    for file in SOURCES:
        found |= set(re.findall(r'\bcode="([a-z_]+)"', file.read_text()))
    return found


def test_every_code_that_is_used_is_in_the_catalogue() -> None:
    assert codes() - CATALOGUE.keys() == set()


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_page_can_be_made_of_every_code_in_both_languages(code: str) -> None:
    problem = CATALOGUE[code]
    assert 400 <= problem.status <= 599
    for words in (problem.title, problem.cause, problem.fix):
        assert words.en.strip()
        assert words.es.strip()
        assert words.en != words.es or words.en.startswith("Send `Content-Type")
    assert problems.render(Refusal(code=code)).status_code == problem.status
