"""What a gate withholds is in no feed; what it has permitted stays there."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from shared import clock
from shared.delivery.events import service, store
from shared.delivery.parcels import Gate, Permit, Verdict
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.errors import Unavailable
from tests.unit.delivery import feed_world
from tests.unit.delivery.feed_world import Door, Feeds, held_time, numbered, numbers, pulling  # noqa: F401  (a fixture)
from tests.unit.delivery.posts import Guard, Post
from tests.unit.shared.world import World

OPEN, WAIT, CLOSED = Verdict.OPEN, Verdict.WAIT, Verdict.CLOSED
PENDING, DELIVERED, CANCELLED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.CANCELLED
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])

publish = partial(feed_world.publish, apart=timedelta(milliseconds=1))


# -- what the gate says ----------------------------------------------------------------------------------


async def test_what_is_permitted_is_read_at_once(world: World) -> None:
    door = Door()
    await pulling(world)
    published = await publish(world, "cas_1", gate="rel_1")
    assert await Feeds(world, door).ids() == list(published)
    assert door.asked == ["rel_1"]


async def test_what_waits_is_asked_about_again_and_then_comes(world: World) -> None:
    door = Door(rel_1=WAIT)
    feeds = Feeds(world, door)
    await pulling(world)
    published = await publish(world, "cas_1", gate="rel_1")
    assert await feeds.ids() == await feeds.ids() == []
    assert door.asked == ["rel_1"]  # and then left alone for two seconds
    (row,) = await world.deliveries()
    assert (row.state, row.position, row.sequence, row.body, row.attempts) == (PENDING, None, None, None, 0)
    door.verdicts["rel_1"] = OPEN
    clock.advance(timedelta(seconds=2))
    assert await feeds.ids() == list(published)


@pytest.mark.hard_case(37)
async def test_a_claim_after_the_rows_exist_leaves_no_gap_and_no_trace(world: World) -> None:
    door = Door(rel_1=WAIT)
    feeds = Feeds(world, door)
    endpoint = await pulling(world)
    await publish(world, "cas_1", gate="rel_1")
    nothing = await feeds.read()
    door.verdicts["rel_1"] = CLOSED  # the child speaks in time
    clock.advance(timedelta(seconds=2))
    assert await feeds.read(after=nothing["next"]) == nothing
    (row,) = await world.deliveries()
    assert (row.state, row.position, row.sequence, row.body, row.first_sent_at) == (CANCELLED, None, None, None, None)
    assert ((await world.endpoint(endpoint)).position, await numbers(world)) == (0, {})
    assert (await feeds.acknowledge(nothing["next"])).json() == {"acknowledged": 0}
    later = await publish(world, "cas_1", gate="rel_2")  # nothing of the case was ever numbered
    feed = await feeds.read(after=nothing["next"])
    assert numbered(feed["items"], later) == {"cas_1": [1]}
    assert (await world.endpoint(endpoint)).position == 1
    door.default = CLOSED
    assert await feeds.ids() == list(later)
    assert door.asked == ["rel_1", "rel_1", "rel_2"]


@ONE
@pytest.mark.parametrize("error", [Unavailable(), LookupError("no such")])
async def test_a_gate_that_breaks_lets_nothing_out(world: World, error: Exception) -> None:
    door = Door()
    door.errors["rel_1"] = error
    feeds = Feeds(world, door)
    await pulling(world)
    await publish(world, "cas_1", gate="rel_1")
    other = await publish(world, "cas_2", gate="rel_2")
    assert await feeds.ids() == list(other)
    assert sorted(await world.states()) == [PENDING, PENDING]


@ONE
async def test_without_a_gate_nothing_gated_is_shown(world: World) -> None:
    await pulling(world)
    await publish(world, "cas_1", gate="rel_1")
    assert await Feeds(world).ids() == []
    assert await world.states() == [PENDING]


async def test_a_permit_must_hold_when_the_answer_leaves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()
    feeds = Feeds(world, door)
    await pulling(world)
    assert await feeds.ids() == []
    published = await publish(world, "cas_1", gate="rel_1")
    with monkeypatch.context() as slow:
        slow.setattr(service, "HELD", 1.0)
        door.life = 0.2
        assert await feeds.ids() == []
    door.life = 0.0  # it has ended when the lock is had
    assert await feeds.ids() == []
    assert await world.states() == [PENDING]
    door.life = 30.0
    assert await feeds.ids() == list(published)


async def test_what_was_opened_stays_readable_when_its_gate_closes(world: World) -> None:
    door = Door()
    feeds = Feeds(world, door)
    await pulling(world)
    published = await publish(world, "cas_1", gate="rel_1")
    first = await feeds.read()
    door.default = CLOSED
    assert await feeds.ids() == list(published)
    assert await world.states() == [PENDING]
    assert (await feeds.acknowledge(first["next"])).json() == {"acknowledged": 1}
    assert await feeds.ids() == list(published)
    assert door.asked == ["rel_1"]


async def test_a_reader_who_dies_before_the_answer_reads_the_same_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door()
    door.life = 60.0
    feeds = Feeds(world, door)
    await pulling(world)
    published = await publish(world, "cas_1", gate="rel_1")
    monkeypatch.setattr(service, "HELD", 30.0)
    dying = asyncio.create_task(feeds.get())
    while (await world.deliveries())[0].position is None:
        await asyncio.sleep(0.01)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    monkeypatch.setattr(service, "HELD", 0.0)
    (item,) = (await feeds.read())["items"]
    assert (item["id"], item["sequence"]) == (*published, 1)


async def test_readers_at_once_open_what_is_permitted_once(world: World) -> None:
    feeds = Feeds(world, Door(rel_closed=CLOSED))
    await pulling(world)
    published = await publish(world, "cas_1", "cas_2", "cas_3", gate="rel_1")
    await publish(world, "cas_4", "cas_5", gate="rel_closed")
    answers = await asyncio.gather(*(feeds.ids() for _ in range(5)))
    assert answers == [list(published)] * 5
    assert sorted(await numbers(world)) == ["cas_1", "cas_2", "cas_3"]
    assert sorted(row.position or 0 for row in await world.deliveries()) == [0, 0, 1, 2, 3]
    assert sorted(await world.states()) == [CANCELLED] * 2 + [PENDING] * 3


async def test_readers_with_different_permits_give_different_places(world: World) -> None:
    everybody = asyncio.Barrier(4)

    def gate_for(mine: str) -> Gate:
        async def gate(release_id: str) -> Permit:
            await everybody.wait()
            return Permit(OPEN if release_id == mine else WAIT)

        return gate

    await pulling(world)
    await publish(world, "cas_1", gate="rel_1")
    await publish(world, "cas_1", "cas_2", gate="rel_2")
    await publish(world, "cas_2", gate="rel_1")
    await asyncio.gather(*(Feeds(world, gate_for(name)).ids() for name in ("rel_1", "rel_2")))
    assert sorted(row.position or 0 for row in await world.deliveries()) == [0, 0, 1, 2]
    assert await numbers(world) == {"cas_1": 1, "cas_2": 1}


async def test_what_a_rival_has_opened_is_not_cancelled(world: World) -> None:
    asked, late = asyncio.Event(), asyncio.Event()

    async def closes(_: str) -> Permit:
        asked.set()
        await late.wait()
        return Permit(CLOSED)

    await pulling(world)
    published = await publish(world, "cas_1", gate="rel_1")
    slow = asyncio.create_task(Feeds(world, closes).ids())
    await asked.wait()
    assert await Feeds(world, Door()).ids() == list(published)
    late.set()
    assert await slow == []  # it opened nothing, so it looked no second time
    assert (await world.states(), await Feeds(world, Door()).ids()) == ([PENDING], list(published))


async def test_an_endpoint_that_is_paused_meanwhile_opens_nothing(world: World) -> None:
    async def gate(_: str) -> Permit:
        await world.change_endpoint(endpoint, state=EndpointState.PAUSED)
        return Permit(OPEN)

    endpoint = await pulling(world)
    await publish(world, "cas_1", gate="rel_1")
    assert await Feeds(world, gate).ids() == []
    door = Door()
    assert await Feeds(world, door).ids() == door.asked == []
    assert [row.position for row in await world.deliveries()] == [None]


# -- only what has room, and no room for what is withheld ------------------------------------------------


async def test_nothing_is_opened_that_this_answer_has_no_room_for(world: World) -> None:
    door = Door()
    feeds = Feeds(world, door)
    await pulling(world)
    first = await publish(world, "cas_1", gate="rel_1")
    second = await publish(world, "cas_2", gate="rel_2")
    assert await feeds.ids(limit=1) == list(first)
    assert await feeds.ids(limit=1) == list(first)  # the page is full of what was opened: nothing more is
    assert sorted(row.position or 0 for row in await world.deliveries()) == [0, 1]
    door.verdicts["rel_2"] = CLOSED
    assert await feeds.ids() == list(first)
    assert next(iter(second)) not in await feeds.ids()


@ONE
async def test_withheld_events_take_no_room(world: World) -> None:
    door = Door(rel_withheld=WAIT)
    feeds = Feeds(world, door)
    await pulling(world)
    await publish(world, *(f"cas_{n}" for n in range(store.MOST_ASKED - 2)), gate="rel_withheld")
    await publish(world, *["cas_0"] * 5)  # behind a withheld one
    free = await publish(world, "cas_a")
    permitted = await publish(world, "cas_b", gate="rel_1")
    assert await feeds.ids(limit=2) == [*free, *permitted]
    assert door.most_inside <= 16


@ONE
async def test_each_that_waits_has_its_turn(world: World) -> None:
    door = Door(rel_withheld=WAIT)
    feeds = Feeds(world, door)
    await pulling(world)
    await publish(world, *(f"cas_{n}" for n in range(store.MOST_ASKED + 20)), gate="rel_withheld")
    last = await publish(world, "cas_last", gate="rel_1")
    assert await feeds.ids() == []
    assert await feeds.ids() == list(last)  # those of before stand behind it now
    assert door.asked.count("rel_1") == 1


async def test_a_withheld_event_holds_back_its_own_case_only(world: World) -> None:
    door = Door(rel_1=WAIT)
    feeds = Feeds(world, door)
    await pulling(world)
    first = await publish(world, "cas_1")
    withheld = await publish(world, "cas_1", gate="rel_1")
    behind = await publish(world, "cas_1") | await publish(world, "cas_1", gate="rel_2")
    others = await publish(world, "cas_2", "cas_3", "cas_2")
    assert await feeds.ids() == [*first, *others]
    assert door.asked == []  # what could not be opened yet needs no permit
    assert await feeds.ids() == [*first, *others]
    assert door.asked == ["rel_1"]
    door.verdicts["rel_1"] = OPEN
    clock.advance(timedelta(seconds=2))
    read = [item for page in await feeds.pages() for item in page]
    assert numbered(read, first | withheld | behind | others)["cas_1"] == [1, 2, 3, 4]
    assert [item["id"] for item in read][-3:] == [*withheld, *behind]


# -- the feed of a webhook -------------------------------------------------------------------------------


async def test_a_webhooks_feed_has_of_gated_events_what_was_delivered(world: World) -> None:
    feeds = Feeds(world, Door())
    await world.owner("pp", "http://a")
    (delivered,) = await publish(world, "cas_1", gate="rel_1")
    (failed,) = await publish(world, "cas_2", gate="rel_2")
    await world.turn(gate=Guard(OPEN), sender=Post(lambda each: _outcome(each.headers["webhook-id"] == delivered)))
    assert {row.event_id: row.position is not None for row in await world.deliveries()} == {
        delivered: True,
        failed: True,
    }
    assert await feeds.ids() == [delivered]
    await world.turn(after=60, gate=Guard(CLOSED), sender=Post())
    assert await feeds.ids() == [delivered]
    assert sorted(await world.states()) == [CANCELLED, DELIVERED]


def _outcome(is_fine: bool) -> Outcome:
    return Outcome.DELIVERED if is_fine else Outcome.TIMEOUT
