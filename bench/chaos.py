"""Trouble by chance, and a checker of what came of it.

Publishers commit and roll back; workers are killed and paused; the database is restarted; receivers
fail, hang, drip and lie; some are dead. Afterwards every receiver's history is held against what
was committed: nothing lost, nothing invented, each case in order, each repetition the same bytes.
The seed repeats the decisions (which, when, how long), not the machine's own timing.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import secrets
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop

from bench.databases import Served, kinds, served
from bench.history import Seen, check, committed
from bench.troubled import troubled
from shared import ids, telemetry, testing
from shared.crypto import Vault
from shared.db import Database, is_lost
from shared.delivery import rules, service, signing
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer

EVENTS, ENDPOINTS, DEAD, CASES, WORKERS = 10_000, 50, 5, 400, 3
LEASE, TIMEOUT = timedelta(seconds=4), 1.0
SETTLE_SECONDS = 240.0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make trouble on each database. Returns the verdicts."""
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    minutes = options.minutes or 5.0
    events = options.events or EVENTS
    results = {}
    for kind in kinds(options.database):
        print(f"\nchaos on {kind}: seed {seed}, {events} events, {minutes:g} minutes of trouble", flush=True)
        results[kind] = _trouble(kind, seed, events, minutes * 60)
        for name, value in results[kind].items():
            print(f"  {name:<28} {value}")
    return {"passed": all(each["verdict"] == "sound" for each in results.values()), "seed": seed, "databases": results}


def _trouble(kind: str, seed: int, events: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, served(kind, "services.referral") as database:
        kek = testing.settings("referral", Path(folder), testing.Keys(), database.url).kek_file
        with troubled(ENDPOINTS - DEAD, DEAD, seed) as receivers:
            uvloop.run(_register(database.url, kek, receivers.urls))
            with _processes(database.url, kek, events, seconds, seed) as crew:
                told = _make_trouble(random.Random(seed), crew, database, seconds)
                receivers.calm()
                settled = _settle(database.url, crew)
            history = receivers.history()
        facts = uvloop.run(committed(database.url))
    faults = check(facts, history, dead=set(range(ENDPOINTS - DEAD, ENDPOINTS)))
    return {
        **told,
        "committed events": len(facts.events),
        "arrivals": len(history),
        "of them repeated": len(history) - len({(each.endpoint, each.event_id) for each in history}),
        "settled after seconds": round(settled, 1) if settled is not None else "never",
        "faults": faults[:10],
        "late at well receivers": _late(history),
        "verdict": "sound" if not faults and settled is not None else "FAULTY",
    }


def _late(history: list[Seen]) -> str:
    """Say how late receivers that are well got their events, half of them against the other half."""
    late = sorted(each.at - each.published for each in history if each.kind == "well" and each.first)
    return (
        f"well receivers: p50 {statistics.median(late) * 1000:.0f} ms, p99 {late[int(len(late) * 0.99)] * 1000:.0f} ms"
    )


# -- who takes part --------------------------------------------------------------------------------


class Crew:
    """The processes that publish and deliver. A worker that was killed is started again."""

    def __init__(self, url: str, kek: Path, events: int, seconds: float, seed: int) -> None:
        self._arguments = (url, kek)
        spawn = multiprocessing.get_context("spawn")
        self.publisher = spawn.Process(target=_publish, args=(url, events, seconds, seed), daemon=True)
        self.publisher.start()
        self.workers = [self._start() for _ in range(WORKERS)]

    def _start(self) -> Any:
        made = multiprocessing.get_context("spawn").Process(target=_work, args=self._arguments, daemon=True)
        made.start()
        return made

    def kill(self, place: int) -> None:
        """End a worker in the middle of whatever it does, and start another."""
        self.workers[place].kill()
        self.workers[place].join()
        self.workers[place] = self._start()

    def pause(self, place: int) -> Any:
        """Stop a worker for a while; returns what lets it go on."""
        process = self.workers[place]
        os.kill(process.pid, signal.SIGSTOP)

        def go_on() -> None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)

        return go_on


@contextmanager
def _processes(url: str, kek: Path, events: int, seconds: float, seed: int) -> Iterator[Crew]:
    crew = Crew(url, kek, events, seconds, seed)
    try:
        yield crew
    finally:
        for process in (crew.publisher, *crew.workers):
            process.kill()
            process.join()


def _make_trouble(chance: random.Random, crew: Crew, database: Served, seconds: float) -> dict[str, int]:
    """Kill, pause and restart at random for so long. Returns how often each happened."""
    told = {"workers killed": 0, "workers paused": 0, "database restarts": 0}
    resting: list[tuple[float, Any]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.5, 3))
        for until, go_on in [each for each in resting if each[0] <= time.monotonic()]:
            go_on()
            resting.remove((until, go_on))
        deed, place = chance.random(), chance.randrange(WORKERS)
        if deed < 0.45:
            crew.kill(place)
            told["workers killed"] += 1
        elif deed < 0.8:
            rest = chance.uniform(1, 2 * LEASE.total_seconds())
            resting.append((time.monotonic() + rest, crew.pause(place)))
            told["workers paused"] += 1
        elif database.restart is not None:
            database.restart()
            told["database restarts"] += 1
    for _, go_on in resting:
        go_on()
    return told


def _settle(url: str, crew: Crew) -> float | None:
    """Wait until nothing is owed to a receiver that lives. Returns how long that took, or None."""
    started = time.monotonic()
    crew.publisher.join(SETTLE_SECONDS)
    while time.monotonic() - started < SETTLE_SECONDS:
        if uvloop.run(_owed(url)) == 0:
            return time.monotonic() - started
        time.sleep(0.5)
    return None


async def _owed(url: str) -> int:
    facts = await committed(url)
    return sum(1 for _, place in facts.undone if place < ENDPOINTS - DEAD)


# -- what they do ----------------------------------------------------------------------------------


async def _register(url: str, kek: Path, urls: list[str]) -> None:
    database, vault = Database(url), Vault.read(kek)
    async with database.work() as session:
        for place, address in enumerate(urls):
            key = [signing.new_key()]
            session.add(service.new_endpoint(vault, ids.new("whe"), f"agency-{place}", key, url=address))
    await database.close()


def _publish(url: str, events: int, seconds: float, seed: int) -> None:
    """Commit events in the course of the trouble, to two or three agencies each; roll every tenth back."""

    async def main() -> None:
        chance, database = random.Random(seed + 1), Database(url)
        pause, made = seconds / events, 0
        while made < events:
            started = time.monotonic()
            audience = [f"agency-{place}" for place in chance.sample(range(ENDPOINTS), 3)]
            case, rolled_back = f"cas_{chance.randrange(CASES)}", chance.random() < 0.1
            try:
                async with database.work() as session:
                    data = {"published": time.time(), "case": case, "rolled_back": rolled_back}
                    await service.publish(
                        session, "referral.moved", case=case, subject="ref", audience=audience, data=data
                    )
                    if rolled_back:
                        raise _Never
                made += 1
            except _Never:
                continue
            except Exception as error:
                if not is_lost(error):
                    raise
                await asyncio.sleep(0.2)
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - started)))
        await database.close()

    uvloop.run(main())


class _Never(Exception):
    """The transaction is rolled back: nobody may ever hear of it."""


def _work(url: str, kek: Path) -> None:
    """Deliver until killed, with short waits: hours of trouble in minutes."""
    rules.SCHEDULE = rules.SISTER_SCHEDULE
    telemetry._log.disabled = True

    async def main() -> None:
        sender = Sender(timeout=TIMEOUT, allow_loopback=True)
        worker = Deliverer(Database(url, pool_size=4), Vault.read(kek), sender, lease=LEASE)
        while True:
            worker.wake.clear()
            try:
                if await worker.turn():
                    continue
            except Exception as error:
                if not is_lost(error):
                    raise
                await asyncio.sleep(0.2)
            with suppress(TimeoutError):
                await asyncio.wait_for(worker.wake.wait(), 0.1)

    uvloop.run(main())
