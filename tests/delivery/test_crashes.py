"""A PostgreSQL server that crashes under a worker, as a lost machine would, and comes back."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from shared import clock
from shared.db import is_lost
from shared.delivery.models import Attempt
from shared.delivery.rules import DeliveryState
from shared.delivery.worker import Deliverer
from tests import postgres
from tests.unit.delivery.posts import Post
from tests.unit.shared.world import World, create_tables


@dataclass
class Private:
    """A PostgreSQL server of our own, to crash as a lost machine would."""

    folder: Path
    base: str
    process: subprocess.Popen[bytes]

    def crash(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def start_again(self) -> None:
        self.process = postgres.start_again(self.process, self.folder)


@pytest.fixture(scope="module")
def private() -> Iterator[Private]:
    folder = Path(tempfile.mkdtemp(prefix="ruta-crash-", dir="/tmp"))  # a socket's path must be short
    try:
        base, process = postgres.start(folder, postgres.find_binaries())
    except postgres.NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")
    made = Private(folder, base, process)
    yield made
    made.crash()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def crashing(private: Private, tmp_path: Path) -> AsyncIterator[World]:
    """The small service on that server, with one event owed."""
    url = postgres.Server(private.base).create()
    await create_tables(url)
    async with World.open(url, tmp_path) as world:
        await world.owner("pp", "http://pp")
        await world.publish()
        yield world


def crash_after(server: Private, method: Callable[..., Any]) -> Callable[..., Any]:
    """Do as the method does, and lose the server before the transaction is committed."""

    async def wrapped(*arguments: Any) -> Any:
        result = await method(*arguments)
        server.crash()
        return result

    return wrapped


async def fails(worker: Deliverer) -> bool:
    """Whether a turn fails as the loop of a worker expects it: for want of a database."""
    try:
        await worker.turn()
    except Exception as error:
        return is_lost(error)
    return False


async def come_back(worker: Deliverer, post: Post, n: int = 1) -> None:
    """Wait until the answers to n sends are there."""
    while len(worker._returned) < n:
        await asyncio.wait_for(worker.wake.wait(), 5)
        worker.wake.clear()
    assert len(post.sent) >= n


async def outcomes(world: World) -> list[Any]:
    async with world.database.work(write=False) as session:
        return sorted((await session.exec(select(Attempt.outcome))).all(), key=str)


@pytest.mark.hard_case(6)
async def test_results_outlast_a_server_that_crashes_before_they_are_recorded(
    crashing: World, private: Private
) -> None:
    post = Post()
    worker = crashing.deliverer(post)
    assert await worker.turn() == 1
    await come_back(worker, post)
    private.crash()
    assert await fails(worker)
    assert await fails(worker)
    private.start_again()
    assert await worker.turn() == 0
    assert await crashing.states() == [DeliveryState.DELIVERED]
    assert await outcomes(crashing) == ["delivered"]
    assert len(post.sent) == 1


@pytest.mark.hard_case(6)
async def test_a_claim_that_a_crash_undid_has_sent_nothing_and_is_made_again(
    crashing: World, private: Private, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post()
    worker = crashing.deliverer(post)
    with monkeypatch.context() as patched:
        patched.setattr(worker.queue, "claim", crash_after(private, worker.queue.claim))
        assert await fails(worker)
    private.start_again()
    assert (post.sent, await outcomes(crashing)) == ([], [])
    assert await worker.turn() == 1
    await worker.drain()
    assert await crashing.states() == [DeliveryState.DELIVERED]
    assert post.sequences() == [1]


@pytest.mark.hard_case(6)
async def test_what_is_sent_again_after_a_crash_is_the_same_to_the_byte(
    crashing: World, private: Private, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock.at(clock.now()):
        post, second = Post(), Post()
        worker, other = crashing.deliverer(post), crashing.deliverer(second)
        await worker.turn()
        await come_back(worker, post)
        with monkeypatch.context() as patched:
            patched.setattr(worker.queue, "complete", crash_after(private, worker.queue.complete))
            assert await fails(worker)
        private.start_again()
        clock.advance(timedelta(seconds=31))
        assert await other.turn() == 1  # the lease has ended meanwhile, and nobody knows of the first answer
        await other.drain()
        await worker.turn()  # whose result comes late, and changes nothing
    (before,), (again,) = post.sent, second.sent
    assert (again.headers["webhook-id"], again.body) == (before.headers["webhook-id"], before.body)
    assert await crashing.states() == [DeliveryState.DELIVERED]
    assert await outcomes(crashing) == ["delivered", "delivered"]
