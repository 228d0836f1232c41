"""Acknowledgements that come early, twice or from somebody else, and escalation that nobody was there for."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock
from shared.delivery import chains, service
from shared.delivery.models import Alarm, Delivery, Endpoint, Event
from shared.delivery.rules import AlarmKind, Chain, DeliveryState, Step, StepKind
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer
from tests.unit.delivery.posts import Post
from tests.unit.shared.world import World, server

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta(seconds=0.5)
CHAIN: Mapping[str, Chain] = {
    "memo.written": (Step(HOUR, StepKind.REMIND), Step(2 * HOUR, StepKind.ESCALATE), Step(3 * HOUR, StepKind.PERSON))
}


class Office:
    """What a service does when a step escalates: it keeps whom it was about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def escalate(self, _: AsyncSession, fact: Event, __: Endpoint) -> None:
        self.asked.append(fact.id)


async def deliver(world: World, sender: object) -> None:
    lease = timedelta(seconds=30)
    worker = Deliverer(world.database, world.runtime.vault, sender, lease=lease, chains=CHAIN)  # type: ignore[arg-type]
    await worker.turn()
    await worker.drain()


async def acknowledge(world: World, owner: str) -> None:
    async with world.database.work() as session:
        await service.acknowledged(session, "mem_1", owner)


async def only(world: World) -> Delivery:
    (found,) = [each for each in await world.deliveries() if each.case_key == "cas_1" and each.case_seq == 1]
    return found


def lateness() -> tuple[float, float]:
    """How many steps have happened in this process so far, and how many seconds late they were together."""
    name = "ruta_delivery_escalation_lateness_seconds"
    return REGISTRY.get_sample_value(f"{name}_count") or 0, REGISTRY.get_sample_value(f"{name}_sum") or 0


# -- 39: acknowledgement -------------------------------------------------------------------------------


@pytest.mark.hard_case(39)
async def test_an_acknowledgement_may_overtake_our_note_of_the_2xx(world: World) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        await acknowledge(world, "pp")  # the receiver's people are faster than its web server
        return web.Response(status=204)

    office = Office()
    with clock.at(NOON):
        async with server(answer) as url:
            await world.owner("pp", url)
            await world.publish()
            sender = Sender(timeout=5, allow_loopback=True)
            await deliver(world, sender)
            await sender.close()
        known = await only(world)
        assert (known.state, known.acknowledged_at, known.next_step_at) == (DeliveryState.DELIVERED, NOON, None)
        clock.advance(5 * HOUR)
        assert await chains.step(world.database, CHAIN, office.escalate) == 0
    assert (office.asked, await world.count("event"), await world.count("endpoint_alarm")) == ([], 1, 0)


@pytest.mark.hard_case(39)
async def test_who_acknowledges_twice_has_acknowledged_once(world: World) -> None:
    await world.owner("pp", "http://a")
    with clock.at(NOON):
        await world.publish()
        await deliver(world, Post())
        await acknowledge(world, "pp")
        before = await only(world)
        clock.advance(HOUR)
        await asyncio.gather(acknowledge(world, "pp"), acknowledge(world, "pp"))
    assert await only(world) == before
    assert before.acknowledged_at == NOON


@pytest.mark.hard_case(39)
async def test_another_owner_acknowledges_nothing_of_ours(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.owner("dif", "http://b")
    with clock.at(NOON):
        await world.publish()
        await deliver(world, Post())
        before = await only(world)
        await acknowledge(world, "dif")
    assert await only(world) == before
    assert before.acknowledged_at is None
    assert before.next_step_at is not None


# -- 40: nobody was there ------------------------------------------------------------------------------


@pytest.mark.hard_case(40)
async def test_a_step_that_was_due_while_no_worker_ran_happens_late_and_once(world: World) -> None:
    await world.owner("pp", "http://a")
    office, post = Office(), Post()
    with clock.at(NOON):
        published = await world.publish()
        await deliver(world, post)
        clock.advance(2 * HOUR + timedelta(minutes=30))  # two steps have been missed
        count, seconds = lateness()
        for _ in range(3):  # each takes one, in its order
            await asyncio.gather(*(chains.step(world.database, CHAIN, office.escalate) for _ in range(2)))
        assert office.asked == [published]
        after_count, after_seconds = lateness()
        assert after_count - count == 2
        assert after_seconds - seconds == pytest.approx((90 + 30) * 60, abs=2)
        await deliver(world, post)
    assert [parcel.event_type for parcel in post.sent] == ["memo.written", "event.reminder"]
    assert (await only(world)).next_step_at is not None  # the last step is on time again


@pytest.mark.hard_case(40)
async def test_a_step_whose_work_breaks_is_tried_again_and_holds_back_no_other(world: World) -> None:
    await world.owner("pp", "http://a")
    broken = True
    done: list[str] = []

    async def escalate(_: AsyncSession, fact: Event, __: Endpoint) -> None:
        if fact.id == published[0] and broken:
            raise LookupError
        done.append(fact.id)

    with clock.at(NOON):
        published = [await world.publish("cas_1"), await world.publish("cas_2")]
        await deliver(world, Post())
        clock.advance(2 * HOUR + MOMENT)
        for _ in range(2):
            await chains.step(world.database, CHAIN, escalate)
        assert done == [published[1]]
        broken = False
        clock.advance(timedelta(minutes=5) + MOMENT)
        await chains.step(world.database, CHAIN, escalate)
    assert done == [published[1], published[0]]


@pytest.mark.hard_case(40)
async def test_a_time_that_a_claim_put_back_makes_no_step_early(world: World) -> None:
    """A claim reads a row, a step happens, the claim writes the row with the time that it had read."""
    await world.owner("pp", "http://a")
    office = Office()
    with clock.at(NOON):
        await world.publish()
        await deliver(world, Post())
        clock.advance(HOUR + MOMENT)
        assert await chains.step(world.database, CHAIN, office.escalate) == 1
        on_time = (await only(world)).next_step_at
        async with world.database.work() as session:
            (await session.exec(select(Delivery).where(Delivery.case_seq == 1))).one().next_step_at = NOON + HOUR
        await chains.step(world.database, CHAIN, office.escalate)
        assert (office.asked, (await only(world)).next_step_at) == ([], on_time)
        clock.advance(2 * HOUR)
        for _ in range(2):
            await chains.step(world.database, CHAIN, office.escalate)
    async with world.database.work(write=False) as session:
        assert (await session.exec(select(Alarm.kind))).all() == [AlarmKind.UNACKNOWLEDGED]
    assert len(office.asked) == 1
