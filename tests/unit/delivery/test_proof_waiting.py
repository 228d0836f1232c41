"""Nothing leaves for an address before it is proven; and what a change means for what is on its way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.delivery.parcels import Parcel, Result
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from tests.unit.delivery.endpoint_world import (
    NOWHERE,
    PATH,
    Hook,
    act,
    call,
    change,
    opened,
    prove,
    read,
    register,
    run_all,
)
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import World, server


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


async def test_no_event_leaves_before_the_proof(world: World, hook: tuple[Hook, str]) -> None:
    receiver, url = hook
    await register(world, url)
    published = [await world.publish(to="inm-chp") for _ in range(3)]
    await run_all(world)
    assert (receiver.consents, receiver.got) == ([], [])
    await prove(world)
    await run_all(world)
    assert [each["id"] for each in receiver.events()] == published
    assert [each["sequence"] for each in receiver.events()] == [1, 2, 3]


async def test_a_new_address_gets_nothing_until_it_is_proven_and_then_everything_in_order(
    world: World, hook: tuple[Hook, str]
) -> None:
    old, url = hook
    made = await register(world, url)
    await prove(world)
    first = await world.publish(to="inm-chp")
    await run_all(world)
    new = Hook(welcome="*")
    async with server(new.handle) as moved:
        await change(world, made["id"], {"url": moved})
        later = [await world.publish(to="inm-chp") for _ in range(3)]
        await run_all(world)
        assert new.got == []
        assert await prove(world) == 1
        await run_all(world)
    assert [each["id"] for each in old.events()] == [first]
    assert [each["id"] for each in new.events()] == later
    assert [each["sequence"] for each in new.events()] == [2, 3, 4]


async def test_what_was_parked_is_owed_again_once_a_gone_endpoint_is_proven_anew(
    world: World, hook: tuple[Hook, str]
) -> None:
    receiver, url = hook
    made = await register(world, url)
    await prove(world)
    published = [await world.publish(to="inm-chp") for _ in range(2)]
    with clock.at(clock.now()):
        await run_dry(world, Post(lambda _: Outcome.GONE))
    await act(world, made["id"], "resume")
    await run_all(world)
    assert receiver.events() == []
    assert await prove(world) == 1
    await run_all(world)
    assert [each["id"] for each in receiver.events()] == published


@pytest.mark.parametrize("meanwhile", ["another address", "paused", "removed", "paused and resumed"])
async def test_the_answer_of_an_address_that_was_changed_meanwhile_proves_nothing(
    world: World, hook: tuple[Hook, str], meanwhile: str
) -> None:
    receiver, url = hook
    made = await register(world, url)

    async def act_now() -> None:
        if meanwhile == "another address":
            await change(world, made["id"], {"url": NOWHERE})
        elif meanwhile == "removed":
            assert (await call(world, "DELETE", f"{PATH}/{made['id']}")).status_code == 204
        else:
            await act(world, made["id"], "pause")
        if meanwhile == "paused and resumed":
            await act(world, made["id"], "resume")

    receiver.before_answer = act_now
    assert await prove(world) == 1
    kept = await world.endpoint(made["id"])
    states = {"paused": EndpointState.PAUSED, "removed": EndpointState.REMOVED}
    assert (kept.state, kept.proof_attempts) == (states.get(meanwhile, EndpointState.PENDING), 0)


# -- what is on its way while its endpoint changes -------------------------------------------------


class Slow(Post):
    """Holds its first answer back until it is told to let it go."""

    def __init__(self, outcome: Outcome = Outcome.DELIVERED) -> None:
        super().__init__(lambda _: outcome)
        self.leaving, self.answered = asyncio.Event(), asyncio.Event()

    async def send(self, parcel: Parcel) -> Result:
        self.leaving.set()
        await self.answered.wait()
        return await super().send(parcel)


async def in_flight(world: World, url: str, slow: Slow) -> tuple[str, list[str], Any]:
    """Prove an endpoint, owe it two events of a case, and let the first be on its way."""
    made = await register(world, url)
    await prove(world)
    published = [await world.publish(to="inm-chp") for _ in range(2)]
    worker = world.deliverer(slow)
    assert await worker.turn() == 1
    await slow.leaving.wait()
    return made["id"], published, worker


async def land(slow: Slow, worker: Any) -> None:
    slow.answered.set()
    await worker.drain()


@pytest.mark.hard_case(35)
async def test_what_is_on_its_way_to_an_old_address_arrives_there_and_the_next_goes_to_the_new_one(
    world: World, hook: tuple[Hook, str]
) -> None:
    slow, new = Slow(), Hook()
    endpoint_id, published, worker = await in_flight(world, hook[1], slow)
    async with server(new.handle) as moved:
        await change(world, endpoint_id, {"url": moved})
        await land(slow, worker)
        assert [parcel.url for parcel in slow.sent] == [hook[1]]
        assert await world.states() == [DeliveryState.DELIVERED, DeliveryState.PENDING]
        await run_all(world)
        assert new.got == []
        await prove(world)
        await run_all(world)
    assert [each["id"] for each in new.events()] == published[1:]


@pytest.mark.hard_case(35)
async def test_what_is_on_its_way_to_a_removed_endpoint_arrives_and_nothing_after_it(
    world: World, hook: tuple[Hook, str]
) -> None:
    slow = Slow()
    endpoint_id, published, worker = await in_flight(world, hook[1], slow)
    assert (await call(world, "DELETE", f"{PATH}/{endpoint_id}")).status_code == 204
    await land(slow, worker)
    assert await world.states() == [DeliveryState.DELIVERED, DeliveryState.PENDING]
    await run_all(world)
    assert (slow.ids(), hook[0].events()) == (published[:1], [])


@pytest.mark.hard_case(35)
@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.FAILED])
async def test_a_bad_answer_of_an_old_address_says_nothing_of_the_new_one(
    world: World, hook: tuple[Hook, str], outcome: Outcome
) -> None:
    slow, new = Slow(outcome), Hook()
    endpoint_id, published, worker = await in_flight(world, hook[1], slow)
    async with server(new.handle) as moved:
        await change(world, endpoint_id, {"url": moved})
        await land(slow, worker)
        assert (await read(world, endpoint_id))["state"] == "pending"
        await prove(world)
        await run_all(world)
    assert [each["id"] for each in new.events()] == published


@pytest.mark.hard_case(35)
@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.FAILED])
async def test_a_bad_answer_does_not_bring_a_removed_endpoint_back(
    world: World, hook: tuple[Hook, str], outcome: Outcome
) -> None:
    slow = Slow(outcome)
    endpoint_id, _, worker = await in_flight(world, hook[1], slow)
    assert (await call(world, "DELETE", f"{PATH}/{endpoint_id}")).status_code == 204
    await land(slow, worker)
    assert (await world.endpoint(endpoint_id)).state is EndpointState.REMOVED
