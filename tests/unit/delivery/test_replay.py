"""An endpoint gets once more what it has received: same ids, same bytes, its live order untouched."""

import asyncio
import json
from datetime import timedelta

import pytest

from shared import clock
from shared.delivery import chains, service
from shared.delivery.deliveries import rules
from shared.delivery.parcels import Parcel, Verdict
from shared.delivery.rules import Channel, DeliveryState, EndpointState, Outcome
from tests.unit.delivery.desk import OPERATOR, Desk, ids_of, problem
from tests.unit.delivery.posts import Guard, Post

pytestmark = pytest.mark.usefixtures("held_time")
DELIVERED = DeliveryState.DELIVERED
WHOLE = 600 * rules.REPLAY_STEP
"""Longer than any replay here takes until its last event is due."""


async def received(desk: Desk, *cases: str, gate: str | None = None) -> list[str]:
    """Let an event of each of these cases be published and received. Returns the deliveries' ids."""
    made = [await desk.publish(case, gate=gate) for case in cases]
    await desk.send(turns=len(made) + 1)
    assert {(await desk.row(each)).state for each in made} <= {DELIVERED}
    clock.advance(timedelta(seconds=1))
    return made


async def bytes_of(desk: Desk, deliveries: list[str]) -> list[bytes | None]:
    return [(await desk.row(each)).body for each in deliveries]


def bodies(post: Post) -> list[bytes]:
    return [parcel.body for parcel in post.sent]


# -- what comes ------------------------------------------------------------------------------------------------


@pytest.mark.hard_case(36)
async def test_a_replay_comes_beside_live_events_whose_order_stays(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    made = await received(desk, "cas_1", "cas_1", "cas_2", "cas_1")
    live_before = {each: await desk.row(each) for each in made}
    held_up = [await desk.publish("cas_1"), await desk.publish("cas_1")]
    await desk.send(Outcome.FAILED, turns=1)  # the head of cas_1 waits for its repetition
    answer = await desk.replay(endpoint)
    assert (answer.status_code, answer.json()["events"]) == (202, 4)
    replay_id = answer.json()["replay_id"]
    clock.advance(WHOLE)
    post = await desk.send(turns=8)
    rows = {each.id: each for each in await desk.world.deliveries()}
    origins = {name: [p for p in post.sent if rows[p.delivery_id].origin == name] for name in ("live", replay_id)}
    replayed = [(p.headers["webhook-id"], p.body) for p in origins[replay_id]]
    assert sorted(replayed) == sorted((row.event_id, row.body) for row in live_before.values())
    of_case = [json.loads(p.body)["sequence"] for p in origins[replay_id] if rows[p.delivery_id].case_key == "cas_1"]
    assert of_case == [1, 2, 3]
    assert [p.delivery_id for p in origins["live"]] == held_up
    assert [json.loads(p.body)["sequence"] for p in origins["live"]] == [4, 5]
    assert {each: await desk.row(each) for each in made} == live_before
    assert {item["origin"] for item in await desk.listed()} == {"live", "replay"}
    assert await desk.audited("replay") == [("pp-chp", endpoint, {"replay": replay_id, "events": 4})]


async def test_what_happens_during_a_replay_does_not_wait_behind_all_of_it(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    await received(desk, *(f"cas_{n}" for n in range(20)))
    await desk.replay(endpoint)
    clock.advance(2 * rules.REPLAY_STEP)
    live = await desk.publish("cas_new")
    assert live in [parcel.delivery_id for parcel in (await desk.send(turns=1)).sent]


async def test_a_failing_replay_holds_up_itself_and_not_the_live_case(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    (first, *_) = await received(desk, "cas_1", "cas_1")
    await desk.replay(endpoint)
    clock.advance(WHOLE)
    poison = (await desk.row(first)).event_id

    def answer(parcel: Parcel) -> Outcome:
        return Outcome.REFUSED if parcel.headers["webhook-id"] == poison else Outcome.DELIVERED

    post = Post(answer)
    live = await desk.publish("cas_1")
    await desk.world.turn(sender=post)
    await desk.world.turn(sender=post)
    assert len(post.sent) == 2
    assert (await desk.row(live)).state is DELIVERED
    (stopped,) = [item for item in await desk.listed(state="pending") if item["attempts"]]
    assert (stopped["origin"], stopped["sequence"]) == ("replay", 1)
    assert (await desk.skip(stopped["id"])).status_code == 200
    assert (await desk.send()).sequences() == [2]


async def test_a_replay_holds_what_was_first_sent_in_its_time_and_what_was_received(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    await received(desk, "cas_1")
    since = clock.now()
    wanted = await received(desk, "cas_1", "cas_2")
    until = clock.now()
    await received(desk, "cas_1")
    await desk.resend(wanted[0])
    await desk.send()
    refused = await desk.publish("cas_3")
    await desk.send(Outcome.REFUSED, turns=1)
    answer = await desk.replay(endpoint, since=since.isoformat(), until=until.isoformat())
    assert answer.json()["events"] == 2
    await desk.change(refused, due_at=clock.now() + timedelta(days=1))
    clock.advance(WHOLE)
    assert sorted(bodies(await desk.send())) == sorted(map(bytes, filter(None, await bytes_of(desk, wanted))))
    assert (await desk.replay(endpoint, since=since.isoformat())).json()["events"] == 3  # no copy is copied
    empty = await desk.replay(await desk.world.owner("pp-chp", "http://b"))
    assert (empty.status_code, empty.json()["events"]) == (202, 0)


async def test_heartbeats_are_not_repeated_and_reminders_are(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    async with desk.world.database.work() as session:
        target = await desk.world.endpoint(endpoint)
        for kind in sorted(chains.OWN_TYPES):
            await service.publish_to(session, kind, [target], case=f"own:{kind}", subject=endpoint, data={})
    await desk.send()
    assert (await desk.replay(endpoint)).json()["events"] == 1
    clock.advance(WHOLE)
    (parcel,) = (await desk.send()).sent
    assert json.loads(parcel.body)["type"] == chains.REMINDER


# -- what is refused -------------------------------------------------------------------------------------------


async def test_a_replay_reaches_back_fourteen_days(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    now = clock.now()
    for since, status in (
        (now - timedelta(days=14), 202),
        (now - timedelta(days=14, seconds=1), 422),
        (now + timedelta(seconds=1), 422),
        (now.replace(tzinfo=None), 422),
    ):
        answer = await desk.replay(endpoint, since=since.isoformat())
        assert answer.status_code == status, since
    body = (await desk.replay(endpoint, since=(now - timedelta(days=15)).isoformat())).json()
    assert body["errors"] == [{"pointer": "/since", "reason": "too_long_ago"}]


async def test_what_is_too_much_at_once_is_replayed_in_pieces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    first = clock.now()
    await received(desk, "cas_1", "cas_2", "cas_3")
    second = clock.now()
    await received(desk, "cas_4")
    monkeypatch.setattr("shared.delivery.deliveries.store.MOST_REPLAYED", 3)
    monkeypatch.setattr("shared.delivery.deliveries.service.MOST_REPLAYED", 3)
    answer = await desk.replay(endpoint, since=first.isoformat())
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/since", "reason": "too_many"}]
    assert "in pieces" in answer.json()["detail"]
    assert await desk.world.count("delivery") == 4
    piece = await desk.replay(endpoint, since=first.isoformat(), until=second.isoformat())
    assert piece.json()["events"] == 3
    clock.advance(WHOLE)
    await desk.send()
    assert (await desk.replay(endpoint, since=second.isoformat())).json()["events"] == 1


async def test_one_replay_at_a_time(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    other = await desk.world.owner("dif-chp", "http://b")
    await received(desk, "cas_1", "cas_1")
    assert (await desk.replay(endpoint)).status_code == 202
    assert problem(await desk.replay(endpoint)) == (409, "conflict", None)
    assert (await desk.replay(other, OPERATOR)).status_code == 202
    clock.advance(WHOLE)
    await desk.send(turns=1)
    assert (await desk.replay(endpoint, OPERATOR)).status_code == 409  # the second of the case is still owed
    await desk.send()
    assert (await desk.replay(endpoint, OPERATOR)).status_code == 202


async def test_of_two_who_ask_at_once_one_gets_a_replay(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    await received(desk, "cas_1", "cas_2")
    answers = await asyncio.gather(*(desk.replay(endpoint) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    assert await desk.world.count("delivery") == 4


@pytest.mark.parametrize(
    "endpoint_is",
    [{"state": EndpointState.PAUSED}, {"state": EndpointState.GONE}, {"channel": Channel.PULL}],
    ids=lambda values: next(iter(values.values())).value,
)
async def test_only_an_active_endpoint_with_an_address_gets_a_replay(desk: Desk, endpoint_is: dict[str, str]) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a", **endpoint_is)
    assert problem(await desk.replay(endpoint)) == (409, "illegal_move", [])


# -- behind a gate ---------------------------------------------------------------------------------------------


@pytest.mark.hard_case(37)
async def test_a_replay_says_nothing_of_a_gate_that_has_closed_since(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    await received(desk, "ntc_1", gate="rel_closed")
    await received(desk, "ntc_2", gate="rel_open")
    await desk.publish("ntc_3", gate="rel_never")
    await desk.send(verdict=Verdict.CLOSED)
    before = await desk.listed()
    assert len(before) == 2

    async def verdict_of(release: str) -> object:
        return await Guard(Verdict.OPEN if release == "rel_open" else Verdict.CLOSED)(release)

    answer = await desk.replay(endpoint)
    assert (answer.status_code, answer.json()["events"]) == (202, 2)  # what it had received: not what may be sent
    clock.advance(WHOLE)
    post = Post()
    for _ in range(3):
        await desk.world.turn(0, verdict_of, post)  # type: ignore[arg-type]  # answers what Guard answers
    assert len(post.sent) == 1
    assert len(ids_of(await desk.listed()) - ids_of(before)) == 1
    assert {item["state"] for item in await desk.listed()} == {"delivered"}
    again = await desk.replay(endpoint)
    assert (again.status_code, again.json()["events"]) == (202, 2)


async def test_a_second_replay_is_not_refused_because_a_gate_waits(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    await received(desk, "ntc_1", gate="rel_1")
    for _ in range(2):
        answer = await desk.replay(endpoint)
        assert (answer.status_code, answer.json()["events"]) == (202, 1)
        clock.advance(WHOLE)
        assert (await desk.send(verdict=Verdict.WAIT)).sent == []
