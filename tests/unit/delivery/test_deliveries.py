"""Owners and operators see what was sent, and how it went; nobody sees what a gate withholds."""

from datetime import timedelta
from typing import Any

import pytest

from shared import clock, ids
from shared.delivery.models import Attempt
from shared.delivery.parcels import Result, Verdict
from shared.delivery.rules import DeliveryState, Outcome
from tests.unit.delivery.desk import OPERATOR, OTHER, OWNER, Desk, ids_of, problem
from tests.unit.delivery.posts import Post

SHOWN = {
    "id", "event_id", "event_type", "endpoint_id", "origin", "sequence", "state", "attempts", "last_outcome",
    "last_status", "first_sent_at", "delivered_at", "next_attempt_at", "allowed_actions",
}  # fmt: skip
NOT_DONE: list[dict[str, Any]] = [{"state": "pending"}, {"state": "parked"}, {"state": "skipped"}, {"stuck": True}]


# -- who sees what -----------------------------------------------------------------------------------------


async def test_an_owner_sees_its_own_and_an_operator_all_but_those_between_services(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    await desk.world.owner("dif-chp", "http://b")
    await desk.world.owner("service:intake", "http://c")
    own, others, sisters = [await desk.publish(to=to) for to in ("pp-chp", "dif-chp", "service:intake")]
    await desk.send()
    for who, seen in ((OWNER, {own}), (OTHER, {others}), (OPERATOR, {own, others})):
        assert ids_of(await desk.listed(who)) == seen
        for delivery in (own, others, sisters):
            assert (await desk.ask(who, f"/{delivery}")).status_code == (200 if delivery in seen else 404)


async def test_what_is_of_somebody_else_cannot_be_repeated_or_skipped(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish()
    await desk.send()
    nobodys = await desk.post(f"/{ids.new('dlv')}/resend", who=OTHER)
    for answer in (
        await desk.post(f"/{delivery}/resend", who=OTHER),
        await desk.skip(delivery, who=OTHER),
        await desk.replay(endpoint, who=OTHER),
    ):
        assert problem(answer) == problem(nobodys) == (404, "not_found", None)
    reader = OWNER | {"scope": "referral:read"}
    for answer in (await desk.post(f"/{delivery}/resend", who=reader), await desk.replay(endpoint, who=reader)):
        assert answer.status_code == 403
    assert await desk.world.count("delivery") == 1


async def test_a_delivery_is_shown_with_its_numbers_and_without_its_body(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish()
    (waiting,) = await desk.listed()
    assert set(waiting) == SHOWN
    assert (waiting["state"], waiting["attempts"], waiting["sequence"], waiting["allowed_actions"]) == (
        "pending", 0, None, [],
    )  # fmt: skip
    assert waiting["next_attempt_at"] is not None
    await desk.send()
    (done,) = await desk.listed()
    assert done == waiting | {
        "state": "delivered", "attempts": 1, "sequence": 1, "last_outcome": "delivered", "next_attempt_at": None,
        "first_sent_at": done["first_sent_at"], "delivered_at": done["delivered_at"], "allowed_actions": ["resend"],
    }  # fmt: skip
    assert (done["id"], done["endpoint_id"], done["event_type"], done["origin"]) == (
        delivery, endpoint, "memo.written", "live",
    )  # fmt: skip
    assert done["first_sent_at"] <= done["delivered_at"]


async def test_what_is_on_its_way_has_no_next_attempt_and_nothing_to_be_done(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish()
    worker = desk.world.deliverer(Post())
    await worker.turn()
    shown = await desk.one(delivery)
    assert (shown["state"], shown["next_attempt_at"], shown["allowed_actions"]) == ("pending", None, [])
    await worker.drain()


# -- gates ---------------------------------------------------------------------------------------------------


async def gated_in_every_state(desk: Desk) -> dict[str, str]:
    """Make one delivery behind a gate for each state that there is, by what the worker does."""
    made: dict[str, str] = {}
    for name, verdict, outcome in (
        ("withheld", Verdict.WAIT, Outcome.DELIVERED),
        ("permit ended", Verdict.OPEN, Outcome.PERMIT_EXPIRED),
        ("refused", Verdict.OPEN, Outcome.REFUSED),
        ("cancelled", Verdict.CLOSED, Outcome.DELIVERED),
        ("delivered", Verdict.OPEN, Outcome.DELIVERED),
        ("parked", Verdict.OPEN, Outcome.GONE),
    ):
        made[name] = await desk.publish(f"cas_{len(made)}", gate=f"rel_{len(made)}")
        await desk.send(outcome, verdict, turns=1)
        if name in ("withheld", "permit ended", "refused"):
            await desk.change(made[name], due_at=clock.now() + timedelta(days=1))
    return made


async def test_what_a_gate_withholds_is_shown_to_nobody_before_it_has_arrived(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    made = await gated_in_every_state(desk)
    states = {name: (await desk.row(delivery)).state.value for name, delivery in made.items()}
    assert sorted(states.values()) == ["cancelled", "delivered", "parked", "pending", "pending", "pending"]
    for who in (OWNER, OPERATOR):
        assert ids_of(await desk.listed(who)) == {made["delivered"]}
        assert ids_of(await desk.listed(who, endpoint_id=endpoint, event_type="memo.written")) == {made["delivered"]}
        for params in NOT_DONE:
            assert await desk.listed(who, **params) == []
        for name, delivery in made.items():
            if name != "delivered":
                nobodys = problem(await desk.ask(who, f"/{ids.new('dlv')}"))
                assert problem(await desk.ask(who, f"/{delivery}")) == nobodys
                assert problem(await desk.post(f"/{delivery}/resend", who=who)) == nobodys
                assert problem(await desk.skip(delivery, who=who)) == nobodys


async def test_what_has_arrived_shows_the_sends_and_not_how_the_gate_came_to_open(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish(gate="rel_1")
    with clock.at(clock.now()):
        for outcome in (Outcome.PERMIT_EXPIRED, Outcome.FAILED, Outcome.DELIVERED):
            await desk.send(outcome, turns=1)
            clock.advance(timedelta(minutes=5))
        shown = await desk.one(delivery)
    assert [each["outcome"] for each in shown["attempts_log"]] == ["failed", "delivered"]
    assert (shown["attempts"], shown["next_attempt_at"]) == (2, None)


async def test_an_ungated_delivery_is_shown_in_every_state_but_one(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    made = {state: await desk.publish(f"cas_{state.value}") for state in DeliveryState}
    for state, delivery in made.items():
        await desk.change(delivery, state=state)
    assert {item["state"] for item in await desk.listed()} == {"pending", "delivered", "parked", "skipped"}
    assert (await desk.ask(OWNER, f"/{made[DeliveryState.CANCELLED]}")).status_code == 404
    assert (await desk.ask(OWNER, state="cancelled")).status_code == 422


# -- filters ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("held_time")
async def test_a_list_is_narrowed_by_endpoint_state_type_and_time(desk: Desk) -> None:
    first = await desk.world.owner("pp-chp", "http://a")
    early = await desk.publish("cas_1", event_type="memo.early")
    await desk.send()
    clock.advance(timedelta(hours=1))
    noon = clock.now().isoformat()
    await desk.world.change_endpoint(first, event_types=["memo.early"])
    second = await desk.world.owner("pp-chp", "http://b")
    late = await desk.publish("cas_2", event_type="memo.late")
    await desk.send()
    unsent = await desk.publish("cas_3", event_type="memo.late")
    filters: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {early, late, unsent}),
        ({"endpoint_id": first}, {early}),
        ({"endpoint_id": second}, {late, unsent}),
        ({"state": "delivered"}, {early, late}),
        ({"state": "pending"}, {unsent}),
        ({"event_type": "memo.late"}, {late, unsent}),
        ({"since": noon}, {late}),
        ({"state": "delivered", "event_type": "memo.early", "since": noon}, set()),
        ({"endpoint_id": ids.new("whe")}, set()),
    ]
    for params, found in filters:
        assert ids_of(await desk.listed(**params)) == found, params
    for params in ({"since": "2999-01-01T00:00:00Z"}, {"since": "1732300000"}, {"state": "lost"}, {"event_type": "*"}):
        assert (await desk.ask(OWNER, **params)).status_code == 422, params


@pytest.mark.usefixtures("held_time")
async def test_dead_letters_are_what_is_parked_and_what_is_stuck(desk: Desk) -> None:
    stubborn = await desk.world.owner("pp-chp", "http://a")
    stuck = await desk.publish("cas_1")
    await desk.refuse(5)
    assert await desk.listed(stuck=True) == []
    await desk.refuse(1)
    assert await desk.alarms() == [("stuck", stuck)]
    await desk.world.change_endpoint(stubborn, event_types=["none.such"])
    await desk.world.owner("pp-chp", "http://gone")
    parked = await desk.publish("cas_2")
    await desk.world.turn(sender=Post(lambda parcel: Outcome.GONE if "gone" in parcel.url else Outcome.REFUSED))
    for who in (OWNER, OPERATOR):
        assert ids_of(await desk.listed(who, stuck=True)) == {stuck}
        assert ids_of(await desk.listed(who, state="parked")) == {parked}
    assert (await desk.one(parked))["allowed_actions"] == []  # its endpoint is gone: a person resumes that first


async def test_a_list_has_pages_newest_first(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    made = [await desk.publish(f"cas_{n}") for n in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await desk.ask(OWNER, limit=2, **cursor)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == made[::-1]
    assert problem(await desk.ask(OPERATOR, limit=2, **cursor)) == (400, "bad_cursor", None)


# -- attempts --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("held_time")
async def test_attempts_are_shown_newest_last_by_class_and_never_by_what_was_answered(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish()
    answers = [
        Result(Outcome.FAILED, 503, 41, answer=b"CURP"),
        Result(Outcome.PROXY_DOWN),
        Result(Outcome.DELIVERED, 200, 7),
    ]
    coming = iter(answers)
    post = Post(lambda _: next(coming))
    for _ in answers:
        await desk.world.turn(sender=post)
        clock.advance(timedelta(hours=1))
    got = await desk.ask(OWNER, f"/{delivery}")
    assert "CURP" not in got.text
    shown = got.json()
    assert set(shown) == SHOWN | {"attempts_log"}
    assert [(each["outcome"], each["status"], each["milliseconds"]) for each in shown["attempts_log"]] == [
        ("failed", 503, 41), ("proxy_down", None, 0), ("delivered", 200, 7),
    ]  # fmt: skip
    assert (shown["attempts"], shown["last_outcome"], shown["last_status"]) == (2, "delivered", 200)
    assert all(set(each) == {"started_at", "outcome", "status", "milliseconds"} for each in shown["attempts_log"])


async def test_at_most_two_hundred_attempts_are_shown(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    delivery, now = await desk.publish(), clock.now()
    async with desk.world.database.work() as session:
        for n in range(205):
            started = now + timedelta(seconds=n)
            session.add(
                Attempt(id=ids.new("att"), delivery_id=delivery, started_at=started, outcome="failed", status=n)
            )
    assert [each["status"] for each in (await desk.one(delivery))["attempts_log"]] == list(range(5, 205))


@pytest.mark.hard_case(46)
@pytest.mark.usefixtures("held_time")
async def test_when_attempts_are_forgotten_the_summary_stays(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish()
    await desk.refuse(2)
    await desk.send(turns=1)
    before = await desk.one(delivery)
    assert (before["attempts"], len(before["attempts_log"])) == (3, 3)
    await desk.forget_attempts()
    assert await desk.world.count("attempt") == 0
    assert await desk.one(delivery) == before | {"attempts_log": []}
    assert [(item["attempts"], item["last_outcome"]) for item in await desk.listed()] == [(3, "delivered")]
