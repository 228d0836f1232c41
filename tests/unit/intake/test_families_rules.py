"""The law of families as tables: who parts them (R12), what a finding on a carer does (R9)."""

from typing import Any

import pytest

from services.intake.families import rules
from services.intake.families.rules import (
    GROUNDS,
    REMOVAL_REASONS,
    SEPARATION_REASONS,
    TRANSITIONS,
    FindingOutcome,
    Ground,
    RemovalReason,
    SeparationAction,
    SeparationReason,
    SeparationState,
)
from shared.errors import IllegalMove, RefusedByLaw


@pytest.mark.parametrize(
    ("table", "codes"),
    [(SEPARATION_REASONS, SeparationReason), (REMOVAL_REASONS, RemovalReason), (GROUNDS, Ground)],
    ids=["separations", "removals", "grounds"],
)
def test_every_code_is_told_in_two_languages(table: dict[Any, Any], codes: Any) -> None:
    assert table.keys() == set(codes)
    assert all(text.en and text.es and text.en != text.es for text in table.values())


@pytest.mark.parametrize("state", list(SeparationState))
@pytest.mark.parametrize("action", list(SeparationAction))
def test_a_separation_ends_once(state: SeparationState, action: SeparationAction) -> None:
    if state is SeparationState.STANDING:
        assert rules.advance(state, action) is TRANSITIONS[state, action] is SeparationState.ENDED
        return
    with pytest.raises(IllegalMove) as said:
        rules.advance(state, action)
    assert said.value.allowed_actions == []


@pytest.mark.parametrize(
    ("kind", "decided", "lawful"),
    [("PP", True, True), ("PP", False, False), ("INM", True, False), ("INM", False, False), ("DIF", True, False)],
)
def test_a_family_is_parted_by_the_procuraduria_and_a_decision(kind: str, decided: bool, lawful: bool) -> None:
    if lawful:
        return rules.check_parting(kind, decided=decided)
    with pytest.raises(RefusedByLaw) as said:
        rules.check_parting(kind, decided=decided)
    assert said.value.law is not None
    assert (said.value.law.rule, said.value.allowed_actions) == ("R12", ["pp_decision"])


@pytest.mark.parametrize(
    ("kind", "outcome", "grounds", "lawful"),
    [
        ("PP", "ADVERSE", ["NEGLECT"], True),
        ("PP", "ADVERSE", [], False),
        ("PP", "NOT_ADVERSE", [], True),
        ("INM", "ADVERSE", ["NEGLECT"], False),
        ("INM", "NOT_ADVERSE", [], False),
    ],
)
def test_a_finding_is_the_procuradurias_and_says_why(kind: str, outcome: str, grounds: Any, lawful: bool) -> None:
    if lawful:
        return rules.check_finding(kind, FindingOutcome(outcome), grounds)
    with pytest.raises(RefusedByLaw) as said:
        rules.check_finding(kind, FindingOutcome(outcome), grounds)
    assert said.value.law is not None
    assert said.value.law.rule == "R9"


@pytest.mark.parametrize(
    ("latest", "extends"), [(None, True), (FindingOutcome.NOT_ADVERSE, True), (FindingOutcome.ADVERSE, False)]
)
def test_the_permit_extends_to_a_carer_unless_an_adverse_finding_stands(
    latest: FindingOutcome | None, extends: bool
) -> None:
    assert rules.permit_extends(latest) is extends


@pytest.mark.parametrize(
    ("one", "other", "standing", "parted"),
    [
        ("a", "b", [], False),
        ("a", "b", [["a"]], True),
        ("b", "a", [["a"]], True),
        ("a", "b", [["a", "b"]], False),  # taken away together
        ("b", "c", [["a"]], False),  # both stayed
        ("a", "b", [["a", "b"], ["b"]], True),
    ],
)
def test_members_are_apart_where_a_standing_separation_took_one_of_them(
    one: str, other: str, standing: list[list[str]], parted: bool
) -> None:
    assert rules.apart(one, other, standing) is parted


@pytest.mark.parametrize(
    ("kind", "members", "standing", "actions"),
    [
        ("INM", 2, True, ["add_child", "add_carer"]),
        ("INM", rules.LARGEST, True, []),
        ("PP", 2, False, ["add_child", "add_carer", "separate", "remove", "find"]),
        ("PP", rules.LARGEST, True, ["separate", "reunite", "remove", "find"]),
    ],
)
def test_what_may_be_done_with_a_family(kind: str, members: int, standing: bool, actions: list[str]) -> None:
    assert rules.allowed(kind, members=members, standing=standing) == actions
