"""Made-up children: the same for the same seed, of a shape that intake takes, wrong in the ways that they say."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from bench.people import HELD_OUT_SEED, TUNING_SEED
from bench.people.children import Child, children
from bench.people.meetings import ERRORS, Meeting, meetings
from bench.people.names import pools
from bench.people.spelling import SPELLINGS, bare
from services.intake.children.schemas import Identity

HABITS = {"capitals", "no_accents"}


@pytest.fixture(scope="module")
def met() -> list[Meeting]:
    return list(islice(meetings(TUNING_SEED), 20_000))


@pytest.fixture(scope="module")
def truth() -> list[Child]:
    return list(islice(children(TUNING_SEED), 13_000))


def test_the_same_seed_gives_the_same_meetings_and_another_seed_others(met: list[Meeting]) -> None:
    assert list(islice(meetings(TUNING_SEED), 200)) == met[:200]
    assert [each.identity for each in islice(meetings(HELD_OUT_SEED), 200)] != [each.identity for each in met[:200]]


def test_intake_takes_every_identity(met: list[Meeting]) -> None:
    for each in met[:5_000]:
        Identity.model_validate_json(Identity(**each.identity).model_dump_json(), strict=True)


def test_without_an_error_the_truth_is_written(met: list[Meeting], truth: list[Child]) -> None:
    right = [each for each in met if not each.errors]
    assert len(right) > len(met) / 5
    for each in right:
        child = truth[each.child]
        assert each.identity["given_names"] == " ".join(child.given)
        assert (each.identity["first_surname"], *filter(None, [each.identity["second_surname"]])) == child.surnames
        assert each.identity["birth_date"] == child.birth_date.isoformat()
        assert (each.sex, each.nationality, each.language) == (child.sex, child.nationality, child.language)


def test_every_error_happens_and_habits_change_no_letter(met: list[Meeting], truth: list[Child]) -> None:
    counted = Counter(error for each in met for error in each.errors)
    assert set(counted) == set(ERRORS) | HABITS
    for each in met:
        if each.errors and each.errors <= HABITS:
            assert each.identity["given_names"].upper() == bare(" ".join(truth[each.child].given)).upper()


def test_most_are_met_once_and_some_have_a_twin(met: list[Meeting], truth: list[Child]) -> None:
    times = Counter(each.child for each in met)
    assert 0.55 < sum(count == 1 for count in times.values()) / len(times) < 0.69
    born = Counter((child.family, child.birth_date) for child in truth)
    assert 20 < sum(count > 1 for count in born.values()) < 200


@pytest.mark.parametrize("kind", sorted(SPELLINGS))
def test_a_misspelling_leaves_a_name(kind: str) -> None:
    chance = Random(1)
    for pool in pools().values():
        for name in pool.names:
            wrong = SPELLINGS[kind](chance, name)
            assert wrong.strip() == wrong
            assert len(wrong) >= min(len(name) - 1, 2)
