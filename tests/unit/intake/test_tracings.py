"""Searches for relatives, of which nothing leaves for the state of origin (R16); calls, of which nothing is kept."""

import json
from datetime import timedelta
from typing import Any

import pytest

from services.intake.contacts.rules import MEANS, Means
from services.intake.tracing import rules
from services.intake.tracing.rules import (
    ORIGIN_STATE,
    SEARCHERS,
    TRACING,
    TRANSITIONS,
    Searcher,
    TracingAction,
    TracingState,
)
from shared import clock
from shared.errors import IllegalMove, RefusedByLaw
from shared.testing import key
from tests.unit.intake.world import CHILDREN, Row, World, ago, assert_problem

TRACINGS = "/v1/intake/tracings"
ONE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what no statement of SQL decides: one database is enough."""


def search(**changes: Any) -> Row:
    return {
        "relation": "AUNT_OR_UNCLE", "country": "HND", "searcher": "RED_CROSS", "child_heard": True,
        "relative": {"given_names": "Canarina", "told": "Vive por canaryville"}, "asked_at": ago(hours=1),
        "officer": "opi-0417",
    } | changes  # fmt: skip


async def asked(world: World, child_id: str | None = None, **changes: Any) -> Row:
    child_id = child_id or (await world.met())["child_id"]
    answer = await world.add(child_id, "tracings", search(**changes))
    return {"status": answer.status_code, "answer": answer, **answer.json()}


async def step(world: World, tracing: Row, action: str, etag: str = '"v1"', **body: Any) -> Row:
    async with world.calling(body.pop("kind", "INM"), body.pop("state", "MX-CHP")) as caller:
        path, headers = f"{TRACINGS}/{tracing['id']}/{action}", key() | {"If-Match": etag}
        answer = await caller.post(path, json={"officer": "opi-0417"} | body, headers=headers)
    return {"status": answer.status_code, "answer": answer, **answer.json()}


@pytest.mark.parametrize("state", list(TracingState))
@pytest.mark.parametrize("action", list(TracingAction))
def test_a_search_takes_the_steps_of_the_table_and_no_other(state: TracingState, action: TracingAction) -> None:
    if (state, action) in TRANSITIONS:
        assert rules.advance(state, action) is TRANSITIONS[state, action]
        assert action.value in rules.allowed(state)
        return
    with pytest.raises(IllegalMove) as said:
        rules.advance(state, action)
    assert said.value.allowed_actions == rules.allowed(state)
    assert action.value not in rules.allowed(state)


@pytest.mark.parametrize("searcher", list(Searcher))
def test_nobody_of_the_state_of_origin_searches(searcher: Searcher) -> None:
    if searcher not in (Searcher.CONSULATE, Searcher.ORIGIN_CHILD_PROTECTION):
        return rules.check_searcher(searcher)
    with pytest.raises(RefusedByLaw) as said:
        rules.check_searcher(searcher)
    assert said.value.law is not None
    assert said.value.law.rule == "R16"
    assert set(said.value.allowed_actions or ()) == set(Searcher) - ORIGIN_STATE


@pytest.mark.parametrize(("table", "codes"), [(SEARCHERS, Searcher), (MEANS, Means)], ids=["searchers", "means"])
def test_every_code_is_told_in_two_languages(table: dict[Any, Any], codes: Any) -> None:
    assert table.keys() == set(codes)
    assert all(text.en and text.es and text.en != text.es for text in table.values())


# -- searches --------------------------------------------------------------------------------------------------


async def test_a_search_is_sealed_and_read_by_the_authorities_of_the_state(world: World) -> None:
    made = await asked(world)
    assert (made["status"], made["answer"].headers["etag"], made["state"]) == (201, '"v1"', "open"), made
    assert made["allowed_actions"] == ["find", "give_up", "withdraw"]
    assert "canary" not in (made["answer"].text + repr(await world.everything())).lower()
    assert b"canary" not in world.files().lower()
    shown = (await world.get(f"{TRACINGS}/{made['id']}", kind="PP")).json()
    assert (shown["relative"]["given_names"], shown["relative"]["told"]) == ("Canarina", "Vive por canaryville")
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["resource"], row["resource_id"], row["agency"]) for row in read] == [("tracing", made["id"], "pp-chp")]
    assert_problem(await world.get(f"{TRACINGS}/{made['id']}", state="MX-OAX"), 404, "not_found")
    assert_problem(await world.get(f"{TRACINGS}/{made['id']}", kind="CONSULATE", state=None), 403, "forbidden")


async def test_no_search_is_handed_to_the_state_of_origin(world: World) -> None:
    child_id = (await world.met())["child_id"]
    before = await world.everything()
    for searcher in sorted(ORIGIN_STATE):
        outcome = await asked(world, child_id, searcher=searcher)
        problem = assert_problem(outcome["answer"], 409, "refused_by_law")
        assert (problem["rule"], "art. 112, fr. V" in problem["source"]) == ("R16", True)
    assert await world.everything() == before
    assert (await asked(world, child_id, searcher="RED_CROSS"))["status"] == 201


@ONE
async def test_a_search_sends_nothing_but_how_its_clock_stands(world: World) -> None:
    child_id = (await world.met(None))["child_id"]
    await world.deliver()
    events = len(world.referral.events)
    made = await asked(world, child_id)
    await step(world, made, "find", found="en canaryville")
    await world.deliver()
    sent = [(each["type"], each["data"]["rule"], each["data"]["state"]) for each in world.referral.events[events:]]
    assert sent == [("clock.moved", "TRACING", "running"), ("clock.moved", "TRACING", "met")]
    assert "canaryville" not in repr(world.referral.events)
    assert world.referral.facts == []


async def test_a_search_goes_on_until_somebody_is_found(world: World) -> None:
    made = await asked(world)
    for number, (action, state) in enumerate(
        [("give-up", "not_found"), ("reopen", "open"), ("withdraw", "withdrawn"), ("reopen", "open")], 1
    ):
        moved = await step(world, made, action, f'"v{number}"')
        assert (moved["status"], moved["state"], moved["version"]) == (200, state, number + 1), moved
    found = await step(world, made, "find", '"v5"', found="Está en canaryville")
    assert (found["state"], found["moved_by"], found["allowed_actions"]) == ("found", "inm-chp/opi-0417", [])
    shown = (await world.get(f"{TRACINGS}/{made['id']}")).json()
    assert (shown["found"], shown["relative"]["given_names"]) == ("Está en canaryville", "Canarina")
    assert "canary" not in repr(await world.everything()).lower()
    over = await step(world, made, "reopen", '"v6"')
    assert_problem(over["answer"], 409, "illegal_move")


@ONE
async def test_a_search_is_moved_from_what_was_read_and_by_who_may(world: World) -> None:
    made = await asked(world)
    for action in ("find", "give-up", "withdraw", "reopen"):
        assert_problem((await step(world, made, action, '"v2"'))["answer"], 412, "stale_version")
        assert_problem((await step(world, made, action, state="MX-OAX"))["answer"], 404, "not_found")
        assert_problem((await step(world, made, action, kind="DIF"))["answer"], 403, "forbidden")


@ONE
async def test_nobody_is_looked_for_against_the_childs_wish(world: World) -> None:
    assert_problem((await asked(world, child_heard=False))["answer"], 422, "invalid_request")


async def test_searches_are_listed_by_state_and_child(world: World) -> None:
    made = await asked(world)
    other = await asked(world)
    await step(world, other, "withdraw")

    async def listed(query: str, **who: Any) -> list[str]:
        answer = await world.get(f"{TRACINGS}{query}", **who)
        assert "canary" not in answer.text.lower()
        return [each["id"] for each in answer.json()["items"]]

    assert await listed("") == [other["id"], made["id"]]
    assert await listed("?state=open") == [made["id"]]
    assert await listed(f"?child_id={other['child_id']}") == [other["id"]]
    assert await listed("", state="MX-OAX") == []


def test_the_time_for_an_answer_is_configuration() -> None:
    assert (TRACING.warn, TRACING.due, TRACING.verified) == (timedelta(days=3), timedelta(days=10), False)


async def test_a_search_that_nobody_answers_warns_and_is_then_overdue(world: World) -> None:
    start = clock.now()
    made = await asked(world, asked_at=start.isoformat())
    assert (made["clock"]["state"], made["clock"]["agency"]) == ("running", "inm-chp")
    for days, state in ((2, "running"), (4, "running"), (11, "breached")):
        with clock.at(start + timedelta(days=days)):
            await world.fire()
            (shown,) = (await world.get(f"{TRACINGS}?child_id={made['child_id']}")).json()["items"]
            assert shown["clock"]["state"] == state
    told = [row for row in await world.rows("event", "case_seq") if row["subject"] == made["id"]]
    assert [row["type"] for row in told] == ["clock.warned", "clock.breached"]
    assert {(json.loads(row["data"]) if isinstance(row["data"], str) else row["data"])["rule"] for row in told} == {
        "TRACING"
    }


@ONE
async def test_an_answer_stops_the_time_and_a_search_that_goes_on_has_it_anew(world: World) -> None:
    made = await asked(world, asked_at=ago(days=2))
    steps = {"give-up": "met", "reopen": "running", "withdraw": "cancelled", "find": "met"}
    for number, action in enumerate(("give-up", "reopen", "withdraw", "reopen", "find"), 1):
        moved = await step(world, made, action, f'"v{number}"')
        assert moved["clock"]["state"] == steps[action], action
        if action == "reopen":
            assert moved["clock"]["started_at"] > made["clock"]["started_at"]
    with clock.at(clock.now() + timedelta(days=30)):
        await world.fire()
    spoken = [row for row in await world.rows("event") if row["type"] in ("clock.warned", "clock.breached")]
    assert "TRACING" not in repr(spoken)


# -- contacts --------------------------------------------------------------------------------------------------


def call(**changes: Any) -> Row:
    return {"at": ago(minutes=10), "relation": "MOTHER", "country": "HND", "minutes": 12} | changes


async def test_a_free_call_is_logged_or_that_it_was_declined(world: World) -> None:
    child_id = (await world.met())["child_id"]
    made = await world.add(child_id, "contacts", call())
    assert (made.status_code, made.json()["minutes"], made.json()["means"]) == (201, 12, "PHONE"), made.text
    declined = call(declined=True)
    del declined["minutes"]
    assert (await world.add(child_id, "contacts", declined, kind="PP")).status_code == 201
    listed = (await world.get(f"{CHILDREN}/{child_id}/contacts")).json()["items"]
    assert [(each["declined"], each["agency"]) for each in listed] == [(True, "pp-chp"), (False, "inm-chp")]
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["resource"], row["resource_id"]) for row in read] == [("contacts", child_id)]
    assert_problem(await world.get(f"{CHILDREN}/{child_id}/contacts", state="MX-OAX"), 404, "not_found")
    assert_problem(await world.add(child_id, "contacts", call(), state="MX-OAX"), 404, "not_found")


@ONE
async def test_a_child_pays_for_no_call(world: World) -> None:
    child_id = (await world.met())["child_id"]
    problem = assert_problem(await world.add(child_id, "contacts", call(free=False)), 409, "refused_by_law")
    assert (problem["rule"], "LGDNNA" in problem["source"]) == ("CONTACT-FREE", True)
    assert await world.rows("family_contact") == []
    assert (await world.add(child_id, "contacts", call(free=True))).status_code == 201


@ONE
@pytest.mark.parametrize("extra", [{"contents": "x"}, {"note": "x"}, {"number": "555"}, {"declined": True}])
async def test_there_is_no_place_for_what_was_said_or_to_which_number(world: World, extra: Row) -> None:
    child_id = (await world.met())["child_id"]
    assert_problem(await world.add(child_id, "contacts", call(**extra)), 422, "invalid_request")
