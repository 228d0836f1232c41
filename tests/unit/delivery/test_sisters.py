"""Sister services: one endpoint for each, wherever it lives, and a body that is signed for it."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlmodel import select

from shared import testing
from shared.app import prepare
from shared.delivery import signing
from shared.delivery.models import Delivery
from shared.delivery.rules import DeliveryState, Outcome
from shared.runtime import Runtime
from tests.unit.delivery.posts import Post
from tests.unit.shared.world import SECRET, World


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
    assert (await world.endpoint(before["intake"])).url == "http://elsewhere/internal/events"
    await other.close()


async def test_a_sister_that_answers_410_is_tried_again(world: World) -> None:
    await world.owner("service:intake", "http://a")
    await world.publish(to="service:intake")
    post = Post(lambda _: Outcome.GONE)
    await world.turn(sender=post)
    assert post.sent[0].internal
    assert await world.states() == [DeliveryState.PENDING]


async def test_the_body_is_signed_for_its_receiver(world: World) -> None:
    endpoint = await world.owner("pp", "http://a")
    published = await world.publish()
    post = Post()
    await world.turn(sender=post)
    (parcel,) = post.sent
    assert signing.verify(parcel.headers, parcel.body, [SECRET]) == published
    told = json.loads(parcel.body)
    assert (told["id"], told["audience"], told["sequence"], told["type"]) == (published, endpoint, 1, "memo.written")
    async with world.database.work(write=False) as session:
        kept = (await session.exec(select(Delivery))).one()
    assert kept.body == parcel.body
