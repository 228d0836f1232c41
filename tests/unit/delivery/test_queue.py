"""What is owed arrives: leases, order per case, one dead endpoint slows nobody, nothing lost in between."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import col, select, text

from shared import clock
from shared.db import run
from shared.delivery import service, store
from shared.delivery.models import Attempt, Endpoint
from shared.delivery.parcels import Parcel, Permit, Result, Verdict
from shared.delivery.queue import Queue
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.errors import Conflict
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import SECRET, World

DELIVERED, PENDING, PARKED = DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.PARKED
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
LEASE = timedelta(seconds=30)


def queue_of(world: World, *, gated: bool = False) -> Queue:
    return Queue(world.runtime.vault, LEASE, gated=gated)


async def test_an_event_and_what_is_owed_share_the_transaction_of_the_fact(world: World) -> None:
    await world.owner("pp", "http://a")

    async def refuse() -> None:
        async with world.database.work() as session:
            await service.publish(session, "a.b", case="cas_1", subject="s", audience=["pp"], data={})
            raise Conflict

    with pytest.raises(Conflict):
        await refuse()
    assert await world.count("event") == await world.count("delivery") == 0
    await world.publish()
    assert [(each.case_seq, each.state) for each in await world.deliveries()] == [(1, PENDING)]


async def test_only_the_audience_is_owed_and_only_what_it_wants(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.owner("pp", "http://b")
    await world.owner("dif", "http://c")
    async with world.database.work() as session:
        picky = (await session.exec(select(Endpoint).where(Endpoint.url == "http://b"))).one()
        picky.event_types = ["other.type"]
    await world.publish(to="pp")
    assert await world.count("delivery") == 1


async def test_rivals_number_the_events_of_a_case_without_gap(world: World) -> None:
    await world.owner("pp", "http://a")
    await asyncio.gather(*(world.publish(case) for case in ("cas_1", "cas_2") for _ in range(8)))
    numbers = sorted((each.case_key, each.case_seq) for each in await world.deliveries())
    assert numbers == [(case, n) for case in ("cas_1", "cas_2") for n in range(1, 9)]


@pytest.mark.hard_case(4)
async def test_two_workers_deliver_each_event_once_and_every_case_in_order(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.owner("pp", "http://b")
    published = [await world.publish(f"cas_{n % 3}") for n in range(12)]
    one, other = Post(), Post()
    other.sent = one.sent
    with clock.at(clock.now() + timedelta(seconds=1)):
        await run_dry(world, one, other)
    assert Counter(one.ids()) == dict.fromkeys(published, 2)
    assert set(await world.states()) == {DELIVERED}
    owed = {each.id: each for each in await world.deliveries()}
    lanes: dict[tuple[str, str], list[int]] = {}
    for parcel, sequence in zip(one.sent, one.sequences(), strict=True):
        each = owed[parcel.delivery_id]
        assert sequence == each.case_seq
        lanes.setdefault((each.endpoint_id, each.case_key), []).append(sequence)
    assert list(lanes.values()) == [[1, 2, 3, 4]] * 6


async def test_a_poison_case_holds_back_itself_only(world: World) -> None:
    await world.owner("pp", "http://a")
    poison = [await world.publish("cas_bad") for _ in range(3)]
    good = [await world.publish("cas_good") for _ in range(3)]
    post = Post(lambda parcel: Outcome.REFUSED if parcel.headers["webhook-id"] in poison else Outcome.DELIVERED)
    with clock.at(clock.now()):
        await run_dry(world, post, turns=12)
    assert [name for name in post.ids() if name in good] == good
    assert set(post.ids()) == {poison[0], *good}
    assert sorted(Counter(await world.states()).values()) == [3, 3]


async def test_a_dead_endpoint_slows_nobody(world: World) -> None:
    await world.owner("pp", "http://dead")
    for n in range(30):
        await world.publish(f"cas_{n}")
    await world.owner("pp", "http://well")
    published = [await world.publish(f"cas_{n}") for n in range(30)]
    stuck = asyncio.Event()

    class Hanging(Post):
        async def send(self, parcel: Parcel) -> Result:
            if parcel.url == "http://dead":
                self.sent.append(parcel)
                await stuck.wait()
                return Result(Outcome.TIMEOUT)
            return await super().send(parcel)

    post = Hanging()
    worker = world.deliverer(post)
    with clock.at(clock.now()):
        for _ in range(60):
            await worker.turn()
            while len(worker._tasks) > 4:
                await asyncio.sleep(0.001)
            if len(post.ids("http://well")) == 30:
                break
        assert sorted(post.ids("http://well")) == sorted(published)
        assert len(post.ids("http://dead")) == 4  # its cap
        stuck.set()
        await worker.drain()
        clock.advance(timedelta(minutes=1))
        assert await worker.turn() == 1  # one probe at a time, after a failure
        await worker.drain()


@ONE
async def test_lanes_that_are_full_do_not_stay_the_first_to_be_looked_at(world: World) -> None:
    for n in range(3):
        await world.owner("pp", f"http://full{n}")
    for n in range(5):
        await world.publish(f"cas_{n}")
    queue = queue_of(world)
    with clock.at(clock.now() + timedelta(seconds=1)):
        async with world.database.work() as session:
            assert len(await queue.claim(session, 64)) == 12  # all full, and one more is owed to each
        await world.owner("dif", "http://well")
        await world.publish("cas_x", to="dif")
        taken = []
        for _ in range(3):
            clock.advance(timedelta(seconds=1))
            async with world.database.work() as session:
                taken += (await queue.claim(session, 2)).parcels
    assert [parcel.url for parcel in taken] == ["http://well"]


@pytest.mark.hard_case(5)
async def test_an_expired_lease_is_taken_over_and_the_stale_worker_changes_nothing(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish()
    quick, queue = Post(lambda _: Outcome.REFUSED), queue_of(world)
    with clock.at(clock.now()):
        async with world.database.work() as session:
            (parcel,) = (await queue.claim(session, 64)).parcels
        assert await world.deliverer(quick).turn() == 0  # the lease holds
        clock.advance(timedelta(seconds=31))
        await run_dry(world, quick, turns=1)
        before = (await world.deliveries())[0]
        async with world.database.work() as session:
            await queue.complete(session, [(parcel, Result(Outcome.DELIVERED, 200))])
        assert (await world.deliveries())[0] == before
    assert (before.state, before.attempts) == (PENDING, 2)
    assert [parcel.headers["webhook-id"], parcel.body] == [quick.ids()[0], quick.sent[0].body]  # one id, one body
    async with world.database.work(write=False) as session:
        outcomes = (await session.exec(select(Attempt.outcome).order_by(col(Attempt.id)))).all()
    assert sorted(outcomes, key=str) == ["delivered", "refused"]


@pytest.mark.hard_case(5)
async def test_a_stale_worker_opens_and_withholds_nothing(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    slow, quick = queue_of(world, gated=True), queue_of(world, gated=True)
    with clock.at(clock.now()):
        async with world.database.work() as session:
            (lost,) = (await slow.claim(session, 64)).asked
        clock.advance(timedelta(seconds=31))
        async with world.database.work() as session:
            (held,) = (await quick.claim(session, 64)).asked
        before = await world.deliveries()
        async with world.database.work() as session:
            assert await slow.open(session, lost, Permit(Verdict.OPEN)) is None
            await slow.withhold(session, lost, Verdict.CLOSED)
            await slow.release(session, [lost])
        assert await world.deliveries() == before
        async with world.database.work() as session:
            assert await quick.open(session, held, Permit(Verdict.OPEN)) is not None


async def test_a_failure_waits_and_the_next_of_the_case_waits_with_it(world: World) -> None:
    await world.owner("pp", "http://a")
    published = [await world.publish(), await world.publish()]
    answers = iter([Outcome.REFUSED, Outcome.TIMEOUT, Outcome.DELIVERED, Outcome.DELIVERED])
    post = Post(lambda _: next(answers))
    with clock.at(clock.now()):
        assert await world.turn(sender=post) == 1
        assert await world.turn(sender=post, after=3.9) == 0
        assert await world.turn(sender=post, after=6.1) == 1
        assert await world.turn(sender=post, after=6.1 + 23.9) == 0
        assert await world.turn(sender=post, after=6.1 + 36.1) == 1
        assert await world.turn(sender=post, after=6.1 + 36.1) == 1
    assert post.ids() == [published[0]] * 3 + [published[1]]
    assert post.sequences() == [1, 1, 1, 2]
    assert len({parcel.body for parcel in post.sent[:3]}) == 1


async def test_a_paused_endpoint_keeps_what_it_is_owed(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    await world.change_endpoint(endpoint, state=EndpointState.PAUSED)
    published = [await world.publish() for _ in range(3)]
    post = Post()
    with clock.at(clock.now()):
        await run_dry(world, post)
        assert post.sent == []
        await world.change_endpoint(endpoint, state=EndpointState.ACTIVE)
        await run_dry(world, post)
    assert post.ids() == published


@pytest.mark.hard_case(26)
async def test_an_endpoint_that_is_gone_is_parked_and_gets_everything_when_it_is_back(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    await world.owner("dif", "http://b")
    published = [await world.publish() for _ in range(3)]
    await world.publish(to="dif")
    post = Post(lambda parcel: Outcome.GONE if parcel.url == "http://a" else Outcome.DELIVERED)
    with clock.at(clock.now()):
        await run_dry(world, post)
        assert sorted(await world.states()) == sorted([PARKED, PENDING, PENDING, DELIVERED])
        assert post.ids("http://a") == published[:1]
        post.answer = lambda _: Outcome.DELIVERED
        await world.change_endpoint(endpoint, state=EndpointState.ACTIVE)
        async with world.database.work() as session:
            await store.unpark(session, endpoint, clock.now())
        await run_dry(world, post)
    assert post.ids("http://a") == [published[0], *published]
    assert set(await world.states()) == {DELIVERED}


async def test_a_key_is_kept_sealed(world: World) -> None:
    await world.owner("pp", "http://a")
    async with world.database.work(write=False) as session:
        (row,) = await run(session, text("SELECT secrets, signing_keys FROM endpoint"))
    assert SECRET.encode() not in bytes(row[0]) + bytes(row[1])
