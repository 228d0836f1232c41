"""What is owed arrives: leases, order per case, gates, and nothing lost in between."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select, text

from shared import clock, testing
from shared.app import prepare
from shared.delivery import service, signing, store
from shared.delivery.models import Attempt, Delivery, Endpoint
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.delivery.service import Parcel, Permit, Result, Verdict
from shared.errors import Conflict, Unavailable
from shared.runtime import Runtime
from shared.testing import key
from tests.unit.shared.world import SECRET, World

DELIVERED, PENDING, PARKED = DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.PARKED
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
HOUR = 3600.0


class Post:
    """Stands for the sender: keeps the parcels, and answers by their URL."""

    def __init__(self, answer: Callable[[Parcel], Outcome] = lambda _: Outcome.DELIVERED) -> None:
        self.answer = answer
        self.sent: list[Parcel] = []

    async def send(self, parcel: Parcel) -> Result:
        self.sent.append(parcel)
        await asyncio.sleep(0)
        return Result(self.answer(parcel))

    def ids(self, url: str = "") -> list[str]:
        return [parcel.headers["webhook-id"] for parcel in self.sent if parcel.url.startswith(url)]

    def sequences(self) -> list[int]:
        return [json.loads(parcel.body)["sequence"] for parcel in self.sent]


async def run_dry(world: World, *posts: Post, seconds: int = 1, turns: int = 40) -> None:
    """Let workers, one for each sender, take turns until nothing is due any more."""
    workers = [world.deliverer(post) for post in posts]
    for _ in range(turns):
        claimed = await asyncio.gather(*(worker.turn() for worker in workers))
        await asyncio.gather(*(worker.drain() for worker in workers))
        clock.advance(timedelta(seconds=seconds))
        if not any(claimed):
            return


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
    now, lease = clock.now() + timedelta(seconds=1), timedelta(seconds=30)
    async with world.database.work() as session:
        assert len(await store.claim(session, now, lease, 64)) == 12  # all full, and one more is owed to each
    await world.owner("dif", "http://well")
    await world.publish("cas_x", to="dif")
    taken = []
    for second in range(1, 4):
        async with world.database.work() as session:
            taken += await store.claim(session, now + timedelta(seconds=second), lease, 2)
    assert [delivery.case_key for delivery, _ in taken] == ["cas_x"]


async def test_an_expired_lease_is_taken_over_and_the_stale_worker_changes_nothing(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish()
    with clock.at(clock.now()):
        slow, quick = world.deliverer(Post()), Post(lambda _: Outcome.REFUSED)
        async with world.database.work() as session:
            ((delivery, token),) = await store.claim(session, clock.now(), slow.lease, 64)
        async with world.database.work() as session:
            parcel = await service.open_attempt(session, slow.vault, delivery, token, Permit(Verdict.OPEN))
        assert parcel is not None
        assert await world.deliverer(quick).turn() == 0  # the lease holds
        clock.advance(timedelta(seconds=31))
        await run_dry(world, quick, turns=1)
        before = (await world.deliveries())[0]
        async with world.database.work() as session:
            await service.complete(session, parcel, Result(Outcome.DELIVERED, 200))
            assert await service.open_attempt(session, slow.vault, delivery, token, Permit(Verdict.OPEN)) is None
            await service.withhold(session, delivery, token, Verdict.CLOSED)
        assert (await world.deliveries())[0] == before
    assert (before.state, before.attempts) == (PENDING, 2)
    assert [parcel.headers["webhook-id"], parcel.body] == [quick.ids()[0], quick.sent[0].body]  # one id, one body
    async with world.database.work(write=False) as session:
        outcomes = (await session.exec(select(Attempt.outcome).order_by(col(Attempt.id)))).all()
    assert sorted(outcomes, key=str) == ["delivered", "refused"]


async def test_a_failure_waits_and_the_next_of_the_case_waits_with_it(world: World) -> None:
    await world.owner("pp", "http://a")
    published = [await world.publish(), await world.publish()]
    answers = iter([Outcome.REFUSED, Outcome.TIMEOUT, Outcome.DELIVERED, Outcome.DELIVERED])
    post = Post(lambda _: next(answers))
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
    await world.set_endpoint(endpoint, EndpointState.PAUSED)
    published = [await world.publish() for _ in range(3)]
    post = Post()
    with clock.at(clock.now()):
        await run_dry(world, post)
        assert post.sent == []
        await world.set_endpoint(endpoint, EndpointState.ACTIVE)
        await run_dry(world, post)
    assert post.ids() == published


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
        await world.set_endpoint(endpoint, EndpointState.ACTIVE)
        await run_dry(world, post)
    assert post.ids("http://a") == [published[0], *published]
    assert set(await world.states()) == {DELIVERED}


# -- the gate --------------------------------------------------------------------------------------------


class Guard:
    """A gate that says what it is told."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked: list[str] = []
        self.error: Exception | None = None

    async def __call__(self, gate: str) -> Permit:
        self.asked.append(gate)
        if self.error is not None:
            raise self.error
        return Permit(self.verdict)


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
    async with world.database.work(write=False) as session:
        assert (await session.get_one(Endpoint, endpoint)).failures == 0
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
    async with world.database.work(write=False) as session:
        caller = await caller_of(world)
        assert len((await session.exec(store.deliveries_readable(caller))).all()) == 1
        assert [each.id for each in (await session.exec(store.events_readable(caller))).all()] == [later]


async def caller_of(world: World, agency: str = "inm-chp") -> Any:
    token = world.keys.token(agency=agency)
    return await world.runtime.verifier.caller([b"Bearer " + token.encode()])


async def test_an_attempt_whose_permit_ended_does_not_count(world: World) -> None:
    await world.owner("pp", "http://a")
    await world.publish(gate="rel_1")
    post = Post(lambda _: Outcome.PERMIT_EXPIRED)
    await world.turn(0, Guard(Verdict.OPEN), post)
    (waiting,) = await world.deliveries()
    assert (waiting.state, waiting.attempts) == (PENDING, 0)
    assert await world.turn(0.01, Guard(Verdict.OPEN), post) == 1  # at once, with another permit


# -- endpoints over HTTP ---------------------------------------------------------------------------------


@ONE
async def test_an_owner_registers_pauses_and_resumes_its_own_endpoints(database_url: str, tmp_path: Path) -> None:
    from shared.app import create_app
    from shared.delivery.routes import routers
    from shared.openapi import api_routes

    async with World.open(database_url, tmp_path) as world:
        world.app = create_app(world.runtime, "services.referral", routers("referral"))
        assert len(list(api_routes(world.app.app))) == 7  # type: ignore[attr-defined]  # the Edge wraps the app
        path = "/v1/referral/endpoints"
        async with world.as_() as inm, world.as_(agency="dif-chp", agency_kind="DIF") as dif:
            body = {"url": "http://127.0.0.1:1/x", "event_types": ["memo.written"]}
            made = (await inm.post(path, json=body, headers=key())).json()
            assert made.pop("secret").startswith("whsec_")
            assert (await inm.get(f"{path}/{made['id']}")).json() == made
            assert (await inm.get(path)).json()["items"] == [made]
            assert (await dif.get(path)).json()["items"] == []
            for verb, url in (("get", ""), ("post", "/pause"), ("post", "/resume")):
                assert (await getattr(dif, verb)(f"{path}/{made['id']}{url}", headers=key())).status_code == 404
            assert (await inm.post(f"{path}/{made['id']}/pause", headers=key())).json()["state"] == "paused"
            assert (await inm.post(f"{path}/{made['id']}/resume", headers=key())).json()["state"] == "active"
            published = await world.publish(to="inm-chp")
            await world.turn(sender=Post())
            (sent,) = (await inm.get("/v1/referral/deliveries")).json()["items"]
            assert (sent["event_id"], sent["sequence"], sent["state"]) == (published, 1, "delivered")
            (event,) = (await inm.get("/v1/referral/events")).json()["items"]
            assert (event["id"], event["data"]) == (published, {"n": 1})
            assert (await dif.get("/v1/referral/events")).json()["items"] == []
            strict = world.runtime.settings.model_copy(update={"allow_loopback_webhooks": False})
            world.runtime.settings = strict
            refused = {
                "http://hooks.example.org": "not_https", "https://hooks.example.org:22": "not_a_web_port",
                "https://127.0.0.1": "not_public", "https://2130706433/": "not_public",
                "https://referral": "not_public",
                "https://[64:ff9b::7f00:1]/": "not_public", "https://169.254.169.254/latest": "not_public",
            }  # fmt: skip
            for url, reason in refused.items():
                answer = await inm.post(path, json={"url": url}, headers=key())
                assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/url", "reason": reason}])
            assert (await inm.post(path, json={"url": "https://hooks.example.org"}, headers=key())).status_code == 201


async def test_a_secret_is_kept_sealed(world: World) -> None:
    await world.owner("pp", "http://a")
    async with world.database.work(write=False) as session:
        assert SECRET.encode() not in bytes(await session.scalar(text("SELECT secrets FROM endpoint")))


# -- sister services -------------------------------------------------------------------------------------


async def test_processes_that_start_at_once_make_one_endpoint_for_each_sister(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.app.asyncio.sleep", _no_wait)
    await asyncio.gather(*(prepare(world.runtime) for _ in range(6)))
    assert await world.count("endpoint") == 2
    assert set(world.runtime.sisters) == {"intake", "consular"}


async def _no_wait(_: float) -> None:
    return None


async def test_a_sister_that_moved_or_changed_its_secret_keeps_its_endpoint(world: World, tmp_path: Path) -> None:
    await prepare(world.runtime)
    before = dict(world.runtime.sisters)
    moved = testing.settings("referral", tmp_path, world.keys, world.database.url).model_copy(
        update={"intake_url": "http://elsewhere", "kek_file": world.runtime.settings.kek_file}
    )
    other = Runtime.build(moved)
    other.vault = world.runtime.vault
    await prepare(other)
    assert other.sisters == before
    async with world.database.work(write=False) as session:
        assert (await session.get_one(Endpoint, before["intake"])).url == "http://elsewhere/internal/events"
    await other.close()


async def test_a_sister_that_answers_410_is_tried_again(world: World) -> None:
    await world.owner("service:intake", "http://a")
    await world.publish(to="service:intake")
    post = Post(lambda _: Outcome.GONE)
    await world.turn(sender=post)
    assert post.sent[0].internal
    assert await world.states() == [PENDING]


async def test_the_body_is_signed_for_its_receiver(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    published = await world.publish()
    post = Post()
    await world.turn(sender=post)
    (parcel,) = post.sent
    assert signing.verify(parcel.headers, parcel.body, SECRET) == published
    told = json.loads(parcel.body)
    assert (told["id"], told["audience"], told["sequence"], told["type"]) == (published, endpoint, 1, "memo.written")
    async with world.database.work(write=False) as session:
        kept = (await session.exec(select(Delivery))).one()
    assert kept.body == parcel.body
