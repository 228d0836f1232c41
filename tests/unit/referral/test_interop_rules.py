"""The mapping as a book: every row of it, both ways, for every state and kind. No I/O."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
from fhir.resources.bundle import Bundle
from fhir.resources.R4B.bundle import Bundle as BundleR4
from fhir.resources.R4B.task import Task as TaskR4
from fhir.resources.task import Task as TaskR5

from services.referral.agencies.rules import Service
from services.referral.interop import primero, progres, rules, table, tasks, texts
from services.referral.interop.quarantine import parse
from services.referral.interop.rules import OURS, WHY, Book, Door, MapList, Row, System, Told, Way
from services.referral.interop.steps import steps
from services.referral.interop.wire import View, exact
from services.referral.referrals.codes import LawfulBasis, Reason, Urgency
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import TRANSITIONS, Action, Party, ReferralKind, Standing, State, allowed
from shared import ids
from shared.errors import IllegalMove, RefusedByLaw

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOOK = Book(table.shipped(), date(2026, 12, 1))
CELLS = list(product(State, ReferralKind))


def referral(state: State = State.SENT, kind: ReferralKind = ReferralKind.SERVICE, **more: Any) -> Referral:
    """Return a referral as it lies in the database, with a reason where its state has one."""
    why = next(iter(OURS[WHY[state]])).value if state in WHY else None
    column = {
        State.DECLINED: "answer_reason", State.ON_HOLD: "hold_reason", State.COMPLETED: "outcome",
    }.get(state, "end_reason")  # fmt: skip
    service = kind is ReferralKind.SERVICE
    given = {
        "id": ids.new("ref"), "case_id": ids.new("cas"), "child_id": ids.new("chd"), "kind": kind, "state": state,
        "sender": "pp-chp", "recipient": "unhcr", "reason": "NEED_ASSESSED" if service else "ENCOUNTER",
        "service": Service.LEGAL_AID if service else None, "urgency": Urgency.DAY,
        "lawful_basis": LawfulBasis.BEST_INTERESTS, "due_at": NOW, "created_at": NOW, "updated_at": NOW, column: why,
        "version": 3,
    }  # fmt: skip
    return Referral(**given | more)


def said(door: Door, its: Referral, **more: Any) -> Told:
    """Send a referral out through a door, and read it there as a partner sends it back."""
    view = View(its, **more)
    if door is Door.PRIMERO:
        out = primero.write(BOOK, view).model_dump(mode="json", exclude={"version"})
        body: Any = {"data": out | {"id": "p-1"}}
    elif door is Door.PROGRES:
        shown = progres.write(BOOK, view).model_dump(mode="json", exclude={"version", "last_updated_at", "case_id"})
        body = {"interventions": [{name: shown[name] for name in shown if name != "request_type"}]}
    else:
        body = tasks.write(BOOK, view, door)
    return parse(door, json.dumps(body).encode())


# -- the rows --------------------------------------------------------------------------------------------


def test_every_row_fits_and_is_told_in_two_languages() -> None:
    for row in table.shipped():
        assert rules.faults(row) == [], row
        assert row.source, row
        assert row.note is None or (row.note.en and row.note.es), row
        if row.ours is not None and row.list is not MapList.AGENCY:
            called = texts.text(row.list, row.ours)
            assert called is not None, row
            assert called.en, row
            assert called.es, row


def test_no_row_takes_the_place_of_another() -> None:
    assert {row.id for row, _ in BOOK.standing()} == {row.id for row in table.shipped()}
    assert len({row.id for row in table.shipped()}) == len(table.shipped())


@pytest.mark.parametrize("system", System)
def test_every_code_of_ours_has_an_answer_even_if_that_is_no_word(system: System) -> None:
    """A code list that grows fails here until somebody says what its new code is called there."""
    told = {(row.list, row.ours) for row in table.shipped() if row.system is system and row.way is not Way.IN}
    lists = [MapList.STATE, MapList.KIND, MapList.SERVICE, MapList.URGENCY]
    assert {(of, code.value) for of in lists for code in OURS[of]} - told == set()


def test_nothing_is_mapped_to_other() -> None:
    for row in table.shipped():
        assert row.theirs is None or not row.theirs.lower().startswith("other") or row.ours == "OTHER_PROVIDER", row


def test_what_is_lost_is_said_with_a_note() -> None:
    for row, lossy in BOOK.standing():
        assert not lossy or row.note is not None or row.system is System.FHIR, row


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"ours": "SLEEP"}, ("ours", "unknown")),
        ({"ours": None, "theirs": None}, ("theirs", "missing")),
        ({"theirs": None, "way": Way.BOTH}, ("theirs", "missing")),
        ({"ours": None, "way": Way.BOTH}, ("ours", "missing")),
        ({"valid_to": date(2026, 1, 1)}, ("valid_to", "before_valid_from")),
    ],
)
def test_a_row_that_does_not_fit_is_told_why(row: dict[str, Any], fault: tuple[str, str]) -> None:
    given: dict[str, Any] = {
        "id": "map-1", "system": System.PRIMERO, "list": MapList.SERVICE, "ours": "HEALTH", "theirs": "nutrition",
        "way": Way.IN, "source": "x", "verified": False, "valid_from": date(2026, 11, 22),
    }  # fmt: skip
    assert rules.faults(Row(**given)) == []
    assert fault in rules.faults(Row(**given | row))


def test_a_later_row_takes_the_place_of_an_earlier_one_while_it_is_in_force() -> None:
    later = Row(
        "map-1", System.PRIMERO, MapList.SERVICE, "HEALTH", "shelter", Way.IN, "x", False, date(2027, 1, 1),
        date(2027, 1, 31),
    )  # fmt: skip
    rows = [*table.shipped(), later]
    on = {day: Book(rows, day).inward(System.PRIMERO, MapList.SERVICE, "shelter") for day in DAYS}
    assert on == dict(zip(DAYS, ("SHELTER", "HEALTH", "HEALTH", "SHELTER"), strict=True))


DAYS = (date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 31), date(2027, 2, 1))


# -- out and back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", Door)
def test_a_referral_of_every_state_and_kind_comes_back_as_it_went(door: Door) -> None:
    for state, kind in CELLS:
        its = referral(state, kind)
        meaning = rules.resolve(BOOK, said(door, its), opens=True)
        why = exact(its).get(WHY[state]) if state in WHY else None
        assert (meaning.unknown, meaning.state, meaning.why) == ((), state, why), (state, kind)
        assert meaning.codes[MapList.KIND] == kind
        assert (meaning.codes[MapList.URGENCY], meaning.codes[MapList.LAWFUL_BASIS]) == ("1d", "BEST_INTERESTS")


@pytest.mark.parametrize("door", Door)
def test_every_service_comes_back(door: Door) -> None:
    for service in Service:
        told = said(door, referral(service=service))
        assert rules.resolve(BOOK, told, opens=True).codes[MapList.SERVICE] == service


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("state", WHY)
def test_every_reason_comes_back(door: Door, state: State) -> None:
    column = {State.DECLINED: "answer_reason", State.ON_HOLD: "hold_reason", State.COMPLETED: "outcome"}
    for why in OURS[WHY[state]]:
        reason: dict[str, Any] = {column.get(state, "end_reason"): why.value}
        told = said(door, referral(state, **reason))
        assert rules.resolve(BOOK, told, opens=False).why == why


@pytest.mark.parametrize("door", Door)
def test_every_urgency_reason_and_basis_comes_back(door: Door) -> None:
    for urgency, reason, basis in zip(list(Urgency) * 2, list(Reason) * 2, list(LawfulBasis) * 2, strict=True):
        its = referral(urgency=urgency, reason=reason.value, lawful_basis=basis)
        codes = rules.resolve(BOOK, said(door, its), opens=True).codes
        assert (codes[MapList.URGENCY], codes[MapList.REASON], codes[MapList.LAWFUL_BASIS]) == (urgency, reason, basis)


def bare(told: Told) -> Told:
    """Take our exact codes out of a message: a system that drops what it does not know."""
    return Told(told.door, told.partner_id, told.version, told.changed_at, told.theirs, {}, None, told.at)


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("state", State)
def test_by_their_word_alone_the_one_comes_back_that_the_mapping_says_wins(door: Door, state: State) -> None:
    told = bare(said(door, referral(state)))
    word = BOOK.outward(door.system, MapList.STATE, state)
    wins = BOOK.inward(door.system, MapList.STATE, word) if word is not None else None
    assert rules.resolve(BOOK, told, opens=False).state == wins
    assert BOOK.lossy(door.system, MapList.STATE, state) == (wins != state)


def test_what_each_side_can_tell_apart_is_told_apart() -> None:
    """No two of ours share a word where they have two: as peers' own state lists have them."""
    apart = {system: sum(not BOOK.lossy(system, MapList.STATE, state) for state in State) for system in System}
    assert apart == {System.PRIMERO: 5, System.PROGRES: 4, System.FHIR: 10}


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("state", State)
def test_what_is_said_again_changes_nothing(door: Door, state: State) -> None:
    told = said(door, referral(state))
    assert rules.same(BOOK, told, rules.resolve(BOOK, told, opens=False), state)


def test_our_code_gives_way_once_their_word_is_another() -> None:
    told = said(Door.PRIMERO, referral(State.WORKING))
    moved = Told(
        told.door, told.partner_id, told.version, told.changed_at, dict(told.theirs) | {MapList.STATE: "done"},
        told.exact,
    )  # fmt: skip
    assert rules.resolve(BOOK, moved, opens=False).state is State.COMPLETED


def test_words_of_people_stay_words() -> None:
    told = said(Door.PRIMERO, referral(), note="Unos días")
    assert told.note == "Unos días"
    assert rules.untagged("[ruta state=on_hold] x") == ({MapList.STATE: "on_hold"}, "x")
    assert rules.untagged("[ruta] x") == ({}, "[ruta] x")
    assert rules.untagged("[ruta name=Ana]") == ({}, None)
    assert rules.untagged(None) == ({}, None)


@pytest.mark.parametrize("door", Door)
def test_a_word_that_nobody_mapped_is_told_and_never_taken_for_another(door: Door) -> None:
    told = said(door, referral())
    for of in (MapList.STATE, MapList.SERVICE, MapList.URGENCY):
        odd = Told(
            told.door, told.partner_id, told.version, told.changed_at, dict(told.theirs) | {of: "other_please_specify"},
            {}, None, told.at,
        )  # fmt: skip
        unknown = rules.resolve(BOOK, odd, opens=True).unknown
        assert (of, "other_please_specify") in {(each.list, each.code) for each in unknown}
        assert all(each.pointer.startswith("/") for each in unknown)


# -- FHIR as others judge it -----------------------------------------------------------------------------

JUDGES: tuple[tuple[Door, Any, Any], ...] = ((Door.FHIR_R4, TaskR4, BundleR4), (Door.FHIR_R5, TaskR5, Bundle))


@pytest.mark.parametrize(("door", "judge", "bundle"), JUDGES, ids=["R4", "R5"])
def test_every_task_is_one_for_a_public_library(door: Door, judge: Any, bundle: Any) -> None:
    written = [
        tasks.write(BOOK, View(referral(state, kind, parent_id=ids.new("ref"), accepted_at=NOW), "a", "b", "p-1"), door)
        for state, kind in CELLS
    ]
    for task in written:
        made = judge.model_validate(task)
        assert (made.status, made.intent, made.for_fhir.identifier.system) == (
            task["status"], "order", "urn:ruta:id:child",
        )  # fmt: skip
    whole = tasks.bundle(written, "/v1/referral/interop/fhir-r4/changes", "next")
    bundle.model_validate(whole)
    bundle.model_validate(tasks.bundle([], "/", None))


@pytest.mark.parametrize("door", [Door.FHIR_R4, Door.FHIR_R5])
def test_a_task_names_the_child_by_nothing_but_an_opaque_id(door: Door) -> None:
    its = referral(interpreter="mam", fields=["identity.given_names"], risk="HIGH")
    task = tasks.write(BOOK, View(its), door)
    assert task["for"] == {"identifier": {"system": "urn:ruta:id:child", "value": its.child_id}}
    assert set(strings(task)) & {"mam", "HIGH", "identity.given_names"} == set()


def strings(value: Any) -> Iterator[str]:
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, str):
        yield value
    for each in inner:
        yield from strings(each)


# -- which steps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", [Party.RECIPIENT, Party.SENDER, Party.PROCURADURIA])
@pytest.mark.parametrize("target", State)
def test_a_way_is_made_of_steps_that_the_caller_may_take(party: Party, target: State) -> None:
    for state, kind in CELLS:
        standing = Standing(state, kind)
        way = ways(standing, party, target)
        if way is None:
            continue
        assert 1 <= len(way) <= 2
        for action in way:
            assert action.value in allowed(standing, {party})
            standing = Standing(TRANSITIONS[standing.state, action], kind)
        assert standing.state is target


def ways(standing: Standing, party: Party, target: State) -> list[Action] | None:
    """Return the way; none where it is refused, which names what is allowed instead."""
    try:
        return steps(standing, {party}, target)
    except (IllegalMove, RefusedByLaw) as refusal:
        told = refusal.allowed_actions
    assert told == allowed(standing, {party})
    return None


def test_who_says_in_progress_has_accepted() -> None:
    assert steps(Standing(State.SENT), {Party.RECIPIENT}, State.WORKING) == [Action.ACCEPT, Action.START]
    assert steps(Standing(State.ON_HOLD), {Party.RECIPIENT}, State.COMPLETED) == [Action.COMPLETE]


def test_a_notice_that_the_law_orders_is_not_rejected_from_there_either() -> None:
    with pytest.raises(RefusedByLaw):
        steps(Standing(State.SENT, ReferralKind.PP_NOTICE), {Party.RECIPIENT}, State.DECLINED)
