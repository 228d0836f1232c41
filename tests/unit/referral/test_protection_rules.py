"""The guard's decision, row by row and at random: unknown means no."""

from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.referral.protection import rules
from services.referral.protection.rules import (
    ABROAD,
    BLOCKED,
    FOREIGN,
    Act,
    Answer,
    IndicationCode,
    Known,
    Obstacle,
    ReleaseAction,
    ReleaseState,
    ToldBy,
    Verdict,
    advance,
    allowed,
    obstacles,
    verdict,
)
from services.referral.protection.rules import (
    ACT as RELEASING,
)
from shared.errors import IllegalMove

KNOWN = Known(
    nationalities=("HND",),
    stateless_doubt=False,
    languages=("spa",),
    blocked=False,
    relatives_blocked=(False,),
    channelled=True,
    represented=True,
    screened=True,
)
ACT = Act("HND", screened=True, told_in="spa", objects=False)


def test_a_foreign_child_without_any_obstacle_may_be_made_known() -> None:
    assert obstacles(KNOWN, ACT) == []


@pytest.mark.parametrize(
    ("known", "act", "expected"),
    [
        ({"nationalities": None}, {}, {Obstacle.FACTS_UNKNOWN}),
        ({"stateless_doubt": None}, {}, {Obstacle.FACTS_UNKNOWN}),
        ({"languages": None}, {}, {Obstacle.FACTS_UNKNOWN}),
        ({"nationalities": ()}, {}, {Obstacle.NATIONALITY_UNKNOWN}),
        ({"nationalities": ("SLV",)}, {}, {Obstacle.NATIONALITY_UNKNOWN}),
        ({"nationalities": ("HND", "MEX")}, {}, {Obstacle.MEXICAN}),
        ({"nationalities": ("MEX",)}, {"nationality": "MEX"}, {Obstacle.MEXICAN}),
        ({"stateless_doubt": True}, {}, {Obstacle.STATELESS_DOUBT}),
        ({"blocked": True}, {}, {Obstacle.INDICATION}),
        ({"relatives_blocked": (False, True)}, {}, {Obstacle.RELATIVE_PROTECTED}),
        ({"relatives_blocked": (None,)}, {}, {Obstacle.RELATIVE_UNKNOWN}),
        ({"channelled": False}, {}, {Obstacle.NOT_CHANNELLED}),
        ({"represented": False}, {}, {Obstacle.NOT_REPRESENTED}),
        ({}, {"screened": False}, {Obstacle.NOT_SCREENED}),
        ({"screened": False}, {}, {Obstacle.NOT_SCREENED}),
        ({"protected": True}, {}, {Obstacle.PROTECTION_STANDS}),
        ({}, {"told_in": "mam"}, {Obstacle.NOT_TOLD_IN_OWN_LANGUAGE}),
        ({}, {"told_in": None}, {Obstacle.NOT_TOLD_IN_OWN_LANGUAGE}),
        ({}, {"objects": True}, {Obstacle.CHILD_OBJECTS}),
        ({}, {"objects": None}, {Obstacle.CHILD_OBJECTS}),
        ({"kept": True}, {"recipient": "child-protection-hnd"}, {Obstacle.WITHHELD}),
    ],
)
def test_each_obstacle_keeps_the_notice_back_by_itself(
    known: dict[str, Any], act: dict[str, Any], expected: set[Obstacle]
) -> None:
    assert set(obstacles(replace(KNOWN, **known), replace(ACT, **act))) == expected


maybe = st.sampled_from([None, False, True])
countries = st.none() | st.lists(st.sampled_from(["HND", "SLV", "MEX"]), max_size=3).map(tuple)


@given(
    nationalities=countries,
    stateless_doubt=maybe,
    languages=st.none() | st.lists(st.sampled_from(["spa", "mam"]), max_size=2).map(tuple),
    blocked=st.booleans(),
    relatives=st.lists(maybe, max_size=3).map(tuple),
    channelled=st.booleans(),
    represented=st.booleans(),
    nationality=st.sampled_from(["HND", "SLV", "MEX"]),
    screened=st.booleans(),
    told_in=st.sampled_from([None, "spa", "mam"]),
    objects=maybe,
)
def test_only_a_child_of_whom_everything_is_known_and_nothing_forbids_is_released(
    nationalities: tuple[str, ...] | None,
    stateless_doubt: bool | None,
    languages: tuple[str, ...] | None,
    blocked: bool,
    relatives: tuple[bool | None, ...],
    channelled: bool,
    represented: bool,
    nationality: str,
    screened: bool,
    told_in: str | None,
    objects: bool | None,
) -> None:
    known = Known(nationalities, stateless_doubt, languages, blocked, relatives, channelled, represented)
    found = obstacles(known, Act(nationality, screened, told_in, objects))
    lawful = (
        nationalities is not None
        and "MEX" not in nationalities
        and nationality in nationalities
        and stateless_doubt is False
        and languages is not None
        and told_in in languages
        and not blocked
        and all(relative is False for relative in relatives)
        and channelled
        and represented
        and screened
        and objects is False
    )
    assert (found == []) == lawful
    assert (verdict(ReleaseState.RELEASED, found) is Verdict.OPEN) == lawful
    for state in set(ReleaseState) - {ReleaseState.RELEASED}:
        assert verdict(state, found) is Verdict.CLOSED


WAITS = (Obstacle.FACTS_UNKNOWN, Obstacle.RELATIVE_UNKNOWN, Obstacle.NOT_SCREENED)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Verdict.OPEN),
        ([Obstacle.FACTS_UNKNOWN], Verdict.WAIT),
        ([Obstacle.RELATIVE_UNKNOWN, Obstacle.FACTS_UNKNOWN], Verdict.WAIT),
        ([Obstacle.FACTS_UNKNOWN, Obstacle.INDICATION], Verdict.CLOSED),
        *(([each], Verdict.WAIT if each in WAITS else Verdict.CLOSED) for each in Obstacle),
    ],
)
def test_what_is_unknown_waits_and_what_is_forbidden_closes(found: list[Obstacle], expected: Verdict) -> None:
    assert verdict(ReleaseState.RELEASED, found) is expected


@pytest.mark.parametrize("state", [each for each in ReleaseState if each is not ReleaseState.RELEASED])
def test_without_a_release_nothing_leaves_though_nothing_forbids_it(state: ReleaseState) -> None:
    for found in ([], list(WAITS)):
        assert verdict(state, found) is Verdict.CLOSED


def test_everything_may_be_unknown_at_once() -> None:
    assert verdict(ReleaseState.RELEASED, list(WAITS)) is Verdict.WAIT


LAWFUL = {
    (ReleaseState.PROPOSED, ReleaseAction.CONCUR, "PP"): ReleaseState.CONCURRED,
    (ReleaseState.CONCURRED, ReleaseAction.RELEASE, "INM"): ReleaseState.RELEASED,
    (ReleaseState.PROPOSED, ReleaseAction.WITHDRAW, "INM"): ReleaseState.WITHDRAWN,
    (ReleaseState.PROPOSED, ReleaseAction.WITHDRAW, "PP"): ReleaseState.WITHDRAWN,
    (ReleaseState.CONCURRED, ReleaseAction.WITHDRAW, "INM"): ReleaseState.WITHDRAWN,
    (ReleaseState.CONCURRED, ReleaseAction.WITHDRAW, "PP"): ReleaseState.WITHDRAWN,
    (ReleaseState.PROPOSED, ReleaseAction.STOP, "SYSTEM"): ReleaseState.STOPPED,
    (ReleaseState.CONCURRED, ReleaseAction.STOP, "SYSTEM"): ReleaseState.STOPPED,
    (ReleaseState.RELEASED, ReleaseAction.STOP, "SYSTEM"): ReleaseState.STOPPED,
}


@pytest.mark.parametrize(
    ("state", "action", "kind"),
    list(product(ReleaseState, ReleaseAction, ["INM", "PP", "DIF", "COMAR", "CONSULATE", "SYSTEM"])),
)
def test_a_release_takes_its_lawful_steps_by_the_right_agency_only(
    state: ReleaseState, action: ReleaseAction, kind: str
) -> None:
    if (state, action, kind) in LAWFUL:
        assert advance(state, action, kind) is LAWFUL[state, action, kind]
        assert action.value in allowed(state, kind)
        return
    with pytest.raises(IllegalMove) as refused:
        advance(state, action, kind)
    assert refused.value.allowed_actions == allowed(state, kind)
    assert action.value not in allowed(state, kind)
    assert f"that is {state} cannot" in str(refused.value)


def test_who_may_do_what_with_a_release_is_told_in_order() -> None:
    assert allowed(ReleaseState.PROPOSED, "PP") == ["concur", "withdraw"]
    assert allowed(ReleaseState.PROPOSED, "INM") == ["withdraw"]
    assert allowed(ReleaseState.CONCURRED, "INM") == ["release", "withdraw"]
    assert allowed(ReleaseState.RELEASED, "SYSTEM") == ["stop"]


# -- where a body of another state is to be told ---------------------------------------------------------

NICARAGUAN = replace(KNOWN, nationalities=("NIC",), residence="HND")
ABOUT = replace(ACT, recipient="child-protection-hnd")


def test_a_body_may_serve_the_state_of_residence_a_consulate_may_not() -> None:
    assert obstacles(NICARAGUAN, ABOUT) == []
    assert obstacles(NICARAGUAN, ACT) == [Obstacle.NATIONALITY_UNKNOWN]
    assert obstacles(replace(NICARAGUAN, residence="SLV"), ABOUT) == [Obstacle.NATIONALITY_UNKNOWN]
    assert obstacles(replace(NICARAGUAN, residence=None), ABOUT) == [Obstacle.NATIONALITY_UNKNOWN]
    assert obstacles(replace(NICARAGUAN, residence="SLV"), replace(ABOUT, nationality="NIC")) == []
    assert obstacles(replace(NICARAGUAN, nationalities=None), ABOUT) == [Obstacle.FACTS_UNKNOWN]


def test_a_state_that_nobody_serves_any_more_learns_nothing() -> None:
    assert obstacles(KNOWN, replace(ABOUT, nationality=None)) == [Obstacle.NATIONALITY_UNKNOWN]
    unknown = replace(KNOWN, nationalities=None)
    assert obstacles(unknown, replace(ACT, nationality=None)) == [Obstacle.FACTS_UNKNOWN, Obstacle.NATIONALITY_UNKNOWN]
    assert Obstacle.MEXICAN in obstacles(unknown, replace(ACT, nationality="MEX"))


# -- what is said of it ----------------------------------------------------------------------------------


def test_everybody_but_the_procuraduria_learns_that_the_guard_is_closed_and_not_why() -> None:
    telling = [Obstacle.INDICATION, Obstacle.PROTECTION_STANDS, Obstacle.RELATIVE_PROTECTED, Obstacle.WITHHELD]
    for found in Obstacle:
        assert rules.shown_to("PP", [found]) == [found]
        for kind in ("INM", "COMAR", "CONSULATE"):
            assert rules.shown_to(kind, [found]) == [Obstacle.GUARD_CLOSED if found in telling else found]
    mixed = [Obstacle.MEXICAN, *telling, Obstacle.CHILD_OBJECTS]
    assert rules.shown_to("INM", mixed) == [Obstacle.MEXICAN, Obstacle.GUARD_CLOSED, Obstacle.CHILD_OBJECTS]


LAWS = {
    Obstacle.MEXICAN: FOREIGN, Obstacle.STATELESS_DOUBT: FOREIGN, Obstacle.INDICATION: BLOCKED,
    Obstacle.PROTECTION_STANDS: BLOCKED, Obstacle.RELATIVE_PROTECTED: BLOCKED, Obstacle.GUARD_CLOSED: BLOCKED,
    Obstacle.WITHHELD: BLOCKED,
}  # fmt: skip


@pytest.mark.parametrize("found", list(Obstacle))
def test_a_refusal_names_the_rule_behind_it(found: Obstacle) -> None:
    assert rules.law_behind([found], ACT) is LAWS.get(found, RELEASING)
    abroad = ABROAD if found is Obstacle.NATIONALITY_UNKNOWN else RELEASING
    assert rules.law_behind([found], ABOUT) is LAWS.get(found, abroad)
    assert rules.law_behind([Obstacle.NOT_CHANNELLED, found], ACT) is LAWS.get(found, RELEASING)


def test_the_first_law_that_refuses_is_named() -> None:
    assert rules.law_behind([Obstacle.MEXICAN, Obstacle.INDICATION], ACT) is FOREIGN
    assert rules.law_behind([Obstacle.INDICATION, Obstacle.MEXICAN], ACT) is BLOCKED
    assert rules.law_behind([Obstacle.NATIONALITY_UNKNOWN, Obstacle.INDICATION], ABOUT) is BLOCKED


@pytest.mark.parametrize(
    ("nationalities", "doubt", "owed"),
    [
        (["HND"], False, True), ([], False, True), (["HND", "MEX"], False, False), (["MEX"], False, False),
        (["HND"], True, False), (["HND"], None, False), (None, False, False), (None, None, False),
    ],
)  # fmt: skip
def test_a_notice_is_owed_of_foreign_children_alone(nationalities: Any, doubt: bool | None, owed: bool) -> None:
    assert rules.awaits_notice(nationalities, doubt) is owed


# -- the tables ------------------------------------------------------------------------------------------


def test_what_is_not_said_is_not_known_and_nothing_known_changes_underway() -> None:
    known = Known(None, None, None, blocked=False)
    assert (known.relatives_blocked, known.channelled, known.represented) == ((), False, False)
    assert (known.screened, known.protected, known.residence) == (False, False, None)
    act = Act("HND", screened=True, told_in=None)
    assert (act.objects, act.recipient, act.returns) == (None, None, False)
    with pytest.raises(FrozenInstanceError):
        known.blocked = True  # type: ignore[misc]  # that is what is tried
    with pytest.raises(FrozenInstanceError):
        act.objects = False  # type: ignore[misc]  # that is what is tried


def test_a_permit_lives_two_seconds() -> None:
    assert timedelta(seconds=2) == rules.PERMIT_LIFE


def test_codes_are_called_what_they_are() -> None:
    for code in (*IndicationCode, *ToldBy, *Obstacle):
        assert code.value == code.name
    for each in (*ReleaseState, *ReleaseAction, *Answer, *Verdict):
        assert each.value == each.name.lower()


def test_each_rule_has_its_source_and_says_whether_somebody_has_verified_it() -> None:
    assert [(each.id, each.verified) for each in rules.RULES] == [
        ("R15", True), ("R16", True), ("R20", True), ("GUARD", False), ("R22-ABROAD", False),
    ]  # fmt: skip
    sources = ("Ley de Migración, art. 112", "LRPCAP, art. 21", "Ley de Migración, art. 112", "Design", "LRPCAP")
    assert all(each.source.startswith(named) for each, named in zip(rules.RULES, sources, strict=True))
    assert all(each.text.en and each.text.es and each.text.en != each.text.es for each in rules.RULES)
