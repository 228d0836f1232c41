"""The tables of the encounter's law: ties, proofs, mandatory referrals, deadlines, what is published."""

from datetime import timedelta

import pytest

from services.intake.assistance.rules import AssistanceCode
from services.intake.encounters.rules import (
    DEADLINES,
    KINDS,
    MANDATORY_REFERRALS,
    TRAVEL_CONDITIONS,
    AnnouncedBy,
    EncounterKind,
    Outcome,
    Tie,
    TieProof,
    TravelCondition,
)
from services.intake.main import RULES
from shared.clocks.rules import Deadline
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
    assert set(EncounterKind) == {"FOREIGN_MET", "MEXICAN_RETURNED", "BETA_MET", "ANNOUNCED"}
    assert set(Outcome) == {"CHANNELLED", "PRESENTED"}
    assert set(AnnouncedBy) == {"AGENCY", "COUNTRY", "ADULT_MET"}
    assert set(TieProof) == {"ADULT_DOCUMENTS", "CHILD_STATEMENT", "COMPANION_STATEMENT", "OTHER"}
    assert set(AssistanceCode) == {
        "HEALTH", "FOOD", "CLOTHING", "REST", "HYGIENE", "PHONE_CALL", "INTERPRETER", "PSYCHOSOCIAL", "INFO_RIGHTS",
        "LEGAL",
    }  # fmt: skip


def test_procuraduria_and_dif_are_told_of_every_child_who_was_met() -> None:
    assert MANDATORY_REFERRALS == ("PP", "DIF")
    for kind in set(EncounterKind) - {EncounterKind.ANNOUNCED}:
        assert (KINDS[kind].referrals, KINDS[kind].deadlines) == (MANDATORY_REFERRALS, DEADLINES)


def test_every_kind_names_its_law_in_two_languages() -> None:
    assert KINDS.keys() == set(EncounterKind)
    for kind, law in KINDS.items():
        assert law.kind is kind
        assert law.source
        assert law.text.en != law.text.es


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
    published = {rule["id"]: rule["verified"] for rule in book["rules"]}
    assert {
        "LM3-XVI": True, "R3": True, "R3-EXAM": False, "R35-RETENTION": False, "LM20-XI": True, "R2": True, "R10": True,
        "R15-SCREENING": True, "R35": True,
    }.items() <= published.items()  # fmt: skip
    times = [(each["id"], each["warn_seconds"], each["due_seconds"]) for each in book["deadlines"]]
    assert times == [
        ("D1", 3600, 86400), ("D2", 3600, 86400), ("NEEDS", 7200, 14400), ("VRH", 86400, 259200),
        ("TRACING", 259200, 864000),
    ]  # fmt: skip
