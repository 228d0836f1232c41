"""The guard's decision, row by row and at random: unknown means no."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.referral.protection import rules
from services.referral.protection.rules import (
    Act,
    Known,
    Obstacle,
    ReleaseAction,
    ReleaseState,
    Verdict,
    advance,
    allowed,
    obstacles,
    verdict,
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


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Verdict.OPEN),
        ([Obstacle.FACTS_UNKNOWN], Verdict.WAIT),
        ([Obstacle.RELATIVE_UNKNOWN, Obstacle.FACTS_UNKNOWN], Verdict.WAIT),
        ([Obstacle.FACTS_UNKNOWN, Obstacle.INDICATION], Verdict.CLOSED),
        *(([each], Verdict.CLOSED) for each in Obstacle if each not in rules._PASSING),
    ],
)
def test_what_is_unknown_waits_and_what_is_forbidden_closes(found: list[Obstacle], expected: Verdict) -> None:
    assert verdict(ReleaseState.RELEASED, found) is expected


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
