"""Small programs that tests start, stop, pause and kill: a worker, and writers.

`python -m tests.delivery.program worker|hesitate|hurry <database url> <kek file>`; each says `ready` when it is.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from shared import telemetry
from shared.crypto import Vault
from shared.db import Database, is_lost
from shared.delivery import service
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer

LEASE = timedelta(seconds=float(os.environ.get("RUTA_TEST_LEASE", "2")))
TIMEOUT, POLL, GRACE = 30.0, 0.25, 1.0
OWNERS = ("agency-0", "agency-1", "agency-2")


async def work(url: str, kek: Path) -> None:
    """Deliver until SIGTERM; then end as a worker's process does."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    sender = Sender(timeout=TIMEOUT, allow_loopback=True)
    worker = Deliverer(Database(url), Vault.read(kek), sender, lease=LEASE)
    print("ready", flush=True)
    while not stopping.is_set():
        worker.wake.clear()
        try:
            if await worker.turn():
                continue
        except Exception as error:
            if not is_lost(error):
                raise
            telemetry.failed(error)
        with suppress(TimeoutError):
            await asyncio.wait_for(worker.wake.wait(), POLL)
    await worker.drain(grace=GRACE)
    await sender.close()


async def hesitate(url: str, _: Path) -> None:
    """Publish an event, and stand before the commit until killed."""
    async with Database(url).work() as session:
        await service.publish(session, "memo.written", case="cas_1", subject="mem_1", audience=OWNERS, data={})
        await session.flush()
        print("ready", flush=True)
        await asyncio.Event().wait()


async def hurry(url: str, _: Path) -> None:
    """Publish event after event until killed."""
    database = Database(url)
    print("ready", flush=True)
    while True:
        async with database.work() as session:
            await service.publish(session, "memo.written", case="cas_1", subject="mem_1", audience=OWNERS, data={})


if __name__ == "__main__":
    asyncio.run({"worker": work, "hesitate": hesitate, "hurry": hurry}[sys.argv[1]](sys.argv[2], Path(sys.argv[3])))
