"""`python -m services.<name> api | worker | migrate | await-schema | restored`: one image, several commands."""

import asyncio
import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial

import uvicorn

from shared import migrate, settings, telemetry
from shared.db import Database
from shared.delivery.restored import restored
from shared.edge.listener import Listener
from shared.rollout import schema, server
from shared.runtime import Runtime

Build = Callable[[Runtime], object]


def main(argv: Sequence[str], package: str, *, api: Build, worker: Build | None) -> None:
    """Run one command of a service, and stop cleanly on SIGTERM."""
    telemetry.configure()
    commands = {
        "api": lambda: _serve(api, settings.load().farewell_seconds),
        "migrate": lambda: asyncio.run(_migrate(package)),
        "await-schema": lambda: asyncio.run(schema.awaited(package, settings.load())),
    }
    if worker is not None:
        commands["worker"] = lambda: _serve(worker, farewell=0)  # nobody sends it anything
        commands["restored"] = lambda: asyncio.run(_restored())
    if len(argv) != 1 or argv[0] not in commands:
        sys.exit(f"usage: python -m {package} {' | '.join(commands)}")
    commands[argv[0]]()


def _serve(build: Build, farewell: float) -> None:
    current = settings.load()
    app = build(Runtime.build(current))
    gc.collect()
    gc.freeze()  # what is here stays; looking through it again and again cost every request
    gc.set_threshold(10_000, 20, 20)
    listener = partial(Listener, max_connections=current.max_connections)
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # ASGI apps have no common base
        host=current.host, port=current.port, loop="uvloop", http=listener, ws="none",  # type: ignore[arg-type]  # a class
        access_log=False, log_level="warning", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=server.FINISHING_SECONDS, backlog=2048, timeout_keep_alive=5,
    )  # fmt: skip
    server.run(config, farewell)


async def _migrate(package: str) -> None:
    current = settings.load()
    await migrate.upgrade(package, current.database_url)
    if current.keyring_url:
        await schema.create_keyring(current)


async def _restored() -> None:
    database = Database(settings.load().database_url, pool_size=1)
    await restored(database)
    await database.close()
