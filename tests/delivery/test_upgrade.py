"""An upgrade that rolls out: 0.1.0 still runs beside this version, on this version's schema."""

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from shared import clock
from shared.delivery import signing
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from tests.delivery import release_0_1_0 as old
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import SECRET, World

DELIVERED, PENDING = DeliveryState.DELIVERED, DeliveryState.PENDING


async def register(world: World, owner: str, url: str) -> str:
    return await old.register(world.database, world.runtime.vault, owner, url, SECRET)


async def publish(world: World, case: str = "cas_1", owner: str = "pp") -> str:
    return await old.publish(world.database, case, owner)


def worker_of_old(world: World, post: Post) -> old.Worker:
    return old.Worker(world.database, world.runtime.vault, post)


@pytest.mark.hard_case(43)
async def test_what_0_1_0_has_written_is_delivered(world: World) -> None:
    endpoint = await register(world, "pp", "http://a")
    published = [await publish(world, case) for case in ("cas_1", "cas_1", "cas_2")]
    published.append(await world.publish("cas_1"))  # they share the counter of a case
    post = Post()
    with clock.at(clock.now() + timedelta(seconds=1)):
        await run_dry(world, post)
        assert {signing.verify(each.headers, each.body, [SECRET]) for each in post.sent} == set(published)
    assert [each for each in post.ids() if each != published[2]] == [published[0], published[1], published[3]]
    assert sorted(post.sequences()) == [1, 1, 2, 3]
    assert set(await world.states()) == {DELIVERED}
    stands = await world.endpoint(endpoint)
    assert (stands.position, stands.delivered, stands.failures, stands.epoch) == (4, 4, 0, 1)


@pytest.mark.hard_case(43)
async def test_what_0_1_0_has_sent_in_vain_is_sent_again_to_the_byte_and_gets_its_place(world: World) -> None:
    await register(world, "pp", "http://a")
    first, second = await publish(world), await publish(world)
    post = Post(lambda _: Outcome.FAILED)
    with clock.at(clock.now() + timedelta(seconds=1)):
        assert await worker_of_old(world, post).turn() == 1
        post.answer = lambda _: Outcome.DELIVERED
        clock.advance(timedelta(seconds=6))
        await run_dry(world, post)
    assert post.ids() == [first, first, second]
    assert post.sent[0].body == post.sent[1].body
    assert post.sequences() == [1, 1, 2]
    assert [(each.position, each.first_sent_at is not None) for each in await world.deliveries()] == [
        (1, True),
        (2, True),
    ]


@pytest.mark.hard_case(43)
async def test_a_lease_of_0_1_0_that_ended_is_taken_over_and_its_result_comes_too_late(world: World) -> None:
    await register(world, "pp", "http://a")
    published = await publish(world)
    with clock.at(clock.now() + timedelta(seconds=1)):
        gone = worker_of_old(world, Post())
        ((delivery_id, token),) = await gone.claim()
        parcel = await gone.open(delivery_id, token)
        assert parcel is not None
        post = Post(lambda _: Outcome.REFUSED)
        assert await world.turn(sender=post) == 0  # it holds
        clock.advance(timedelta(seconds=31))
        assert await world.turn(sender=post) == 1
        await gone.complete(parcel, Outcome.DELIVERED)
    assert (post.ids(), post.sent[0].body) == ([published], parcel.body)
    (waiting,) = await world.deliveries()
    assert (waiting.state, waiting.attempts) == (PENDING, 2)


@pytest.mark.hard_case(43)
async def test_both_versions_side_by_side_send_everything_once_and_in_order(world: World) -> None:
    for url in ("http://a", "http://b"):
        await register(world, "pp", url)
    await world.owner("pp", "http://c")
    published = [await (publish(world, f"cas_{n % 3}") if n % 2 else world.publish(f"cas_{n % 3}")) for n in range(12)]
    post = Post()
    before, after = worker_of_old(world, post), world.deliverer(post)
    with clock.at(clock.now() + timedelta(seconds=1)):
        while set(await world.states()) != {DELIVERED}:
            await asyncio.gather(before.turn(), after.turn())
            await after.drain()
            clock.advance(timedelta(seconds=1))
    assert Counter(post.ids()) == dict.fromkeys(published, 3)
    seen: dict[tuple[str, str], list[int]] = defaultdict(list)
    cases = {each.id: each.case_key for each in await world.deliveries()}
    for parcel, sequence in zip(post.sent, post.sequences(), strict=True):
        seen[parcel.url, cases[parcel.delivery_id]].append(sequence)
    assert list(seen.values()) == [[1, 2, 3, 4]] * 9


@pytest.mark.hard_case(43)
async def test_0_1_0_leaves_alone_what_it_does_not_know(world: World) -> None:
    post = Post()
    for state in (EndpointState.PENDING, EndpointState.PAUSED, EndpointState.GONE, EndpointState.REMOVED):
        await world.change_endpoint(await world.owner("pp", f"http://{state}"), state=state)
    await world.publish()
    with clock.at(clock.now() + timedelta(seconds=1)):
        assert await worker_of_old(world, post).turn() == 0
    assert set(await world.states()) == {PENDING}
