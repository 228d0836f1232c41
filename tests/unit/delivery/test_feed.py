"""A feed holds every event once, in order and in its place, for whom it was made and for nobody else."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from shared import clock
from shared.audit import AuditEntry
from shared.delivery import service
from shared.delivery.events.cursors import Cursors
from shared.delivery.events.service import in_order
from shared.delivery.models import Delivery, Endpoint
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from tests.unit.delivery.feed_world import PATH, START, Feeds, numbered, numbers, publish, pulling, refused
from tests.unit.delivery.posts import Post
from tests.unit.shared.world import World

DELIVERED, PENDING = DeliveryState.DELIVERED, DeliveryState.PENDING
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
def feeds(world: World) -> Feeds:
    """The feeds of a service that has no gate."""
    return Feeds(world)


# -- what is read ----------------------------------------------------------------------------------------


async def test_an_item_is_what_a_webhook_would_carry_and_its_place(world: World, feeds: Feeds) -> None:
    puller = await pulling(world)
    await world.owner("pp", "http://a")
    post = Post()
    with clock.at(START):
        await world.publish()
        await world.turn(sender=post)
        (item,) = (await feeds.read(endpoint_id=puller))["items"]
    sent = json.loads(post.sent[0].body)
    assert item.pop("cursor")
    assert item == sent | {"audience": puller}
    assert (item["time"], item["epoch"], item["sequence"]) == ("2026-11-20T15:04:05+00:00", 1, 1)
    kept = next(each for each in await world.deliveries() if each.endpoint_id == puller)
    assert json.loads(kept.body or b"") == item
    assert (kept.attempts, kept.first_sent_at, kept.state) == (1, START, PENDING)


async def test_a_feed_is_in_order_and_counts_each_case_without_gaps(world: World, feeds: Feeds) -> None:
    await pulling(world)
    published = await publish(world, "cas_1", "cas_1", "cas_2", "cas_1", "cas_3", "cas_2")
    (items,) = await feeds.pages()
    assert [item["id"] for item in items] == list(published)
    later = await publish(world, "cas_2", "cas_1")
    items += (await feeds.read(after=items[-1]["cursor"]))["items"]
    assert numbered(items, published | later) == {"cas_1": [1, 2, 3, 4], "cas_2": [1, 2, 3], "cas_3": [1]}
    assert await numbers(world) == {"cas_1": 4, "cas_2": 3, "cas_3": 1}


async def test_two_hundred_and_fifty_events_come_in_three_pages(world: World, feeds: Feeds) -> None:
    await pulling(world)
    published = await publish(world, *(f"cas_{n % 70}" for n in range(250)))
    pages = await feeds.pages(limit=100)
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [item["id"] for page in pages for item in page] == list(published)
    again = await feeds.pages(limit=100)  # from the beginning: nothing is used up by reading
    assert [item["id"] for page in again for item in page] == list(published)
    whole = [item for page in pages for item in page]
    assert all(counted == list(range(1, len(counted) + 1)) for counted in numbered(whole, published).values())


async def test_there_is_always_a_cursor_to_go_on_from(world: World, feeds: Feeds) -> None:
    await pulling(world)
    nothing = await feeds.read()
    still_nothing = await feeds.read(after=nothing["next"])
    assert still_nothing == nothing == {"items": [], "next": nothing["next"]}
    await publish(world, "cas_1")
    feed = await feeds.read(after=still_nothing["next"])
    assert feed["next"] == feed["items"][0]["cursor"]
    assert await feeds.read(after=feed["next"]) == {"items": [], "next": feed["next"]}


async def test_whoever_did_not_get_the_answer_reads_the_same_again(world: World, feeds: Feeds) -> None:
    await pulling(world)
    await publish(world, "cas_1", "cas_1", "cas_2")
    lost, again = await feeds.read(), await feeds.read()
    for each in (*lost["items"], *again["items"]):
        del each["cursor"]
    assert lost["items"] == again["items"]


async def test_readers_at_once_get_the_same_numbers(world: World, feeds: Feeds) -> None:
    await pulling(world)
    published = await publish(world, *(f"cas_{n % 4}" for n in range(20)))
    answers = await asyncio.gather(*(feeds.read(limit=8) for _ in range(6)))
    read = [[(item["id"], item["sequence"]) for item in answer["items"]] for answer in answers]
    assert [name for name, _ in read[0]] == list(published)[:8]
    assert read == [read[0]] * 6
    opened = [each for each in await world.deliveries() if each.position is not None]
    assert sorted(each.position or 0 for each in opened) == list(range(1, 9))  # nothing without room in an answer
    assert await numbers(world) == {f"cas_{n}": 2 for n in range(4)}


@ONE
async def test_a_case_keeps_its_order_though_the_clocks_of_its_writers_differ(world: World, feeds: Feeds) -> None:
    await pulling(world)
    with clock.at(START):
        first = await publish(world, "cas_1")
    with clock.at(START - timedelta(minutes=1)):
        second = await publish(world, "cas_1", "cas_2")
    pages = await feeds.pages(limit=1)
    read = [item["id"] for page in pages for item in page]
    assert sorted(read) == sorted(first | second)
    assert numbered([item for page in pages for item in page], first | second) == {"cas_1": [1, 2], "cas_2": [1]}
    assert read.index(next(iter(first))) < read.index(next(iter(second)))


def test_the_order_of_a_case_bears_no_gap() -> None:
    def row(case: str, number: int, before: int | None, age: int) -> dict[str, Any]:
        return {"id": f"{case}{number}", "case_key": case, "origin": "live", "case_seq": number, "before": before,
                "created_at": age}  # fmt: skip

    due = [row("a", 5, 4, 1), row("a", 4, None, 2), row("b", 7, 6, 3), row("b", 9, 7, 4), row("c", 1, None, 0)]
    assert [each["id"] for each in in_order(due)] == ["c1", "a4", "a5"]  # b6 is not here: what follows it waits
    assert in_order([]) == []


async def test_only_what_the_endpoint_wants_is_in_its_feed(world: World, feeds: Feeds) -> None:
    await pulling(world, event_types=["other.type"])
    await publish(world, "cas_1")
    assert await feeds.ids() == []
    async with world.database.work() as session:
        fact = await service.publish(session, "other.type", case="cas_1", subject="s", audience=["pp"], data={})
    (item,) = (await feeds.read())["items"]
    assert (item["id"], item["sequence"]) == (fact.id, 1)


@ONE
async def test_what_a_newer_version_put_into_a_message_is_passed_on(world: World, feeds: Feeds) -> None:
    await pulling(world)
    await publish(world, "cas_1")
    await feeds.read()
    async with world.database.work() as session:
        kept = (await session.exec(select(Delivery))).one()
        kept.body = json.dumps(json.loads(kept.body or b"") | {"severity": 3}).encode()
    assert (await feeds.read())["items"][0]["severity"] == 3


# -- whose it is -----------------------------------------------------------------------------------------


@ONE
async def test_who_has_one_endpoint_need_not_name_it(world: World, feeds: Feeds) -> None:
    missing = (422, "invalid_request", [{"pointer": "/query/endpoint_id", "reason": "missing"}])
    assert refused(await feeds.get()) == missing
    first = await pulling(world)
    assert await feeds.ids() == []
    second = await pulling(world)
    assert refused(await feeds.get()) == missing
    in_body = [{"pointer": "/endpoint_id", "reason": "missing"}]
    assert refused(await feeds.acknowledge("x")) == (422, "invalid_request", in_body)
    assert await feeds.ids(endpoint_id=second) == []
    await world.change_endpoint(first, state=EndpointState.REMOVED)
    assert await feeds.ids() == []
    assert refused(await feeds.get(endpoint_id=first))[:2] == (404, "not_found")


@ONE
async def test_nobody_reads_the_feed_of_somebody_else(world: World, feeds: Feeds) -> None:
    endpoint = await pulling(world)
    await pulling(world, "dif")
    await publish(world, "cas_1")
    feed = await feeds.read()
    assert refused(await feeds.get("dif", endpoint_id=endpoint))[:2] == (404, "not_found")
    assert refused(await feeds.acknowledge(feed["next"], "dif", endpoint_id=endpoint))[:2] == (404, "not_found")
    async with feeds.reader("ruta", agency_kind="OPERATOR") as operator:
        answer = await operator.get(PATH, params={"endpoint_id": endpoint})
    assert refused(answer)[:2] == (404, "not_found")


@ONE
async def test_reading_and_acknowledging_have_scopes_of_their_own(world: World, feeds: Feeds) -> None:
    await pulling(world)
    async with feeds.reader(scope="referral:write") as writer, feeds.reader(scope="referral:read") as reader:
        assert (await writer.get(PATH)).status_code == 403
        assert (await reader.post(f"{PATH}/acknowledge", json={"through": "x"})).status_code == 403


@ONE
async def test_limits_refuse(world: World, feeds: Feeds) -> None:
    await pulling(world)
    for wish in ({"limit": 0}, {"limit": 101}, {"limit": "ten"}, {"after": ""}, {"endpoint_id": "a"}):
        assert (await feeds.get(**wish)).status_code == 422, wish


# -- cursors ---------------------------------------------------------------------------------------------


async def test_a_cursor_holds_for_its_agency_and_endpoint_only(world: World, feeds: Feeds) -> None:
    one, other = await pulling(world), await pulling(world)
    await pulling(world, "dif")
    cursor = (await feeds.read(endpoint_id=one))["next"]
    assert refused(await feeds.get("dif", after=cursor)) == (400, "bad_cursor", None)
    assert refused(await feeds.get(endpoint_id=other, after=cursor)) == (400, "bad_cursor", None)
    assert refused(await feeds.acknowledge(cursor, endpoint_id=other)) == (400, "bad_cursor", None)
    async with world.database.work() as session:
        receiver = await session.get_one(Endpoint, one)
    for key, name in ((world.runtime.cursor_key, "consular"), (b"\0" * 32, "referral")):
        foreign = Cursors.of(key, name, receiver).at(0)
        assert refused(await feeds.get(endpoint_id=one, after=foreign)) == (400, "bad_cursor", None)


@ONE
async def test_a_cursor_that_was_touched_is_refused(world: World, feeds: Feeds) -> None:
    await pulling(world)
    cursor = (await feeds.read())["next"]
    raw = base64.urlsafe_b64decode(cursor)
    flipped = [raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :] for n in range(len(raw))]
    touched = [base64.urlsafe_b64encode(each).decode() for each in (*flipped, raw[:-3], raw[3:], raw + b"abc", b"")]
    junk = [cursor + "=", cursor[:5] + "!" + cursor[5:], cursor + "\n", " " + cursor, "ñ", "x" * 200, "%00"]
    for each in (*filter(None, touched), *junk):
        assert refused(await feeds.get(after=each))[:2] == (400, "bad_cursor"), each
    assert (await feeds.get(after="x" * 201)).status_code == 422


@ONE
async def test_cursors_tell_nothing(world: World, feeds: Feeds) -> None:
    await pulling(world)
    async with world.database.work() as session:
        cursors = Cursors.of(world.runtime.cursor_key, "referral", (await session.exec(select(Endpoint))).one())
    made = [cursors.at(place) for place in (0, 0, 1, 10**9)]
    assert len({len(each) for each in made}) == 1
    assert len(set(made)) == 4
    assert all(each.replace("-", "").replace("_", "").isalnum() for each in made)


async def test_after_a_restore_the_feed_starts_anew_and_says_so(world: World, feeds: Feeds) -> None:
    endpoint = await pulling(world)
    await publish(world, "cas_1", "cas_1")
    cursor = (await feeds.read())["next"]
    await world.change_endpoint(endpoint, position=1)  # restored, and nobody has counted it yet
    for answer in (await feeds.get(after=cursor), await feeds.acknowledge(cursor)):
        assert refused(answer)[:2] == (400, "bad_cursor")
        assert "starts anew since a restore" in answer.json()["detail"]
    await world.change_endpoint(endpoint, position=7, epoch=2)
    assert "starts anew since a restore" in (await feeds.get(after=cursor)).json()["detail"]
    await publish(world, "cas_1")
    assert [item["epoch"] for item in (await feeds.read())["items"]] == [1, 1, 2]


# -- what is safe ----------------------------------------------------------------------------------------


async def test_acknowledging_is_partial_and_repeatable(world: World, feeds: Feeds) -> None:
    endpoint = await pulling(world)
    await publish(world, "cas_1", "cas_2", "cas_1", "cas_3")
    items = (await feeds.read(limit=3))["items"]
    before = await world.endpoint(endpoint)
    with clock.at(START):
        answers = [await feeds.acknowledge(items[1]["cursor"]) for _ in range(2)]
    assert [each.json() for each in answers] == [{"acknowledged": 2}, {"acknowledged": 0}]
    rows = {each.event_id: each for each in await world.deliveries()}
    assert [rows[item["id"]].state for item in items] == [DELIVERED, DELIVERED, PENDING]
    assert rows[items[0]["id"]].delivered_at == START
    after = await world.endpoint(endpoint)
    assert (after.delivered, after.last_success_at, after.version) == (2, START, before.version)
    assert (await feeds.acknowledge(items[2]["cursor"])).json() == {"acknowledged": 1}
    # What was never shown is no more acknowledged than it was read.
    assert sorted(each.state for each in await world.deliveries()) == [DELIVERED] * 3 + [PENDING]
    async with world.database.work(write=False) as session:
        written = (await session.exec(select(AuditEntry))).all()
    assert {(each.action, each.resource_id) for each in written} == {("acknowledge", endpoint)}
    assert sorted((each.details or {})["acknowledged"] for each in written) == [1, 2]
    assert [item["id"] for page in await feeds.pages() for item in page][:3] == [item["id"] for item in items]


async def test_acknowledgements_at_once_count_each_event_once(world: World, feeds: Feeds) -> None:
    endpoint = await pulling(world)
    await publish(world, *(f"cas_{n}" for n in range(10)))
    items = (await feeds.read())["items"]
    answers = await asyncio.gather(*(feeds.acknowledge(item["cursor"]) for item in items))
    assert sum(answer.json()["acknowledged"] for answer in answers) == 10
    assert (await world.endpoint(endpoint)).delivered == 10


@ONE
async def test_a_webhook_is_acknowledged_by_its_answer_only(world: World, feeds: Feeds) -> None:
    await world.owner("pp", "http://a")
    cursor = (await feeds.read())["next"]
    assert refused(await feeds.acknowledge(cursor))[:2] == (409, "conflict")


async def test_a_paused_endpoint_shows_what_it_has_and_nothing_new(world: World, feeds: Feeds) -> None:
    endpoint = await pulling(world)
    published = list(await publish(world, "cas_1", "cas_2"))
    first = await feeds.read(limit=1)
    await world.change_endpoint(endpoint, state=EndpointState.PAUSED)
    assert await feeds.ids() == published[:1]
    assert (await feeds.read(after=first["next"]))["items"] == []
    assert (await feeds.acknowledge(first["next"])).json() == {"acknowledged": 1}
    await world.change_endpoint(endpoint, state=EndpointState.ACTIVE)
    assert await feeds.ids(after=first["next"]) == published[1:]


# -- the feed of a webhook -------------------------------------------------------------------------------


async def test_what_a_receiver_answered_and_then_lost_is_in_its_feed(world: World, feeds: Feeds) -> None:
    await world.owner("pp", "http://a")
    lost, refused_one, waiting = await publish(world, "cas_1", "cas_2", "cas_2")
    answers = {lost: Outcome.DELIVERED, refused_one: Outcome.REFUSED}
    with clock.at(clock.now()):
        assert await feeds.ids() == []  # nothing was sent yet, and a read sends nothing
        await world.turn(sender=Post(lambda parcel: answers[parcel.headers["webhook-id"]]))
        feed = await feeds.read()
    assert sorted(item["id"] for item in feed["items"]) == sorted([lost, refused_one])
    assert waiting not in [item["id"] for item in feed["items"]]
    assert {item["id"]: item["sequence"] for item in feed["items"]} == {lost: 1, refused_one: 1}


@ONE
async def test_replays_are_not_in_the_feed_of_a_webhook(world: World, feeds: Feeds) -> None:
    endpoint = await world.owner("pp", "http://a")
    async with world.database.work() as session:
        receiver = await session.get_one(Endpoint, endpoint)
        await service.publish_to(session, "a.b", [receiver], case="cas_1", subject=endpoint, data={}, origin="rpl_1")
    post = Post()
    await world.turn(sender=post)
    assert (len(post.sent), await feeds.ids()) == (1, [])
