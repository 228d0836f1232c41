"""Databases whose answer is lost, that somebody else has locked, or that have no room left."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
from fastapi import Response
from sqlalchemy import event
from sqlmodel import text

from shared import ids, migrate
from shared.app import create_app
from shared.auth import Allow, Caller
from shared.db import Session, is_lost, run
from shared.delivery import service as delivery
from shared.delivery.rules import DeliveryState
from shared.delivery.worker import Deliverer
from shared.routing import router
from shared.testing import client, key
from tests.delivery.proxy import Loss, Proxy
from tests.unit.delivery.posts import Post
from tests.unit.shared.world import Memo, MemoIn, MemoOut, World, hot

PACKAGE = "services.referral"
NOTICES, HOT = "/v1/referral/notices", "/v1/referral/hot"
ONLY_POSTGRES = pytest.mark.parametrize("database_kind", ["postgresql"])
ONLY_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
BOTH_PATHS = pytest.mark.parametrize("path", [NOTICES, HOT])

notices = router(NOTICES, "notices")


@notices.post("", status_code=201)
async def announce(
    session: Session, response: Response, caller: Annotated[Caller, Allow("referral:write")], body: MemoIn
) -> MemoOut:
    """Write a memo and publish that it was written."""
    made = Memo(id=ids.new("mem"), words=body.words)
    session.add(made)
    await delivery.publish(session, "memo.written", case="cas_1", subject=made.id, audience=["pp"], data={})
    return MemoOut.model_validate(made)


@asynccontextmanager
async def desk(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that writes memos, and publishes those that are notices."""
    async with client(create_app(world.runtime, PACKAGE, [notices, hot]), world.keys.token()) as made:
        yield made


async def counts(world: World) -> list[int]:
    return [await world.count(table) for table in ("memo", "idempotency", "event", "delivery")]


def written(path: str, n: int) -> list[int]:
    """What `counts` says when n requests took effect. The hot ones publish nothing."""
    return [n, n, n, n] if path == NOTICES else [n, n, 0, 0]


def is_unavailable(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (503, "unavailable", True)


# -- an answer that is lost ------------------------------------------------------------------------------


@ONLY_POSTGRES
@pytest.mark.parametrize("loss", Loss)
@BOTH_PATHS
@pytest.mark.hard_case(7)
async def test_a_commit_whose_end_nobody_heard_takes_effect_once(
    database_url: str, tmp_path: Path, loss: Loss, path: str
) -> None:
    words, idempotency_key = "whose answer is lost", key()
    async with Proxy.open(database_url) as (proxy, url), World.open(url, tmp_path) as world, desk(world) as inm:
        await world.owner("pp", "http://pp")
        proxy.break_at(b"COMMIT;" if path == NOTICES else words.encode(), loss)
        unheard = await inm.post(path, json={"words": words}, headers=idempotency_key)
        assert is_unavailable(unheard)
        assert proxy.breaks == 1
        assert await counts(world) == written(path, 1 if loss is Loss.ANSWER else 0)
        again = await inm.post(path, json={"words": words}, headers=idempotency_key)
        assert again.status_code == 201
        assert ("idempotent-replayed" in again.headers) == (loss is Loss.ANSWER)
        assert await counts(world) == written(path, 1)


# -- a file that somebody else has locked ----------------------------------------------------------------

_HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(world: World) -> Iterator[Callable[[], None]]:
    """Have another process hold the write lock. Yields what makes it let go."""
    file = world.database.url.partition(":///")[2]
    command = [sys.executable, "-c", _HOLD, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"

        def let_go() -> None:
            holder.communicate()

        yield let_go
        let_go()


async def post_both(inm: httpx.AsyncClient, keys: list[dict[str, str]]) -> list[httpx.Response]:
    pairs = zip((NOTICES, HOT), keys, strict=True)
    return await asyncio.gather(*(inm.post(path, json={"words": "hola"}, headers=each) for path, each in pairs))


@ONLY_SQLITE
@pytest.mark.hard_case(8)
async def test_a_request_waits_for_a_lock_that_goes_in_time(world: World) -> None:
    await world.owner("pp", "http://pp")
    async with desk(world) as inm:
        with locked(world) as let_go:
            waiting = asyncio.create_task(post_both(inm, [key(), key()]))
            done, _ = await asyncio.wait([waiting], timeout=1)
            assert not done
            let_go()
        assert [answer.status_code for answer in await waiting] == [201, 201]
    assert await counts(world) == [2, 2, 1, 1]


@ONLY_SQLITE
@pytest.mark.hard_case(8)
async def test_a_lock_that_stays_is_a_503_and_leaves_no_half_event(world: World) -> None:
    keys = [key(), key()]
    await world.owner("pp", "http://pp")
    async with desk(world) as inm:
        with locked(world):
            refused = await post_both(inm, keys)
            assert all(is_unavailable(answer) for answer in refused)
            assert await counts(world) == [0, 0, 0, 0]
        assert not world.database.full
        again = await post_both(inm, keys)
    assert [answer.status_code for answer in again] == [201, 201]
    assert not any("idempotent-replayed" in answer.headers for answer in again)
    assert await counts(world) == [2, 2, 1, 1]


# -- a disk that is full ---------------------------------------------------------------------------------

_FULL = """
CREATE FUNCTION full_table() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE 'could not create file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_memo BEFORE INSERT ON memo FOR EACH ROW EXECUTE FUNCTION full_table();
CREATE TRIGGER full_attempt BEFORE INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION full_table();
CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION full_disk();
"""
_FREE = """
DROP EVENT TRIGGER full_disk;
DROP FUNCTION full_table() CASCADE;
DROP FUNCTION full_disk();
"""


class Disk:
    """The disk under a database: SQLite refuses to grow its file, PostgreSQL says what it says of a full disk."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pages = 1_000_000
        if world.database.is_sqlite:
            event.listen(world.database.engine.sync_engine, "checkout", self._limit)

    async def fill(self) -> None:
        self.pages = 1  # which SQLite takes as: not one more
        await self._say(_FULL)

    async def free(self) -> None:
        self.pages = 1_000_000
        await self._say(_FREE)

    def _limit(self, connection: Any, *_: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={self.pages}")
        cursor.close()

    async def _say(self, script: str) -> None:
        if not self.world.database.is_sqlite:
            connection = await asyncpg.connect(self.world.database.url.replace("+asyncpg", ""))
            await connection.execute(script)
            await connection.close()


@pytest.fixture
async def disk(world: World) -> Disk:
    """The disk of a service that is ready."""
    async with world.database.work() as session:
        await run(session, text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        await run(session, text("INSERT INTO alembic_version VALUES (:head)"), {"head": migrate.head(PACKAGE)})
    await world.owner("pp", "http://pp")
    return Disk(world)


async def readiness(inm: httpx.AsyncClient) -> tuple[int, str]:
    answer = await inm.get("/readyz")
    return answer.status_code, answer.json()["status"]


@BOTH_PATHS
@pytest.mark.hard_case(9)
async def test_a_full_disk_refuses_whole_requests_and_is_seen_in_readiness_until_there_is_room(
    world: World, disk: Disk, path: str
) -> None:
    async with desk(world) as inm:
        taken = await inm.post(path, json={"words": "a"}, headers=key())
        assert (taken.status_code, await readiness(inm)) == (201, (200, "ok"))
        await disk.fill()
        n, answer, last = 0, taken, key()
        while answer.status_code == 201 and n < 200:  # what still fits in pages that there are
            n, last = n + 1, key()
            answer = await inm.post(path, json={"words": "a" * 200}, headers=last)
        assert is_unavailable(answer)
        for _ in range(2):
            assert await readiness(inm) == (503, "the database cannot be written")
        assert await counts(world) == written(path, n)
        await disk.free()
        assert await readiness(inm) == (200, "ok")  # without anybody else's write
        assert (await inm.post(path, json={"words": "a" * 200}, headers=last)).status_code == 201
        assert await counts(world) == written(path, n + 1)


async def work(worker: Deliverer) -> None:
    """Deliver all that is due, a few at a time."""
    while await worker.turn():
        await worker.drain()


@pytest.mark.hard_case(9)
async def test_a_worker_on_a_full_disk_sends_only_what_it_has_written_down(world: World, disk: Disk) -> None:
    post = Post()
    worker = world.deliverer(post)
    published = {await world.publish(f"cas_{n}") for n in range(20)}
    await disk.fill()
    with pytest.raises(Exception, match=r"full|No space left") as refused:
        await work(worker)
    assert is_lost(refused.value)
    assert len(post.sent) == await world.count("attempt") < 20
    async with desk(world) as inm:
        assert await readiness(inm) == (503, "the database cannot be written")
        await disk.free()
        assert await readiness(inm) == (200, "ok")
    await work(worker)
    assert set(await world.states()) == {DeliveryState.DELIVERED}
    assert (set(post.ids()), len(post.ids())) == (published, 20)
