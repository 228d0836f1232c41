"""Two writers: whoever commits later comes later in the case, and nobody is skipped."""

import asyncio

import pytest

from shared import clock
from shared.delivery import service
from shared.delivery.rules import DeliveryState
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import World


async def publish(world: World, case: str, written: asyncio.Event, may_commit: asyncio.Event) -> str:
    async with world.database.work() as session:
        fact = await service.publish(session, "memo.written", case=case, subject="mem_1", audience=["pp"], data={})
        await session.flush()
        written.set()
        await may_commit.wait()
    return fact.id


@pytest.mark.hard_case(11)
async def test_the_second_writer_of_a_case_waits_for_the_first_and_gets_the_next_number(world: World) -> None:
    await world.owner("pp", "http://a")
    first_wrote, second_wrote, go, at_once = (asyncio.Event() for _ in range(4))
    at_once.set()
    first = asyncio.create_task(publish(world, "cas_1", first_wrote, go))
    await first_wrote.wait()
    second = asyncio.create_task(publish(world, "cas_1", second_wrote, at_once))
    done, _ = await asyncio.wait([second], timeout=0.2)
    assert not done
    go.set()
    published = [await first, await second]
    assert [row.case_seq for row in await world.deliveries()] == [1, 2]
    post = Post()
    with clock.at(clock.now()):
        await run_dry(world, post)
    assert (post.ids(), post.sequences()) == (published, [1, 2])


@pytest.mark.hard_case(11)
@pytest.mark.parametrize("database_kind", ["postgresql"])  # on SQLite writers follow each other anyway
async def test_who_began_earlier_and_commits_later_is_not_skipped(world: World) -> None:
    await world.owner("pp", "http://a")
    wrote, go, other_wrote, at_once = (asyncio.Event() for _ in range(4))
    at_once.set()
    early = asyncio.create_task(publish(world, "cas_1", wrote, go))
    await wrote.wait()
    late = await publish(world, "cas_2", other_wrote, at_once)
    post = Post()
    with clock.at(clock.now()):
        await run_dry(world, post)
    assert post.ids() == [late]
    go.set()
    begun_earlier = await early
    with clock.at(clock.now()):
        await run_dry(world, post)
    assert post.ids() == [late, begun_earlier]
    assert set(await world.states()) == {DeliveryState.DELIVERED}
