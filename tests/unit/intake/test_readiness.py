"""A process under load is ready: what others do with the database keeps nobody from saying so."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlmodel import text

from shared.db import run
from shared.testing import client
from tests.unit.intake.world import World


async def ready(world: World) -> tuple[int, str]:
    async with client(world.app) as anybody:
        answer = await anybody.get("/readyz")
    return answer.status_code, answer.json()["status"]


@asynccontextmanager
async def busy(world: World, *, writing: bool, works: int) -> AsyncIterator[None]:
    """So many units of work are open in this process, and stay so."""
    async with AsyncExitStack() as stack:
        for _ in range(works):
            session = await stack.enter_async_context(world.runtime.database.work(write=writing))
            await run(session, text("SELECT 1"))
        yield


async def test_a_process_whose_every_connection_is_in_use_is_ready(world: World) -> None:
    async with busy(world, writing=False, works=world.runtime.settings.pool_size):
        assert await ready(world) == (200, "ok")


async def test_a_process_is_ready_while_somebody_writes(world: World) -> None:
    async with busy(world, writing=True, works=1):
        assert await ready(world) == (200, "ok")
