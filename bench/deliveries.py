"""How many deliveries one worker brings to their end each second: claimed, signed, posted, logged, completed.

Variants run interleaved, round by round. The floor is the same number of bare POSTs by the same HTTP
client in one process: no database, no signature. G9 asks what one dead endpoint among 50 costs the
others; G10 how many deliveries a second one worker makes; `slowed` how many times slower each endpoint
that is well is served when five of the 50 are dead.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop
from sqlmodel import col, func, select

from bench.databases import kinds, served
from bench.receivers import receivers
from shared import ids, telemetry, testing
from shared.crypto import Vault
from shared.db import Database
from shared.delivery import service, signing, store
from shared.delivery.models import Delivery, Event
from shared.delivery.parcels import Parcel, Permit, Verdict
from shared.delivery.rules import DeliveryState
from shared.delivery.sender import Sender
from shared.delivery.worker import Deliverer

ENDPOINTS = 50
CASES = 20
"""Cases of each endpoint: what may be on its way at once, since a case's events go one after another."""
VARIANTS = {"none dead": 0, "one dead": 1, "five dead": 5}
G9, G10, SLOWED = 0.95, 1000, 1.2


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure on each database. Returns the figures and whether the first goals are met."""
    events = options.events or 8000
    results = {kind: _measure(kind, events, options.rounds) for kind in kinds(options.database)}
    _print(results)
    return {"passed": all(each["passed"] for each in results.values()), "databases": results}


def _measure(kind: str, events: int, rounds: int) -> dict[str, Any]:
    found: dict[str, list[float]] = {"floor": [], **{name: [] for name in VARIANTS}}
    for _ in range(rounds):
        with receivers(ENDPOINTS) as urls:
            found["floor"].append(_apart(_floor, urls, events))
        for name, dead in VARIANTS.items():
            with receivers(ENDPOINTS - dead, dead) as urls, served(kind, "services.referral") as database:
                found[name].append(_apart(_deliver, database.url, urls, events, ENDPOINTS - dead))
    middle = {name: statistics.median(values) for name, values in found.items()}
    g9 = statistics.median(one / none for one, none in zip(found["one dead"], found["none dead"], strict=True))
    share = zip(found["none dead"], found["five dead"], strict=True)
    slowed = statistics.median(none / ENDPOINTS / (five / (ENDPOINTS - 5)) for none, five in share)
    return {
        "per second": {name: [round(value) for value in values] for name, values in found.items()},
        "median": {name: round(value) for name, value in middle.items()},
        "of the floor": round(middle["none dead"] / middle["floor"], 3),
        "G9": round(g9, 3),
        "G10": round(middle["none dead"]),
        "slowed": round(slowed, 3),
        "passed": g9 >= G9 and middle["none dead"] >= G10 and slowed <= SLOWED,
    }


def _apart(work: Callable[..., float], *arguments: Any) -> float:
    """Run one variant in a process of its own, so that none inherits what another one warmed up."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _floor(urls: Sequence[str], events: int) -> float:
    """Return how many bare POSTs a second the sender makes."""

    async def main() -> float:
        sender = Sender(timeout=15, allow_loopback=True)
        signed = signing.headers(ids.new("evt"), b"", [signing.new_key()])
        body = b"x" * 500

        async def post(lane: list[Parcel]) -> None:
            for parcel in lane:
                await sender.send(parcel)

        lanes: list[list[Parcel]] = [[] for _ in range(ENDPOINTS * 4)]
        for number in range(events):
            parcel = Parcel("", "", "", "", urls[number % len(urls)], False, False, signed, body, Permit(Verdict.OPEN))
            lanes[number % len(lanes)].append(parcel)
        started = time.perf_counter()
        await asyncio.gather(*(post(lane) for lane in lanes))
        took = time.perf_counter() - started
        await sender.close()
        return events / took

    return uvloop.run(main())


def _deliver(url: str, urls: Sequence[str], events: int, well: int) -> float:
    """Return how many deliveries a second one worker completes at the endpoints that are well."""

    async def main() -> float:
        database, vault = Database(url), _vault()
        telemetry._log.disabled = True  # a log line is written by the process's standard output, not by the engine
        await _owe(database, vault, urls, events)
        sender = Sender(timeout=15, allow_loopback=True)
        worker = Deliverer(database, vault, sender, lease=timedelta(seconds=30))
        started = time.perf_counter()
        done = asyncio.create_task(_watch(database, events // len(urls) * well))
        while not done.done():
            worker.wake.clear()
            if not await worker.turn():
                await asyncio.wait(
                    [done, asyncio.ensure_future(worker.wake.wait())], timeout=0.25, return_when="FIRST_COMPLETED"
                )
        took = time.perf_counter() - started
        await worker.drain(grace=0)
        await sender.close()
        await database.close()
        return done.result() / took

    return uvloop.run(main())


async def _watch(database: Database, wanted: int) -> int:
    """Wait until so many are delivered."""
    count = select(func.count()).where(col(Delivery.state) == DeliveryState.DELIVERED)
    while True:
        async with database.work(write=False) as session:
            if (found := (await session.exec(count)).one()) >= wanted:
                return int(found)
        await asyncio.sleep(0.05)


async def _owe(database: Database, vault: Vault, urls: Sequence[str], events: int) -> None:
    """Owe events to the endpoints, in turn."""
    async with database.work() as session:
        endpoints = [
            service.new_endpoint(vault, ids.new("whe"), f"agency-{number}", [signing.new_key()], url=url)
            for number, url in enumerate(urls)
        ]
        session.add_all(endpoints)
        await session.flush()
        facts, owed = [], []
        for number in range(events):
            place, turn = number % len(urls), number // len(urls)
            case, seq = f"cas_{place}_{turn % CASES}", turn // CASES + 1
            fact = service.event(
                "referral.moved",
                case=case,
                seq=seq,
                subject="ref",
                data={"referral_id": ids.new("ref"), "state": "received"},
            )
            facts.append(fact.model_dump())
            owed.append(service.delivery(fact, endpoints[place].id).model_dump())
        await store.run(session, Event.__table__.insert(), facts)  # type: ignore[attr-defined]  # SQLModel adds it
        await store.run(session, Delivery.__table__.insert(), owed)  # type: ignore[attr-defined]  # the same


def _vault() -> Vault:
    with tempfile.TemporaryDirectory() as folder:
        return Vault.read(testing.settings("referral", Path(folder), testing.Keys(), "sqlite://").kek_file)


def _print(results: dict[str, dict[str, Any]]) -> None:
    print("\ndeliveries of one worker, each second (median of the rounds)")
    for kind, found in results.items():
        middle = ", ".join(f"{name} {value}" for name, value in found["median"].items())
        print(f"  {kind:<11} {middle}; {found['of the floor']} of the floor")
        print(f"  {'':<11} G9 {found['G9']} (first: {G9}), G10 {found['G10']} (first: {G10})")
        print(f"  {'':<11} each endpoint slowed by five dead ones: {found['slowed']} times (at most {SLOWED})")
