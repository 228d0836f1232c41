"""Nothing that an owner is owed is lost with an endpoint: the next one that it registers takes it over."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import clock, ids
from shared.delivery import service
from shared.delivery.endpoints.store import adopt
from shared.delivery.models import Delivery
from shared.delivery.parcels import Parcel, Result, Verdict
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.delivery.signing import new_key
from tests.unit.delivery.endpoint_world import NOWHERE, PATH, act, call, opened, register
from tests.unit.delivery.posts import Guard, Post, run_dry
from tests.unit.shared.world import World

OLD, NEW = "http://old", "http://new"
RIVALS = pytest.mark.parametrize("database_kind", ["postgresql"])
"""SQLite has one writer at a time anyway."""

DELIVERED, PENDING = DeliveryState.DELIVERED, DeliveryState.PENDING


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


async def remove(world: World, endpoint_id: str) -> None:
    assert (await call(world, "DELETE", f"{PATH}/{endpoint_id}")).status_code == 204


async def successor(world: World, url: str = NEW, **body: object) -> str:
    """Register an endpoint, and let its address count as proven."""
    made = await register(world, url, **body)
    await world.change_endpoint(made["id"], state=EndpointState.ACTIVE, proof_challenge=None, proof_due_at=None)
    return str(made["id"])


async def of(world: World, endpoint_id: str) -> list[Delivery]:
    return [each for each in await world.deliveries() if each.endpoint_id == endpoint_id]


async def test_what_a_removed_endpoint_was_owed_arrives_at_the_next_one_in_order(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    with clock.at(clock.now()):
        got = await world.publish("cas_1", to="inm-chp")
        post = Post()
        await run_dry(world, post)
        tried = await world.publish("cas_1", to="inm-chp")
        post.answer = lambda _: Outcome.FAILED
        await run_dry(world, post, turns=1)
        await remove(world, old)
        owed = [tried] + [await world.publish("cas_1", to="inm-chp") for _ in range(3)]
        other = await world.publish("cas_2", to="inm-chp")
        new = await successor(world)
        assert [(each.event_id, each.sequence) for each in await of(world, old)] == [(got, 1)]
        for each in await of(world, new):
            sent = (
                each.sequence,
                each.position,
                each.body,
                each.first_sent_at,
                each.token,
                each.attempts,
                each.last_outcome,
            )
            assert (each.state, sent) == (PENDING, (None, None, None, None, None, 0, None))
        post.answer = lambda _: Outcome.DELIVERED
        await run_dry(world, post)
    assert [event for event in post.ids(NEW) if event != other] == owed
    told = [json.loads(parcel.body) for parcel in post.sent if parcel.url == NEW]
    assert {each["audience"] for each in told} == {new}
    assert [each["sequence"] for each in told if each["id"] != other] == [1, 2, 3, 4]
    assert got not in post.ids(NEW)


async def test_what_was_parked_with_an_endpoint_that_was_gone_is_not_lost_either(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    published = [await world.publish(to="inm-chp") for _ in range(2)]
    post = Post(lambda parcel: Outcome.GONE if parcel.url == OLD else Outcome.DELIVERED)
    with clock.at(clock.now()):
        await run_dry(world, post)
        await remove(world, old)
        await successor(world)
        await run_dry(world, post)
    assert post.ids(NEW) == published


async def test_what_another_endpoint_of_the_owner_is_owed_or_has_got_is_not_sent_twice(world: World) -> None:
    old, other = await world.owner("inm-chp", OLD), await world.owner("inm-chp", "http://other")
    await world.change_endpoint(old, state=EndpointState.PAUSED)
    post = Post()
    with clock.at(clock.now()):
        await world.publish(to="inm-chp")
        await run_dry(world, post)
        await world.change_endpoint(other, state=EndpointState.PAUSED)
        await world.publish(to="inm-chp")
        await remove(world, old)
        first = await successor(world)
        assert await of(world, first) == []
        await remove(world, other)
        second = await successor(world, "http://third")
        await run_dry(world, post)
    assert [each.case_seq for each in await of(world, second)] == [2]  # the first one arrived; the second is owed once
    assert len(post.ids("http://third")) == 1


async def test_each_endpoint_takes_over_what_it_wants_and_the_rest_waits(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    written = await world.publish(to="inm-chp")
    await act(world, old, "test")
    await remove(world, old)
    picky = await successor(world, event_types=["memo.read"])
    assert await of(world, picky) == []
    wanting = await successor(world, event_types=["memo.read", "memo.written"])
    assert [each.event_id for each in await of(world, wanting)] == [written]
    everything = await successor(world)
    assert await of(world, everything) == []  # nobody else wants a test of what is no more
    assert [each.case_key for each in await of(world, old)] == [f"test:{old}"]


async def test_nobody_takes_over_what_another_owner_is_owed(world: World) -> None:
    theirs = await world.owner("dif-chp", OLD)
    await world.publish(to="dif-chp")
    await world.change_endpoint(theirs, state=EndpointState.REMOVED)
    assert await of(world, await successor(world)) == []


async def test_a_feed_takes_over_too(world: World) -> None:
    await remove(world, await world.owner("inm-chp", OLD))
    published = [await world.publish(to="inm-chp") for _ in range(2)]
    feed = (await register(world, None, channel="pull"))["id"]
    assert [each.event_id for each in await of(world, feed)] == published


async def test_a_replay_that_was_under_way_goes_on_at_the_next_endpoint(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    published = await world.publish(to="inm-chp")
    await world.turn(sender=Post())
    async with world.database.work() as session:
        (live,) = await world.deliveries()
        again = {"id": "dlv_again", "origin": "rpl_1", "state": PENDING, "body": None, "sequence": None}
        session.add(Delivery(**live.model_dump() | again))
    await remove(world, old)
    new = await successor(world)
    assert [(each.event_id, each.origin) for each in await of(world, new)] == [(published, "rpl_1")]


async def test_what_a_gate_withholds_moves_without_a_trace(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    await world.publish(to="inm-chp", gate="rel_1")
    await remove(world, old)
    new = await successor(world)
    later = await world.publish(to="inm-chp")
    guard, post = Guard(Verdict.WAIT), Post()
    await world.turn(1, guard, post)
    guard.verdict = Verdict.CLOSED
    await world.turn(4, guard, post)
    await world.turn(8, guard, post)
    assert [each.state for each in await of(world, new)] == [DeliveryState.CANCELLED, DELIVERED]
    assert (post.ids(), post.sequences()) == ([later], [1])


async def test_what_is_on_its_way_while_its_endpoint_is_replaced_arrives_again_rather_than_never(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    published = await world.publish(to="inm-chp")
    leaving, answered = asyncio.Event(), asyncio.Event()

    class Slow(Post):
        async def send(self, parcel: Parcel) -> Result:
            leaving.set()
            await answered.wait()
            return await super().send(parcel)

    slow, quick = Slow(), Post()
    worker = world.deliverer(slow)
    with clock.at(clock.now()):
        await worker.turn()
        await leaving.wait()
        await remove(world, old)
        new = await successor(world)
        answered.set()
        await worker.drain()
        assert [(each.endpoint_id, each.state) for each in await world.deliveries()] == [(new, PENDING)]
        await run_dry(world, quick)
    assert slow.ids() == quick.ids() == [published]


@RIVALS
async def test_what_is_published_while_its_successor_is_being_registered_is_not_left_behind(world: World) -> None:
    await remove(world, await world.owner("inm-chp", OLD))
    async with world.database.work() as session:
        fact = await service.publish(session, "memo.written", case="c", subject="s", audience=["inm-chp"], data={})
        await session.flush()
        registering = asyncio.create_task(register(world, NOWHERE))
        await asyncio.wait([registering], timeout=0.5)
        assert not registering.done()
    made = await registering
    assert [each.event_id for each in await of(world, made["id"])] == [fact.id]


@RIVALS
async def test_what_is_published_before_its_successor_has_committed_is_owed_to_the_successor(world: World) -> None:
    await remove(world, await world.owner("inm-chp", OLD))
    async with world.database.work() as session:
        new = service.new_endpoint(world.runtime.vault, ids.new("whe"), "inm-chp", [new_key()], url=NEW)
        session.add(new)
        await session.flush()
        await adopt(session, new, clock.now())
        publishing = asyncio.create_task(world.publish(to="inm-chp"))
        await asyncio.wait([publishing], timeout=0.5)
    await publishing
    assert [each.endpoint_id for each in await world.deliveries()] == [new.id]


async def test_a_removed_endpoint_is_owed_nothing_more_once_its_owner_has_another(world: World) -> None:
    old = await world.owner("inm-chp", OLD)
    await remove(world, old)
    await world.publish(to="inm-chp")
    new = await successor(world)
    await world.publish(to="inm-chp")
    assert (len(await of(world, old)), len(await of(world, new))) == (0, 2)
