"""After a restore from a backup receivers see that numbers start anew, and miss nothing that is still owed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.db import Database
from shared.delivery.queue import Queue
from shared.delivery.restored import restored
from shared.delivery.rules import Channel, DeliveryState
from shared.settings import Settings
from tests.conftest import PostgresFactory
from tests.unit.delivery.desk import Desk
from tests.unit.delivery.posts import Post

ROOT = Path(__file__).parents[3]
PENDING = DeliveryState.PENDING
pytestmark = [pytest.mark.hard_case(47), pytest.mark.usefixtures("held_time", "own_database")]


Copy = Callable[[], Awaitable[str]]


@pytest.fixture
def copy(desk: Desk, database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Copy:
    """Copies the database of the moment: a backup, and what is restored from one. Returns the copy's URL."""
    runtime = desk.world.runtime

    async def make() -> str:
        await runtime.database.close()
        url = runtime.database.engine.url.render_as_string(hide_password=False)
        if database_kind == "postgresql":
            factory: PostgresFactory = request.getfixturevalue("postgres_database")
            return factory(url.replace("+asyncpg", ""))
        made = tmp_path / f"copy{len(list(tmp_path.glob('copy*')))}.db"
        shutil.copyfile(url.partition(":///")[2], made)
        return f"sqlite:///{made}"

    return make


async def use(desk: Desk, url: str) -> None:
    """Let the service go on with another database."""
    await desk.world.runtime.database.close()
    desk.world.runtime.database = Database(url)


def numbers(post: Post) -> list[tuple[int, int]]:
    """Return epoch and sequence of what was sent."""
    contents = [json.loads(parcel.body) for parcel in post.sent]
    return [(content["epoch"], content["sequence"]) for content in contents]


async def test_receivers_see_a_reset_and_not_a_silent_gap(desk: Desk, copy: Copy) -> None:
    await desk.world.owner("pp-chp", "http://a")
    await desk.publish()
    owed = await desk.publish()
    assert numbers(await desk.send(turns=1)) == [(1, 1)]
    backup = await copy()
    await desk.publish()
    assert numbers(await desk.send(turns=3)) == [(1, 2), (1, 3)]
    await use(desk, backup)  # what followed is lost: one event, and that another one was received
    assert await restored(desk.world.database) == 1
    await desk.publish()
    clock.advance(timedelta(seconds=1))
    post = await desk.send(turns=3)
    (first_epoch, first), (second_epoch, second) = numbers(post)
    assert (first, second) == (1, 2)
    assert first_epoch == second_epoch > 1
    assert post.sent[0].delivery_id == owed  # it comes again, with the id that its receiver knows


async def test_a_second_restore_of_the_same_backup_has_an_epoch_of_its_own(desk: Desk, copy: Copy) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    backup, epochs = await copy(), []
    for _ in range(2):
        await use(desk, backup)
        another = await copy()
        await use(desk, another)
        clock.advance(timedelta(hours=1))
        await restored(desk.world.database)
        epochs.append((await desk.world.endpoint(endpoint)).epoch)
    assert 1 < epochs[0] < epochs[1]
    await restored(desk.world.database)
    assert (await desk.world.endpoint(endpoint)).epoch == epochs[1] + 1


async def test_what_is_owed_is_numbered_anew_and_what_was_done_stays(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    done, refused, parked, skipped = [await desk.publish(f"cas_{n}") for n in range(4)]
    await desk.send(turns=1)
    again = (await desk.resend(done))["id"]
    for delivery, state in ((refused, PENDING), (parked, DeliveryState.PARKED), (skipped, DeliveryState.SKIPPED)):
        await desk.change(delivery, state=state, delivered_at=None, due_at=clock.now() + timedelta(hours=1))
    before = {each.id: each for each in await desk.world.deliveries()}
    place = (await desk.world.endpoint(endpoint)).position
    await restored(desk.world.database)
    after = {each.id: each for each in await desk.world.deliveries()}
    for delivery in (done, skipped, again):
        assert after[delivery] == before[delivery]
    for delivery in (refused, parked):
        row = after[delivery]
        assert (row.sequence, row.position, row.body, row.due_at) == (None, None, None, clock.now())
        assert (row.state, row.attempts, row.first_sent_at) == (
            before[delivery].state,
            1,
            before[delivery].first_sent_at,
        )
    assert (await desk.world.endpoint(endpoint)).position == place == 4  # places in the feed only grow
    assert await desk.world.count("lane_counter") == 0
    post = await desk.send()
    bodies = {parcel.delivery_id: parcel.body for parcel in post.sent}
    assert set(bodies) == {refused, again}
    assert bodies[again] == before[done].body  # the same bytes as the first time, epoch and all
    assert json.loads(bodies[refused])["epoch"] > 1
    assert (await desk.row(refused)).position == 5


async def test_leases_of_workers_that_are_no_more_end(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "http://a")
    delivery = await desk.publish()
    async with desk.world.database.work() as session:
        await Queue(desk.world.runtime.vault, timedelta(hours=1), gated=False).claim(session, 10)
    assert (await desk.send()).sent == []
    await restored(desk.world.database)
    row = await desk.row(delivery)
    assert (row.token, row.sending, row.due_at) == (None, False, clock.now())
    clock.advance(timedelta(seconds=1))
    assert len((await desk.send()).sent) == 1
    assert [each["outcome"] for each in (await desk.one(delivery))["attempts_log"]] == ["unknown", "delivered"]


async def test_sister_services_get_the_same_bytes_again(desk: Desk, copy: Copy) -> None:
    await desk.world.owner("service:intake", "http://a")
    for _ in range(2):
        await desk.publish(to="service:intake")
    await desk.send(turns=1)
    backup = await copy()
    lost = await desk.send(turns=1)
    await use(desk, backup)
    assert await restored(desk.world.database) == 0
    again = await desk.send(turns=1)
    assert [parcel.body for parcel in again.sent] == [parcel.body for parcel in lost.sent]
    assert numbers(again) == [(1, 2)]


async def test_what_a_feed_has_shown_can_be_read_anew(desk: Desk) -> None:
    await desk.world.owner("pp-chp", "", channel=Channel.PULL)
    delivery = await desk.publish()
    never = clock.now().replace(year=9999)
    await desk.change(delivery, sequence=1, position=1, body=b"{}", attempts=1, due_at=never)
    await restored(desk.world.database)
    row = await desk.row(delivery)
    assert (row.state, row.position, row.body, row.due_at) == (PENDING, None, None, clock.now())


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_it_is_a_command_of_the_service(desk: Desk) -> None:
    endpoint = await desk.world.owner("pp-chp", "http://a")
    await desk.world.database.close()
    done = subprocess.run(
        [sys.executable, "-m", "services.referral", "restored"], env=environment(desk.world.runtime.settings),
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr or done.stdout)["event"] == "restored"
    assert (await desk.world.endpoint(endpoint)).epoch > 1


def environment(settings: Settings) -> dict[str, str]:
    values: dict[str, Any] = settings.model_dump(exclude_none=True)
    return {f"RUTA_{name.upper()}": str(value) for name, value in values.items()} | {"PATH": os.environ["PATH"]}
