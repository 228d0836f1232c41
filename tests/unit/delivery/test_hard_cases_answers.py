"""Receivers that fail for days, ask for patience, hang, or cannot be found, and a way out that is down."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sandbox.ports import free_ports
from shared import clock
from shared.delivery import chains, rules, upkeep
from shared.delivery.models import Alarm, Endpoint, Event
from shared.delivery.parcels import Parcel, Result
from shared.delivery.rules import AlarmKind, Breaker, Chain, DeliveryState, Outcome, Step, StepKind
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import Receiver, World

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta(seconds=0.5)
"""Two readings of two clocks: the worker's and PostgreSQL's."""
DELIVERED, PENDING = DeliveryState.DELIVERED, DeliveryState.PENDING


def deliverer(world: World, post: Post, chain: Mapping[str, Chain]) -> Deliverer:
    lease = timedelta(seconds=30)
    return Deliverer(world.database, world.runtime.vault, post, lease=lease, chains=chain)  # type: ignore[arg-type]


async def open_alarms(world: World) -> list[AlarmKind]:
    async with world.database.work(write=False) as session:
        found = await session.exec(select(Alarm).where(col(Alarm.cleared_at).is_(None)).order_by(col(Alarm.kind)))
        return [alarm.kind for alarm in found.all()]


async def standing(world: World, endpoint_id: str) -> tuple[Endpoint, Breaker]:
    endpoint = await world.endpoint(endpoint_id)
    return endpoint, rules.breaker(rules.Standing(endpoint.failures, endpoint.pace, endpoint.hold_until))


# -- 24: 500 for three days ----------------------------------------------------------------------------

CHAIN: Chain = (
    Step(HOUR, StepKind.REMIND),
    Step(24 * HOUR, StepKind.ESCALATE),
    Step(48 * HOUR, StepKind.PERSON),
)


async def next_moment(world: World) -> datetime:
    """When the queue or a chain has something to do next."""
    async with world.database.work(write=False) as session:
        endpoints = (await session.exec(select(Endpoint))).all()
    owed = await world.deliveries()
    moments = [each.due_at for each in owed if each.state is PENDING]
    moments += [each.next_step_at for each in owed if each.next_step_at is not None]
    moments += [each.hold_until for each in endpoints if each.hold_until is not None]
    return min(each for each in moments if each > clock.now())


@pytest.mark.hard_case(24)
async def test_five_hundred_for_three_days_and_everything_arrives_in_order_when_it_is_over(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    tried: list[datetime] = []
    escalated: list[datetime] = []
    back = NOON + timedelta(days=3)

    def answer(_: Parcel) -> Outcome:
        tried.append(clock.now())
        return Outcome.FAILED if clock.now() < back else Outcome.DELIVERED

    async def escalate(_: AsyncSession, fact: Event, receiver: Endpoint) -> None:
        assert (fact.id, receiver.id) == (published[0], endpoint)
        escalated.append(clock.now())

    post = Post(answer)
    worker = deliverer(world, post, {"memo.written": CHAIN})
    with clock.at(NOON):
        published = [await world.publish() for _ in range(3)]
        while True:
            while await worker.turn():
                await worker.drain()
            await chains.step(world.database, worker.queue.chains, escalate)
            if set(await world.states()) == {DELIVERED}:
                break
            clock.advance(await next_moment(world) - clock.now())
    assert post.ids() == [published[0]] * (len(tried) - 2) + published[1:]
    assert post.sequences() == [1] * (len(tried) - 2) + [2, 3]
    waits = [later - earlier for earlier, later in pairwise(tried[:-2])]
    for wait, step in zip(waits, [*rules.SCHEDULE, *[rules.SCHEDULE[-1]] * len(waits)], strict=False):
        assert step * 0.8 <= wait <= step * 1.2
    assert 60 < len(waits) < 100
    assert len(escalated) == 1
    assert escalated[0] - NOON - 24 * HOUR < MOMENT
    async with world.database.work(write=False) as session:
        (alarm,) = (await session.exec(select(Alarm).where(Alarm.kind == AlarmKind.UNACKNOWLEDGED))).all()
    assert alarm.raised_at - NOON - 48 * HOUR < MOMENT
    assert await world.count("event") == 3  # what was never received is reminded of by nobody


# -- 25: 429 with every kind of Retry-After ------------------------------------------------------------


@pytest.mark.hard_case(25)
@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("0", 4, 6),  # our own first step is longer
        ("90", 90, 90),
        (format_datetime(NOON + timedelta(minutes=10), usegmt=True), 600, 600),
        (format_datetime(NOON - timedelta(days=1), usegmt=True), 4, 6),
        ("1000000000", 3600, 3600),
        ("soon, I hope", 4, 6),
    ],
)
async def test_a_receiver_may_ask_for_an_hour_and_no_more(
    world: World, receiver: tuple[Receiver, str], value: str, least: float, most: float
) -> None:
    partner, url = receiver
    partner.status, partner.headers = 429, {"retry-after": value}
    endpoint = await world.owner("pp", url)
    with clock.at(NOON):
        await world.publish()
        assert await world.turn() == 1
    (waiting,) = await world.deliveries()
    assert timedelta(seconds=least) <= waiting.due_at - NOON <= timedelta(seconds=most) + MOMENT
    stands, breaker = await standing(world, endpoint)
    assert (stands.failures, breaker) == (1, Breaker.PROBING)
    assert stands.hold_until is None or stands.hold_until - NOON <= rules.LONGEST_RETRY_AFTER + MOMENT
    assert waiting.last_status == 429


@pytest.mark.hard_case(25)
async def test_patience_that_a_receiver_asks_for_delays_no_escalation(world: World) -> None:
    await world.owner("pp", "http://a")
    post = Post(lambda _: Result(Outcome.BUSY, 429, retry_after=HOUR))
    steps = {"memo.written": (Step(timedelta(minutes=10), StepKind.PERSON),)}
    with clock.at(NOON):
        await world.publish()
        worker = deliverer(world, post, steps)
        await worker.turn()
        await worker.drain()
        clock.advance(timedelta(minutes=10) + MOMENT)
        assert await worker.turn() == 0  # it waits as it was asked to
        assert await chains.step(world.database, steps, None) == 1
    assert await open_alarms(world) == [AlarmKind.UNACKNOWLEDGED]


# -- 27, 28: what a repetition alone will hardly mend --------------------------------------------------


@pytest.mark.hard_case(27)
@pytest.mark.parametrize("status", [401, 404])
async def test_a_wrong_address_is_told_at_once_tried_slowly_and_cleared_by_success(
    world: World, receiver: tuple[Receiver, str], status: int
) -> None:
    partner, url = receiver
    partner.status = status
    await world.owner("pp", url)
    with clock.at(NOON):
        await world.publish()
        await world.turn()
        assert await open_alarms(world) == [AlarmKind.MISCONFIGURED]
        waits = []
        for _ in range(6):
            (waiting,) = await world.deliveries()
            waits.append(waiting.due_at - clock.now())
            clock.advance(waits[-1] + MOMENT)
            assert await world.turn() == 1
        for wait, step in zip(waits, rules.SCHEDULE, strict=True):
            assert step * 0.8 <= wait + MOMENT
            assert wait <= step * 1.2
        assert await world.count("endpoint_alarm") == 1  # told once
        partner.status = 204
        clock.advance(timedelta(hours=2))
        await world.turn()
    assert (await world.states(), await open_alarms(world)) == ([DELIVERED], [])


@pytest.mark.hard_case(28)
@pytest.mark.parametrize(
    ("outcome", "alarms"), [(Outcome.UNREACHABLE, []), (Outcome.UNKNOWN_NAME, [AlarmKind.UNKNOWN_NAME])]
)
async def test_a_name_that_fails_is_tried_again_and_one_that_does_not_exist_is_told(
    world: World, outcome: Outcome, alarms: list[AlarmKind]
) -> None:
    await world.owner("pp", "http://a")
    post = Post(lambda _: outcome)
    with clock.at(NOON):
        published = await world.publish()
        await run_dry(world, post, turns=1)
        assert await open_alarms(world) == alarms
        (waiting,) = await world.deliveries()
        assert (waiting.state, waiting.attempts) == (PENDING, 1)
        post.answer = lambda _: Outcome.DELIVERED
        clock.advance(timedelta(seconds=6))
        await run_dry(world, post)
    assert (post.ids(), await world.states(), await open_alarms(world)) == ([published] * 2, [DELIVERED], [])


# -- 29: our own way out -------------------------------------------------------------------------------


@asynccontextmanager
async def without_a_way_out() -> AsyncIterator[Sender]:
    sender = Sender(timeout=1, allow_loopback=True, proxy=f"http://127.0.0.1:{free_ports(1)}")
    yield sender
    await sender.close()


@pytest.mark.hard_case(29)
async def test_our_own_way_out_being_down_is_charged_to_nobody(world: World, receiver: tuple[Receiver, str]) -> None:
    partner, url = receiver
    endpoint = await world.owner("pp", url)
    with clock.at(NOON):
        published = await world.publish()
        async with without_a_way_out() as sender:
            for _ in range(2 * rules.OPEN_AFTER):
                assert await world.turn(sender=sender) == 1
                clock.advance(rules.GATE_WAIT + MOMENT)
        (waiting,) = await world.deliveries()
        stands, breaker = await standing(world, endpoint)
        assert (waiting.attempts, waiting.last_outcome) == (0, "proxy_down")
        assert (stands.failures, breaker, stands.hold_until) == (0, Breaker.CLOSED, None)
        assert (partner.got, await open_alarms(world)) == ([], [])
        assert await world.turn() == 1
    assert (partner.event_ids(), await world.states()) == ([published], [DELIVERED])


# -- 31: it comes back ---------------------------------------------------------------------------------


@pytest.mark.hard_case(31)
async def test_a_receiver_that_comes_back_is_met_by_one_then_two_then_four(world: World) -> None:
    endpoint = await world.owner("pp", "http://a", cap=4)
    post = Post(lambda _: Outcome.TIMEOUT)
    with clock.at(NOON):
        published = [await world.publish(f"cas_{n}") for n in range(20)]
        await run_dry(world, post, turns=3, seconds=0)
        stands, breaker = await standing(world, endpoint)
        assert (breaker, len(post.sent)) == (Breaker.OPEN, 5)  # four at once, then one
        assert stands.hold_until is not None
        post.answer = lambda _: Outcome.DELIVERED
        worker = world.deliverer(post)
        assert await worker.turn() == 0  # held back
        clock.advance(stands.hold_until - clock.now() + MOMENT)
        sizes = []
        for _ in range(7):
            sizes.append(await worker.turn())
            await worker.drain()
    assert sizes == [1, 2, 4, 4, 4, 4, 1]  # those that waited for their repetition were hurried, too
    assert sorted(post.ids()[5:]) == sorted(published)
    assert set(await world.states()) == {DELIVERED}


@pytest.mark.hard_case(31)
async def test_a_probe_that_fails_is_one_and_puts_the_next_one_off(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    post = Post(lambda _: Outcome.FAILED)
    with clock.at(NOON):
        for n in range(20):
            await world.publish(f"cas_{n}")
        await run_dry(world, post, turns=3, seconds=0)
        waits = []
        for _ in range(4):
            stands, _ = await standing(world, endpoint)
            assert stands.hold_until is not None
            waits.append(stands.hold_until - clock.now())
            clock.advance(waits[-1] + MOMENT)
            assert await world.turn(sender=post) == 1
    for wait, step in zip(waits, rules.SCHEDULE, strict=False):
        assert step * 0.8 <= wait + MOMENT
        assert wait <= step * 1.2
    assert json.loads(post.sent[-1].body)["sequence"] == 1


@pytest.mark.hard_case(13)
async def test_a_receiver_that_never_answers_counts_as_failing(world: World) -> None:
    """The breaker's part; tests/delivery shows the sockets, and that nobody else waits."""
    endpoint = await world.owner("pp", "http://a")
    post = Post(lambda _: Outcome.TIMEOUT)
    with clock.at(NOON):
        for n in range(rules.OPEN_AFTER):
            await world.publish(f"cas_{n}")
        await run_dry(world, post, turns=3, seconds=0)
        async with world.database.work(write=False) as session:
            await upkeep.measure(session, clock.now())
    assert (await standing(world, endpoint))[1] is Breaker.OPEN
