"""What the gateway does by itself: seals its audit, ends proposals that nobody decided, counts keys that end soon."""

import asyncio

from prometheus_client import Gauge

from gateway.clients import changes, rules, store
from shared import clock, sealer, telemetry
from shared.db import Database
from shared.runtime import Runtime

EXPIRING = Gauge("ruta_client_keys_expiring", "Keys of clients that count now and will not in 30 days")
_SEAL_SECONDS = 0.5
_AFTER_FAILURE = 2.0
_EVERY = 60.0


async def seal_forever(runtime: Runtime) -> None:
    """Number and chain what was audited, as the workers of services do. One gateway of several gets to do it."""
    while True:
        wait = _SEAL_SECONDS
        try:
            if await sealer.seal(runtime.database, runtime.signer):
                continue
        except Exception as error:  # a database that is away comes back; the rows wait
            telemetry.failed(error)
            wait = _AFTER_FAILURE
        await asyncio.sleep(wait)


async def keep_forever(runtime: Runtime) -> None:
    """Do the rest once a minute, as long as the process lives."""
    while True:
        try:
            await turn(runtime.database)
        except Exception as error:  # tried again in a minute
            telemetry.failed(error)
        await asyncio.sleep(_EVERY)


async def turn(database: Database) -> None:
    """Do it once."""
    now = clock.now()
    async with database.work(write=False) as session:
        active = [client for client in await store.everyone(session) if client.disabled_at is None]
        overdue = bool(await store.overdue(session, now))
    EXPIRING.set(sum(len(rules.expiring_keys(client, now)) for client in active))
    if overdue:
        async with database.work() as session:
            await changes.expire(session)
