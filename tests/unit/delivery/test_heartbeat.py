"""Who has had nothing for a while hears that all is well, and how many events it should have."""

import json
from datetime import timedelta

from prometheus_client import REGISTRY
from sqlmodel import select

from shared import clock
from shared.delivery import chains
from shared.delivery.models import Event
from shared.delivery.rules import EndpointState, Outcome
from shared.delivery.upkeep import Upkeep
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import World

QUIET = timedelta(minutes=10)


async def heartbeats(world: World) -> list[int]:
    async with world.database.work(write=False) as session:
        found = (await session.exec(select(Event).where(Event.type == chains.HEARTBEAT).order_by(Event.id))).all()
    return [fact.data["delivered"] for fact in found]


async def endpoint(world: World, **more: object) -> str:
    return await world.owner("pp", "http://a", heartbeat_seconds=600, heartbeat_at=clock.now() + QUIET, **more)


async def test_a_quiet_endpoint_hears_how_many_events_it_has_answered(world: World) -> None:
    with clock.at(clock.now()):
        await endpoint(world)
        await world.publish()
        post = Post()
        await run_dry(world, post)
        for _ in range(3):
            clock.advance(QUIET)
            await chains.beat(world.database)
            await run_dry(world, post)
        assert await heartbeats(world) == [1, 2, 3]
        assert [json.loads(parcel.body)["type"] for parcel in post.sent][1:] == [chains.HEARTBEAT] * 3


async def test_who_has_just_had_an_event_needs_no_heartbeat(world: World) -> None:
    with clock.at(clock.now()):
        await endpoint(world)
        clock.advance(QUIET - timedelta(seconds=30))
        await world.publish()
        await run_dry(world, Post())
        clock.advance(timedelta(minutes=1))
        await chains.beat(world.database)
        assert await heartbeats(world) == []
        clock.advance(QUIET)
        await chains.beat(world.database)
        assert await heartbeats(world) == [1]


async def test_a_heartbeat_that_nobody_took_is_not_followed_by_another(world: World) -> None:
    with clock.at(clock.now()):
        await endpoint(world)
        for _ in range(4):
            clock.advance(QUIET)
            await chains.beat(world.database)
            await run_dry(world, Post(lambda _: Outcome.TIMEOUT), turns=1)
        assert await heartbeats(world) == [0]


async def test_a_paused_endpoint_and_one_that_asked_for_none_get_none(world: World) -> None:
    with clock.at(clock.now()):
        await endpoint(world, state=EndpointState.PAUSED)
        await world.owner("dif", "http://b")
        clock.advance(10 * QUIET)
        await chains.beat(world.database)
        assert await heartbeats(world) == []


async def test_the_gauges_say_how_delivery_fares(world: World) -> None:
    def gauge(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"ruta_delivery_{name}", labels)

    with clock.at(clock.now()):
        await world.owner("pp", "http://well")
        await world.owner("dif", "http://gone")
        for number in range(3):
            await world.publish(f"cas_{number}", to="dif")
        gone = Post(lambda _: Outcome.GONE)
        await run_dry(world, gone, turns=1)
        await world.publish("cas_9")
        await world.publish("cas_10", gate="rel_1")
        clock.advance(timedelta(seconds=90))
        await Upkeep(world.database, timedelta(days=1)).turn()
        assert gauge("owed", state="parked") == len(gone.sent)
        assert gauge("owed", state="pending") == 3 - len(gone.sent) + 1  # what a gate withholds counts nowhere
        assert (gauge("oldest_due_seconds") or 0) >= 90
        assert gauge("open_alarms", kind="gone") == 1
        await run_dry(world, Post())
        await Upkeep(world.database, timedelta(days=1)).turn()
        assert gauge("oldest_due_seconds") == 0
