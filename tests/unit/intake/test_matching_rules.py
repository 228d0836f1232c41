"""When two records may be one child: pairs written by hand for each way in which officers err, and who decides."""

from collections import defaultdict
from contextlib import nullcontext
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.matches import rules
from services.intake.matches.blind import blinded, packed, unpacked
from services.intake.matches.compare import Described, compared, describe
from services.intake.matches.marks import marks
from services.intake.matches.names import alike, sound, words
from services.intake.matches.rules import OPEN, TRANSITIONS, Action, Band, Decision, Status
from services.intake.matches.schemas import LinkIn, RejectIn, UnlinkIn
from services.intake.matches.weights import WEIGHTS
from shared.crypto import Vault
from shared.errors import IllegalMove

DAY = date(2026, 11, 1)
GIRL = {
    "given_names": "Xiomara Belén",
    "first_surname": "Pacajoj",
    "second_surname": "De León",
    "birth_date": "2012-03-05",
}


def child(sex: str = "F", nationality: str = "GTM", language: str = "quc", **changes: Any) -> Described:
    """The girl, as somebody wrote her down."""
    return describe(GIRL | changes, DAY, sex=sex, nationalities=[nationality], languages=[language])


def aged(low: int, high: int, **changes: Any) -> Described:
    return child(birth_date=None, estimated_age={"low": low, "high": high}, **changes)


def judged(one: Described, other: Described) -> Band | None:
    """What the search would say, were they among a million."""
    if not set(marks(one)) & set(marks(other)):
        return None
    return rules.band(*rules.score(one, other, 1))


WRITTEN_OTHERWISE = {
    "as it is": child(),
    "capitals without accents": child(given_names="XIOMARA BELEN", first_surname="PACAJOJ", second_surname="DE LEON"),
    "by ear": child(given_names="Siomara Velén", first_surname="Pacaxoj"),
    "slip of the finger": child(first_surname="Pacajjo"),
    "letter lost": child(given_names="Xomara Belén"),
    "particle left out": child(second_surname="León"),
    "particle run together": child(second_surname="Deleón"),
    "second given name left out": child(given_names="Xiomara"),
    "first given name left out": child(given_names="Belén"),
    "given names turned round": child(given_names="Belén Xiomara"),
    "second surname left out": child(second_surname=None),
    "first surname left out": child(first_surname="De León", second_surname=None),
    "surnames swapped": child(first_surname="De León", second_surname="Pacajoj"),
    "both surnames in one field": child(first_surname="Pacajoj León", second_surname=None),
    "given name unknown": child(given_names=None),
    "day and month swapped": child(birth_date="2012-05-03"),
    "one digit of the day": child(birth_date="2012-03-15"),
    "first of January": child(birth_date="2012-01-01"),
    "year off by one": child(birth_date="2013-03-05"),
    "age alone": aged(13, 15),
    "another nationality": child(nationality="MEX"),
    "another sex": child(sex="M"),
    "sex X": child(sex="X"),
    "swapped, misheard and a day off": child(
        given_names="Siomara Velen", first_surname="De Leon", second_surname="Pacajoj", birth_date="2012-03-06"
    ),
}


@pytest.mark.parametrize("how", WRITTEN_OTHERWISE)
def test_a_child_is_found_however_she_is_written_down(how: str) -> None:
    assert judged(child(), WRITTEN_OTHERWISE[how]) is not None
    assert judged(WRITTEN_OTHERWISE[how], child()) is judged(child(), WRITTEN_OTHERWISE[how])


SOMEBODY_ELSE = {
    "a twin": child(given_names="Rosa Elvira"),
    "a twin with the same second name": child(given_names="Rosa Belén"),
    "a twin brother": child(given_names="Mateo", sex="M"),
    "a sister": child(given_names="Rosa", birth_date="2014-08-20"),
    "a sister of whom only the age is known": aged(10, 12, given_names="Rosa"),
    "a cousin of the same name": child(second_surname="Tzoc", birth_date="2009-11-23"),
    "a namesake of another age": aged(4, 6),
    "a namesake of another country and tongue": child(
        second_surname=None, nationality="SLV", language="spa", birth_date="2012-07-19"
    ),
    "born on the same day": child(given_names="Rosa", first_surname="Cucul", second_surname="Choc"),
}  # fmt: skip


@pytest.mark.parametrize("who", SOMEBODY_ELSE)
def test_somebody_else_is_not_taken_for_her(who: str) -> None:
    assert judged(child(), SOMEBODY_ELSE[who]) is None
    assert judged(SOMEBODY_ELSE[who], child()) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("xiloj", "shiloj"), ("tzoc", "soc"), ("k'ich", "quich"), ("q’eqchi", "kekchi"), ("wuh", "huh"), ("coc", "kok"),
        ("cuautli", "quautli"), ("ximena", "jimena"), ("vasquez", "basques"), ("hernandez", "ernandes"),
        ("yeimi", "yeymi"), ("nuñez", "nuniez"), ("guzman", "gusman"), ("xochitl", "sochitl"), ("zacarias", "sacarias"),
        ("philippe", "filipe"), ("wendy", "huendi"), ("chaj", "chajj"), ("tuhuan", "tuwan"),
    ],
)  # fmt: skip
def test_what_sounds_alike_has_one_code(one: str, other: str) -> None:
    (first,), (second,) = words(one), words(other)
    assert sound(first) == sound(second) or alike(first, second)


@pytest.mark.parametrize(("one", "other"), [("ana", "eva"), ("rosa", "marta"), ("choc", "caal"), ("juan", "jorge")])
def test_other_names_stay_other_names(one: str, other: str) -> None:
    assert sound(one) != sound(other)
    assert not alike(one, other)


def test_nothing_but_particles_is_a_name_all_the_same() -> None:
    assert words("de la") == ("de", "la")
    assert words(None) == words("") == words("—") == ()


def test_the_reasons_say_what_was_found() -> None:
    swapped = compared(child(), child(first_surname="De León", second_surname="Pacajoj", birth_date="2012-05-03"))
    assert swapped == {
        "given_names": "agree+agree", "surnames": "agree+agree swapped", "birth_date": "day and month swapped",
        "sex": "agree", "nationalities": "agree", "languages": "agree", "days_between": "1",
    }  # fmt: skip
    less = compared(child(), child(given_names="Belem", second_surname=None, birth_date="2013-03-05", sex="X"))
    assert less == {
        "given_names": "close+missing swapped", "surnames": "agree+missing", "birth_date": "year off by one",
        "sex": "missing", "nationalities": "agree", "languages": "agree", "days_between": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("2012-03-05", "2012-03-05", "agree"),
        ("2012-01-01", "2012-01-01", "agree on the first of January"),
        ("2012-03-05", "2012-05-03", "day and month swapped"),
        ("2012-03-05", "2012-01-01", "first of January"),
        ("2012-03-05", "2012-03-06", "day off by a little or by ten"),
        ("2012-03-05", "2012-03-15", "day off by a little or by ten"),
        ("2012-03-05", "2012-03-09", "another day"),
        ("2012-03-05", "2012-04-05", "month off by one"),
        ("2012-03-05", "2012-09-05", "another month"),
        ("2012-03-05", "2011-03-05", "year off by one"),
        ("2012-03-05", "2012-07-19", "year alone"),
        ("2012-03-05", "2013-02-01", "within a year"),
        ("2012-03-05", "2014-03-05", "differ"),
    ],
)
def test_how_two_dates_may_be_one_says_which_slip_was_made(one: str, other: str, level: str) -> None:
    assert compared(child(birth_date=one), child(birth_date=other))["birth_date"] == level
    assert compared(child(birth_date=other), child(birth_date=one))["birth_date"] == level


def test_an_estimate_meets_a_date_another_estimate_or_nothing() -> None:
    assert compared(child(), aged(13, 15))["birth_date"] == "within the estimate"
    assert compared(aged(13, 15), aged(14, 16))["birth_date"] == "two estimates"
    assert compared(child(), aged(12, 13))["birth_date"] == "near the estimate"
    assert compared(child(), child(birth_date=None))["birth_date"] == "missing"


@pytest.mark.parametrize(("days", "level"), [(0, "1"), (1, "1"), (3, "4"), (40, "32"), (300, "256"), (4000, "256")])
def test_the_time_between_two_meetings_is_a_reason(days: int, level: str) -> None:
    later = describe(GIRL, DAY + timedelta(days=days), sex="F", nationalities=["GTM"], languages=["quc"])
    assert compared(child(), later)["days_between"] == compared(later, child())["days_between"] == level


def test_through_a_third_record_nothing_is_surer_than_the_way_there() -> None:
    assert rules.chained(9.0, 9.0) == 8.0
    assert 3.9 < rules.chained(4.0, 9.0) < 4.0


def test_every_level_of_agreement_has_its_weight() -> None:
    everyone = [*WRITTEN_OTHERWISE.values(), *SOMEBODY_ELSE.values(), aged(0, 1), aged(15, 17, sex="M", language="spa")]
    for one, other in product(everyone, repeat=2):
        for field, level in compared(one, other).items():
            assert level in WEIGHTS[field] or level == "missing", (field, level)
    assert {rules.rarity(sharing) for sharing in range(1, 1000)} == set(WEIGHTS["rarity"])


def test_names_add_no_more_than_the_search_takes_for_granted() -> None:
    everyone = [*WRITTEN_OTHERWISE.values(), *SOMEBODY_ELSE.values(), aged(0, 1)]
    for one, other in product(everyone, repeat=2):
        assert rules.score(one, other, 1)[0] <= rules.at_most(one, other, 1) + 1e-9
    assert rules.at_most(child(), child(), 1) - rules.score(child(), child(), 1)[0] < 1  # and not much less


def test_more_agreement_is_worth_more_and_rarer_agreement_too() -> None:
    for field, better, worse in [
        ("given_names", "agree+agree", "agree+missing"), ("given_names", "agree", "differ"),
        ("surnames", "agree", "differ"), ("surnames", "agree+agree", "agree+agree swapped"),
        ("birth_date", "agree", "agree on the first of January"), ("birth_date", "year off by one", "within a year"),
        ("birth_date", "day off by a little or by ten", "another day"), ("birth_date", "another day", "differ"),
        ("birth_date", "month off by one", "another month"), ("days_between", "8", "256"),
        ("birth_date", "within the estimate", "near the estimate"), ("sex", "agree", "differ"), ("rarity", "1", "64"),
    ]:  # fmt: skip
        assert WEIGHTS[field][better] > WEIGHTS[field][worse], (field, better)
    assert rules.score(child(), child(), 1)[0] > rules.score(child(), child(), 64)[0]


def test_among_more_children_the_same_agreement_says_less() -> None:
    few, many = rules.score(child(), child(), 1, 60_000)[0], rules.score(child(), child(), 1, 1_000_000)[0]
    assert few > many
    assert rules.score(child(), child(), 1, 5)[0] == few  # below what was measured nothing is made up
    assert rules.score(child(), child(), 1)[0] == many


# -- match keys ---------------------------------------------------------------------------------------------------


def test_keys_are_digests_that_another_key_makes_otherwise() -> None:
    vault = Vault("k2", {"k1": b"1" * 32, "k2": b"2" * 32})
    keys = blinded(vault, "k2", marks(child()))
    assert keys == blinded(Vault("k2", {"k2": b"2" * 32}), "k2", marks(child()))
    assert not set(keys) & set(blinded(vault, "k1", marks(child())))
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert unpacked(packed(keys)) == keys
    assert len(set(keys)) == len(keys) == 19


def test_nothing_known_has_no_keys() -> None:
    assert marks(aged(13, 15, given_names=None, first_surname=None, second_surname=None)) == []


# -- who decides --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "action"), list(product(Status, Action)))
def test_a_match_moves_by_its_table_and_no_other_way(status: Status, action: Action) -> None:
    if (status, action) in TRANSITIONS:
        assert rules.advance(status, action, []) is TRANSITIONS[status, action]
    else:
        with pytest.raises(IllegalMove) as refused:
            rules.advance(status, action, ["link"])
        assert refused.value.allowed_actions == ["link"]


def test_what_waits_can_be_decided_and_what_is_linked_be_undone() -> None:
    for status in OPEN:
        assert {TRANSITIONS[status, Action.LINK], TRANSITIONS[status, Action.REJECT]} == {
            Status.LINKED,
            Status.REJECTED,
        }
    assert TRANSITIONS[Status.LINKED, Action.UNLINK] is Status.UNLINKED


@pytest.mark.parametrize(
    ("shape", "reasons"),
    [
        (LinkIn, "DOCUMENTS CHILD_CONFIRMS RELATIVES_CONFIRM SEEN_IN_PERSON"),
        (RejectIn, "SIBLING TWIN OTHER_CHILD TOO_LITTLE_KNOWN"),
        (UnlinkIn, "LINKED_BY_MISTAKE NEW_EVIDENCE SIBLING TWIN"),
    ],
)
def test_each_act_takes_its_own_reasons(shape: type[LinkIn | RejectIn | UnlinkIn], reasons: str) -> None:
    for code in Decision:
        taken = code in reasons.split()
        with nullcontext() if taken else pytest.raises(ValidationError):
            assert shape.model_validate_json(f'{{"code": "{code}"}}').code is code


@pytest.mark.parametrize(
    ("states", "confirmed_by", "state", "status", "action"),
    [
        (("MX-CHP", "MX-CHP"), None, "MX-CHP", Status.PROPOSED, Action.LINK),
        (("MX-CHP", "MX-TAB"), None, None, Status.PROPOSED, Action.LINK),
        (("MX-CHP", "MX-TAB"), None, "MX-CHP", Status.PROPOSED, Action.CONFIRM),
        (("MX-CHP", "MX-TAB"), "MX-TAB", "MX-CHP", Status.CONFIRMED, Action.LINK),
        (("MX-CHP", "MX-TAB"), "MX-CHP", "MX-CHP", Status.CONFIRMED, Action.CONFIRM),
        (("MX-CHP", "MX-TAB"), "MX-CHP", None, Status.CONFIRMED, Action.LINK),
        (("MX-CHP", "MX-TAB"), None, "MX-CHP", Status.UNLINKED, Action.CONFIRM),
    ],
)
def test_two_states_decide_together_or_a_federal_office_alone(
    states: tuple[str, str], confirmed_by: str | None, state: str | None, status: Status, action: Action
) -> None:
    assert rules.linking(status, states, confirmed_by, state) is action
    offered = "link" in rules.allowed(status, states, confirmed_by, state)
    assert offered == ((status, action) in TRANSITIONS)


# -- persons ------------------------------------------------------------------------------------------------------

_CHILDREN = [f"chd_{n}" for n in range(8)]
_PAIRS = st.tuples(st.sampled_from(_CHILDREN), st.sampled_from(_CHILDREN)).filter(lambda pair: pair[0] < pair[1])


@given(st.lists(_PAIRS, max_size=20))
def test_persons_are_those_who_hang_together(links: list[tuple[str, str]]) -> None:
    person = rules.components(_CHILDREN, links)
    near: dict[str, set[str]] = defaultdict(set)
    for one, other in links:
        near[one].add(other)
        near[other].add(one)
    for start in _CHILDREN:
        reached, waiting = {start}, [start]
        while waiting:
            fresh = near[waiting.pop()] - reached
            reached |= fresh
            waiting += fresh
        assert {each for each in _CHILDREN if person[each] == person[start]} == reached
        assert person[start] == min(reached)
