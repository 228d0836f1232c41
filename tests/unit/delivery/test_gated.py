"""What a gate withholds: not sent, not numbered, not counted."""

from shared.delivery.parcels import Verdict
from shared.delivery.rules import DeliveryState, Outcome
from shared.errors import Unavailable
from tests.unit.delivery.posts import Guard, Post
from tests.unit.shared.world import World

DELIVERED, PENDING = DeliveryState.DELIVERED, DeliveryState.PENDING


async def test_a_gate_that_waits_charges_no_attempt(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    guard, post = Guard(Verdict.WAIT), Post()
    for after in (0, 2, 4):
        assert await world.turn(after, guard, post) == 1
        assert await world.turn(after + 1, guard, post) == 0
    guard.error = Unavailable()
    assert await world.turn(6, guard, post) == 1
    (waiting,) = await world.deliveries()
    assert (waiting.state, waiting.attempts, waiting.sequence, waiting.body) == (PENDING, 0, None, None)
    assert (await world.count("attempt"), post.sent, guard.asked) == (0, [], ["rel_1"] * 4)
    assert (await world.endpoint(endpoint)).failures == 0
    guard.error, guard.verdict = None, Verdict.OPEN
    assert await world.turn(8, guard, post) == 1
    assert post.sequences() == [1]


async def test_without_a_gate_nothing_gated_leaves(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    post = Post()
    await world.turn(sender=post)
    assert (post.sent, await world.states()) == ([], [PENDING])


async def test_a_gate_that_breaks_lets_nothing_out(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    guard, post = Guard(Verdict.OPEN), Post()
    guard.error = LookupError()
    await world.turn(0, guard, post)
    assert (post.sent, await world.states(), await world.count("attempt")) == ([], [PENDING], 0)


async def test_a_closed_gate_cancels_and_it_shows_nowhere(world: World) -> None:
    await world.owner("inm-chp", "http://a")
    guard, post = Guard(Verdict.CLOSED), Post()
    await world.publish(to="inm-chp", gate="rel_1")
    later = await world.publish(to="inm-chp")
    await world.turn(0, guard, post)
    await world.turn(0, guard, post)
    assert await world.states() == [DeliveryState.CANCELLED, DELIVERED]
    assert (post.ids(), post.sequences()) == ([later], [1])  # no gap in what the receiver counts


async def test_an_attempt_whose_permit_ended_does_not_count(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    post = Post(lambda _: Outcome.PERMIT_EXPIRED)
    await world.turn(0, Guard(Verdict.OPEN), post)
    (waiting,) = await world.deliveries()
    assert (waiting.state, waiting.attempts) == (PENDING, 0)
    assert await world.turn(1, Guard(Verdict.OPEN), post) == 0
    assert await world.turn(2, Guard(Verdict.OPEN), post) == 1  # with another permit


async def test_what_did_not_leave_has_no_number_afterwards(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    await world.turn(0, Guard(Verdict.OPEN), Post(lambda _: Outcome.PERMIT_EXPIRED))
    (waiting,) = await world.deliveries()
    assert (waiting.sequence, waiting.position, waiting.body, waiting.first_sent_at) == (None, None, None, None)
    await world.turn(3, Guard(Verdict.CLOSED))
    later = await world.publish()
    post = Post()
    await world.turn(3, sender=post)
    assert (post.ids(), post.sequences()) == ([later], [1])
