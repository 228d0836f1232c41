"""The tables of the encounter's law: ties, proofs, mandatory referrals, deadlines, what is published."""

from datetime import timedelta

import pytest

from services.intake.assistance.rules import AssistanceCode
from services.intake.encounters.rules import (
    DEADLINES,
    MANDATORY_REFERRALS,
    TRAVEL_CONDITIONS,
    EncounterKind,
    Tie,
    TieProof,
    TravelCondition,
)
from services.intake.main import RULES
from services.intake.statistics import rules
from services.intake.statistics.rules import Cell, TableName
from shared.clocks.rules import Deadline
from shared.errors import RefusedByLaw
from shared.law import Rule
from tests.unit.intake.world import World


@pytest.mark.parametrize(
    ("tie", "condition"),
    [
        ("PARENTAL_AUTHORITY", "ACCOMPANIED"),  # LM 3-XVIII
        ("LEGAL_CUSTODY", "ACCOMPANIED"),
        ("GUARDIANSHIP", "ACCOMPANIED"),
        ("CUSTOMARY_CARE", "SEPARATED"),  # LM 3-XIX
        ("OTHER_ADULT", "UNACCOMPANIED"),  # LM 3-XVII: a smuggler or stranger does not count
        ("NOBODY", "UNACCOMPANIED"),
    ],
)
def test_the_tie_to_the_adult_gives_the_travel_condition(tie: str, condition: str) -> None:
    assert TRAVEL_CONDITIONS[Tie(tie)] is TravelCondition(condition)


def test_every_tie_has_a_travel_condition() -> None:
    assert TRAVEL_CONDITIONS.keys() == set(Tie)


def test_the_code_lists_are_the_documented_ones() -> None:
    assert set(EncounterKind) == {"FOREIGN_MET", "MEXICAN_RETURNED"}
    assert set(TieProof) == {"ADULT_DOCUMENTS", "CHILD_STATEMENT", "COMPANION_STATEMENT", "OTHER"}
    assert set(AssistanceCode) == {
        "HEALTH", "FOOD", "CLOTHING", "REST", "HYGIENE", "PHONE_CALL", "INTERPRETER", "PSYCHOSOCIAL", "INFO_RIGHTS",
        "LEGAL",
    }  # fmt: skip


def test_procuraduria_and_dif_are_told_of_every_child() -> None:
    assert MANDATORY_REFERRALS == ("PP", "DIF")


def test_detection_starts_two_duties() -> None:
    assert [deadline.id for deadline in DEADLINES] == ["D1", "D2"]


@pytest.mark.parametrize("deadline", DEADLINES, ids=lambda deadline: deadline.id)
def test_a_duty_from_detection_is_warned_of_after_1_hour_and_breached_after_24(deadline: Deadline) -> None:
    assert (deadline.warn, deadline.due) == (timedelta(hours=1), timedelta(hours=24))
    assert not deadline.verified  # the law says "immediately"; the hours are configuration
    assert "112" in deadline.source


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_names_its_source_in_two_languages(rule: Rule) -> None:
    assert rule.source
    assert rule.text.en != rule.text.es


async def test_the_rules_are_published(world: World) -> None:
    book = (await world.get("/v1/intake/rules")).json()
    assert [rule["id"] for rule in book["rules"]] == ["LM3-XVI", "R3", "R33"]
    published = [(each["id"], each["warn_seconds"], each["due_seconds"]) for each in book["deadlines"]]
    assert published == [("D1", 3600, 86400), ("D2", 3600, 86400)]


# -- R33 ---------------------------------------------------------------------------------------------


def test_the_tables_have_the_official_dimensions() -> None:
    assert {name.value: dimensions for name, dimensions in rules.DIMENSIONS.items()} == {
        "T1": ("nationality", "age_group", "travel_condition"),
        "T2": ("state", "age_group", "travel_condition"),
        "T3": ("month", "age_group", "travel_condition", "sex"),
    }
    assert rules.DIMENSIONS.keys() == set(TableName)


@pytest.mark.parametrize(
    ("events", "persons", "shown"),
    [(5, 5, True), (6, 5, True), (5, 4, False), (4, 4, False), (900, 4, False), (1, 1, False), (0, 0, False)],
)
def test_small_cells_are_left_out_of_what_is_published(events: int, persons: int, shown: bool) -> None:
    cell = Cell({"nationality": "HND"}, events, persons)
    assert rules.published([cell]) == [cell] * shown


@pytest.mark.parametrize(
    ("first", "last", "ended", "released"),
    [
        ("2026-03", "2026-03", True, True),
        ("2026-01", "2026-06", True, True),
        ("2026-07", "2026-12", True, True),
        ("2026-03", "2026-03", False, False),  # the month still runs
        ("2026-07", "2026-12", False, False),
        ("2026-01", "2026-05", True, False),  # what June adds would be told by subtraction
        ("2026-02", "2026-07", True, False),
        ("2026-01", "2026-12", True, False),
        ("2025-01", "2026-06", True, False),
        ("2025-07", "2026-12", True, False),
    ],
)
def test_the_public_gets_ended_months_and_half_years(first: str, last: str, ended: bool, released: bool) -> None:
    if released:
        return rules.check_release(first, last, ended=ended)
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_release(first, last, ended=ended)
    assert refused.value.law is not None
    assert refused.value.law.rule == "R33"
