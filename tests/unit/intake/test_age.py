"""Who counts as a child, and how old: every row of LM 3-XVI and R3."""

from datetime import date

import pytest

from services.intake.children.rules import Age, AgeGroup, age_on, estimated_age, known_age
from shared.errors import RefusedByLaw

CHILD, ADOLESCENT = AgeGroup.CHILD, AgeGroup.ADOLESCENT


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        ("2008-05-02", "2026-05-01", 17),  # the eve of the birthday
        ("2008-05-02", "2026-05-02", 18),  # the birthday
        ("2008-05-02", "2026-05-03", 18),
        ("2014-12-31", "2026-12-30", 11),
        ("2014-12-31", "2026-12-31", 12),
        ("2015-01-01", "2026-12-31", 11),  # the year alone says nothing
        ("2008-02-29", "2026-02-28", 17),  # born on 29 February: a common year
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2024-02-28", 15),  # and a leap year
        ("2008-02-29", "2024-02-29", 16),
        ("2008-02-28", "2026-02-28", 18),
        ("2008-03-01", "2024-02-29", 15),
        ("2026-05-02", "2026-05-02", 0),  # the day of birth
    ],
)
def test_a_year_is_completed_on_the_birthday(born: str, day: str, years: int) -> None:
    assert age_on(date.fromisoformat(born), date.fromisoformat(day)) == years


@pytest.mark.parametrize(
    ("born", "group"),
    [
        ("2026-05-02", CHILD),  # newborn
        ("2014-05-03", CHILD),  # twelve tomorrow
        ("2014-05-02", ADOLESCENT),  # twelve today
        ("2008-05-03", ADOLESCENT),  # eighteen tomorrow
    ],
)
def test_a_known_birth_date_presumes_nothing(born: str, group: AgeGroup) -> None:
    assert known_age(date.fromisoformat(born), date(2026, 5, 2)) == Age(group, presumed=False)


@pytest.mark.parametrize("born", ["2008-05-02", "2008-05-01", "1956-01-01"])
def test_a_known_adult_is_refused_by_the_law_on_migration(born: str) -> None:
    with pytest.raises(RefusedByLaw) as refused:
        known_age(date.fromisoformat(born), date(2026, 5, 2))
    assert refused.value.law is not None
    assert (refused.value.law.rule, refused.value.law.source) == ("LM3-XVI", "Ley de Migración, art. 3, fr. XVI")


@pytest.mark.parametrize(
    ("low", "high", "group", "presumed"),
    [
        (0, 0, CHILD, False),
        (3, 11, CHILD, False),
        (11, 11, CHILD, False),
        (11, 12, CHILD, True),  # doubt about twelve: a child
        (10, 17, CHILD, True),
        (11, 18, CHILD, True),  # doubt about both
        (0, 30, CHILD, True),
        (12, 12, ADOLESCENT, False),
        (12, 17, ADOLESCENT, False),
        (17, 17, ADOLESCENT, False),
        (17, 18, ADOLESCENT, True),  # doubt about eighteen: an adolescent
        (12, 30, ADOLESCENT, True),
    ],
)
def test_in_doubt_the_younger_group_is_presumed(low: int, high: int, group: AgeGroup, presumed: bool) -> None:
    assert estimated_age(low, high) == Age(group, presumed)


@pytest.mark.parametrize(("low", "high"), [(18, 18), (18, 30), (25, 30)])
def test_nobody_becomes_an_adult_by_an_estimate(low: int, high: int) -> None:
    with pytest.raises(RefusedByLaw) as refused:
        estimated_age(low, high)
    assert refused.value.law is not None
    assert refused.value.law.rule == "R3"
    assert "Procuraduría" in refused.value.detail
