"""A person sends an event again, or lets it go so that its case goes on."""

import json
from datetime import timedelta

import pytest

from shared import clock
from shared.delivery.models import Alarm
from shared.delivery.parcels import Permit, Result, Verdict
from shared.delivery.queue import Queue
from shared.delivery.rules import AlarmKind, Channel, DeliveryState, EndpointState, Outcome
from shared.testing import key
from tests.unit.delivery.desk import OPERATOR, OWNER, Desk, ids_of, problem
from tests.unit.delivery.posts import Guard, Post
from tests.unit.shared.world import Receiver

pytestmark = pytest.mark.usefixtures("held_time")
DELIVERED, PENDING, PARKED, SKIPPED = (
    DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.PARKED, DeliveryState.SKIPPED,
)  # fmt: skip
LEASE = timedelta(seconds=30)


async def leased(desk: Desk) -> list[Permit]:
    """Let a worker take what is due, and never come back."""
    async with desk.world.database.work() as session:
        claimed = await Queue(desk.world.runtime.vault, LEASE, gated=False).claim(session, 10)
    return [parcel.permit for parcel in claimed.parcels]


# -- send again ------------------------------------------------------------------------------------------------


async def test_what_was_received_comes_again_in_the_same_bytes_and_the_live_row_stays(
    desk: Desk, receiver: tuple[Receiver, str]
) -> None:
    got, url = receiver
    endpoint = await desk.world.owner("pp-chp", url)
    first = await desk.publish()
    await desk.world.turn()
    before = await desk.row(first)
    again = await desk.resend(first)
    assert (again["origin"], again["state"], again["attempts"], again["sequence"]) == ("resend", "pending", 0, 1)
    assert again["id"] != first
    assert (again["event_id"], again["endpoint_id"]) == (before.event_id, endpoint)
    await desk.world.turn()
    assert got.event_ids() == [before.event_id] * 2
    assert got.got[0][1] == got.got[1][1] == before.body
    assert await desk.row(first) == before
    assert (await desk.one(again["id"]))["state"] == "delivered"
    later = await desk.publish()
    await desk.world.turn()
    assert json.loads(got.got[2][1])["sequence"] == 2  # what is sent again takes no number
    assert (await desk.row(later)).position == 2
    assert await desk.audited("resend") == [("pp-chp", first, {"again": again["id"]})]


async def test_a_request_that_is_repeated_sends_again_once(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    await desk.send()
    headers = key()
    answers = [await desk.post(f"/{first}/resend", headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await desk.send()).sent) == 1


async def test_an_operator_sends_again_what_its_owner_lost_as_often_as_asked(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    await desk.send()
    again = await desk.resend(first, OPERATOR)
    await desk.send()
    third = await desk.resend(again["id"])
    assert len((await desk.send()).sent) == 1
    assert ids_of(await desk.listed(state="delivered")) == {first, again["id"], third["id"]}


async def test_what_is_still_owed_becomes_due_instead_of_being_owed_twice(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    for _ in range(6):
        await desk.send(Outcome.FAILED, turns=1)
        clock.advance(timedelta(hours=1, minutes=30))
    await desk.send(Outcome.FAILED, turns=1)
    hold = (await desk.world.endpoint(endpoint)).hold_until
    assert hold is not None
    assert hold > clock.now()
    assert (await desk.send()).sent == []
    again = await desk.resend(first)
    assert (again["id"], again["origin"], again["state"], again["attempts"]) == (first, "live", "pending", 7)
    assert again["next_attempt_at"] == clock.now().isoformat().replace("+00:00", "Z")
    assert (await desk.world.endpoint(endpoint)).hold_until is None
    assert len((await desk.send()).sent) == 1  # the probe is now, since a person asks
    assert (await desk.one(first))["state"] == "delivered"
    assert await desk.world.count("delivery") == 1


async def test_what_was_never_sent_cannot_be_sent_again(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    assert problem(await desk.post(f"/{first}/resend")) == (409, "illegal_move", [])
    assert problem(await desk.skip(first)) == (409, "illegal_move", [])


async def test_what_is_on_its_way_is_left_alone_until_its_lease_has_ended(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    await leased(desk)
    for answer in (await desk.post(f"/{first}/resend"), await desk.skip(first)):
        assert problem(answer) == (409, "conflict", None)
        assert answer.headers["retry-after"] == "5"
    clock.advance(LEASE)
    assert (await desk.resend(first))["id"] == first
    assert len((await desk.send()).sent) == 1
    assert [each["outcome"] for each in (await desk.one(first))["attempts_log"]] == ["unknown", "delivered"]


async def test_what_was_parked_is_owed_again_itself(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    await desk.send(Outcome.GONE, turns=1)
    assert problem(await desk.post(f"/{first}/resend")) == (409, "illegal_move", [])
    await desk.world.change_endpoint(endpoint, state=EndpointState.ACTIVE)
    assert (await desk.one(first))["allowed_actions"] == ["resend"]
    assert (await desk.resend(first))["id"] == first
    assert len((await desk.send()).sent) == 1
    assert await desk.listed(state="parked") == []


async def done_and_waiting(desk: Desk) -> tuple[str, str, str]:
    """Return an endpoint, what it has received, and what it has refused."""
    endpoint = await desk.world.owner("pp-chp", "http://a")
    done = await desk.publish("cas_1")
    await desk.send()
    waiting = await desk.publish("cas_2")
    await desk.send(Outcome.REFUSED, turns=1)
    return endpoint, done, waiting


@pytest.mark.parametrize("state", [each for each in EndpointState if each is not EndpointState.ACTIVE])
async def test_only_an_active_endpoint_is_sent_to_again(desk: Desk, state: EndpointState) -> None:
    endpoint, done, waiting = await done_and_waiting(desk)
    await desk.world.change_endpoint(endpoint, state=state)
    assert problem(await desk.post(f"/{done}/resend")) == (409, "illegal_move", [])
    assert problem(await desk.post(f"/{waiting}/resend")) == (409, "illegal_move", ["skip"])
    assert await desk.world.count("delivery") == 2


async def test_who_reads_a_feed_reads_it_again(desk: Desk) -> None:
    endpoint, done, waiting = await done_and_waiting(desk)
    await desk.world.change_endpoint(endpoint, channel=Channel.PULL)
    for delivery in (done, waiting):
        shown = await desk.one(delivery)
        assert (shown["allowed_actions"], shown["next_attempt_at"]) == ([], None)
        assert problem(await desk.post(f"/{delivery}/resend")) == (409, "illegal_move", [])
        assert problem(await desk.skip(delivery)) == (409, "illegal_move", [])


# -- behind a gate ---------------------------------------------------------------------------------------------


async def test_a_copy_keeps_its_gate_and_is_shown_once_it_has_arrived(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish(gate="rel_1")
    await desk.send()
    again = (await desk.resend(first))["id"]
    guard, post = Guard(Verdict.WAIT), Post()
    await desk.world.turn(0, guard, post)
    assert (guard.asked, post.sent) == (["rel_1"], [])
    for who in (OWNER, OPERATOR):
        assert ids_of(await desk.listed(who)) == {first}
        assert (await desk.ask(who, f"/{again}")).status_code == 404
    clock.advance(timedelta(seconds=3))
    assert len((await desk.send()).sent) == 1
    assert ids_of(await desk.listed()) == {first, again}


@pytest.mark.hard_case(37)
async def test_after_the_gate_has_closed_a_resend_is_answered_alike_and_sends_nothing(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    closed, still_open = await desk.publish("cas_1", gate="rel_1"), await desk.publish("cas_2", gate="rel_2")
    await desk.send()
    before = await desk.listed()
    answers = [await desk.resend(each) for each in (closed, still_open)]
    one, other = (each | {"id": "", "event_id": ""} for each in answers)
    assert one == other
    assert (await desk.send(verdict=Verdict.CLOSED)).sent == []
    assert await desk.listed() == before
    assert (await desk.row(answers[0]["id"])).state is DeliveryState.CANCELLED
    assert (await desk.resend(closed))["state"] == "pending"  # as if nothing had been cancelled


# -- let go ----------------------------------------------------------------------------------------------------


@pytest.mark.hard_case(38)
async def test_a_poison_head_holds_up_its_case_until_a_person_lets_it_go(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    poison, behind = await desk.publish("cas_1"), await desk.publish("cas_1")
    beside = await desk.publish("cas_2")
    bad = (await desk.row(poison)).event_id
    post = Post(lambda parcel: Outcome.REFUSED if parcel.headers["webhook-id"] == bad else Outcome.DELIVERED)
    for _ in range(6):
        await desk.world.turn(sender=post)
        clock.advance(timedelta(hours=2))
    assert [(await desk.row(each)).state for each in (poison, behind, beside)] == [PENDING, PENDING, DELIVERED]
    assert await desk.alarms() == [("stuck", poison)]
    assert (await desk.one(poison))["allowed_actions"] == ["resend", "skip"]
    answer = await desk.skip(poison, "told by telephone", OPERATOR)
    assert (answer.status_code, answer.json()["state"], answer.json()["allowed_actions"]) == (
        200,
        "skipped",
        ["resend"],
    )
    assert (await desk.alarms(), await desk.listed(stuck=True)) == ([], [])
    ((agency, resource, details),) = await desk.audited("skip")
    assert (agency, resource, details and details["reason"]) == ("ruta", poison, "told by telephone")
    assert (await desk.send()).sequences() == [2]
    assert (await desk.row(behind)).state is DELIVERED


async def test_what_was_let_go_can_still_be_sent(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    sent = await desk.send(Outcome.REFUSED, turns=1)
    await desk.skip(first)
    again = await desk.resend(first)
    assert (again["origin"], again["id"] == first) == ("resend", False)
    assert (await desk.send()).sent[0].body == sent.sent[0].body
    assert (await desk.one(first))["state"] == "skipped"


async def test_letting_one_go_leaves_the_alarm_of_another(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    first, other = await desk.publish("cas_1"), await desk.publish("cas_2")
    await desk.send(Outcome.REFUSED, turns=1)
    async with desk.world.database.work() as session:
        alarm = Alarm(id="alm_1", endpoint_id=endpoint, kind=AlarmKind.STUCK, delivery_id=other, raised_at=clock.now())
        session.add(alarm)
    await desk.skip(first)
    assert await desk.alarms() == [("stuck", other)]
    await desk.skip(other)
    assert await desk.alarms() == []


async def test_a_late_answer_to_what_was_let_go_changes_nothing(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    queue = Queue(desk.world.runtime.vault, LEASE, gated=False)
    async with desk.world.database.work() as session:
        (parcel,) = (await queue.claim(session, 10)).parcels
    clock.advance(LEASE)
    assert (await desk.skip(first)).status_code == 200
    async with desk.world.database.work() as session:
        await queue.complete(session, [(parcel, Result(Outcome.DELIVERED, 200))])
    assert (await desk.row(first)).state is SKIPPED


async def test_a_skip_needs_a_reason_and_something_that_is_owed(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    first = await desk.publish()
    await desk.send()
    for reason in ("", "  ", "two\nlines", "x" * 201):
        assert (await desk.skip(first, reason)).status_code == 422
    assert problem(await desk.skip(first)) == (409, "illegal_move", ["resend"])
    assert await desk.audited("skip") == []
