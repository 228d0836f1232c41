"""How fast the official tables are read, and their figures counted, at a million encounters of 600,000 children.

The figures are counted by the code that counts encounters; only the encounters themselves are left out, since no table
reads them. G13 asks for the p99 of tables over half-years and years, persons included, and of the comparison of two
half-years, over HTTP in one process. `breakdown` (dimensions of free choice, from the ledger) is measured apart.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bench.databases import kinds, served
from bench.people.meetings import PLACES
from services.intake.counts import service
from services.intake.counts.rules import Counted, Series
from services.intake.main import api
from shared import auth, ids, testing
from shared.db import Database
from tests import postgres

G13 = 150.0
BATCH = 5000
ROUNDS = 30
FIRST = date(2024, 1, 1)
DAYS = 731
LAST = FIRST + timedelta(days=DAYS - 1)
STATES = {name: share for name, (share, _) in PLACES.items()}
TIMES_MET = ([1, 2, 3, 4, 5, 6], [0.62, 0.22, 0.09, 0.04, 0.02, 0.01])
NATIONALITIES = {
    "HND": 51, "GTM": 30, "SLV": 11, "NIC": 3, "ECU": 1.2, "VEN": 1, "HTI": 0.8, "CUB": 0.7, "COL": 0.6, "BRA": 0.3,
    "PER": 0.2, "CHL": 0.2, None: 0.1,
}  # fmt: skip
CONDITIONS = {"UNACCOMPANIED": 0.257, "SEPARATED": 0.13, "ACCOMPANIED": 0.613}
POINTS = ["Tijuana", "Mexicali", "Nogales", "Ciudad Juárez", "Ojinaga", "Piedras Negras", "Nuevo Laredo", "Reynosa"]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure on each database. Returns the figures and whether the first goal is met."""
    events = options.events or 1_000_000
    results = {kind: _apart(kind, events) for kind in kinds(options.database)}
    _print(results, events)
    return {"passed": all(each["G13"] <= G13 for each in results.values()), "events": events, "databases": results}


def _apart(kind: str, events: int) -> dict[str, Any]:
    with served(kind, "services.intake") as database:
        found: dict[str, Any] = postgres.run(_measure(database.url, events))
        return found


def made_up(count: int) -> Iterator[Counted]:
    """Yield events with the dimensions and repetitions of met children, in the order of time of each child."""
    chance = Random(20260202)
    number = child = 0
    since = datetime(2026, 1, 1, tzinfo=UTC)
    while number < count:
        child += 1
        age = chance.choices(["CHILD", "ADOLESCENT"], [0.45, 0.55])[0]
        sex, nation = chance.choice("FM"), _one(chance, NATIONALITIES)
        mexican = chance.random() < 0.15
        condition = _one(chance, CONDITIONS)
        day = FIRST + timedelta(days=chance.randrange(DAYS))
        for _ in range(chance.choices(*TIMES_MET)[0]):
            number += 1
            yield Counted(
                id=f"enc_{number:032x}", child_id=f"chd_{child:032x}", person_id="", since=since, day=min(day, LAST),
                series=Series.MEXICAN if mexican else Series.FOREIGN if chance.random() < 0.7 else Series.RETURNED,
                nationality="MEX" if mexican else nation, sex=sex, age_group=age, travel_condition=condition,
                state=_one(chance, STATES), return_point=chance.choice(POINTS) if mexican else None,
                state_of_origin=chance.choice(list(PLACES)) if mexican else None,
                returned_from="USA" if mexican else None,
            )  # fmt: skip
            day += timedelta(days=int(chance.expovariate(1 / 40)))


def _one(chance: Random, shares: dict[Any, float]) -> Any:
    return chance.choices(list(shares), list(shares.values()))[0]


async def _load(database: Database, count: int) -> float:
    """Count made-up events, in batches. Returns the seconds that took, without making them up."""
    took, batch = 0.0, {}
    for event in made_up(count):
        batch[event.id] = event
        if len(batch) == BATCH or event.id.endswith(f"{count:x}".zfill(32)):
            started = time.perf_counter()
            async with database.work() as session:
                await service.count(session, dict(batch))
            took += time.perf_counter() - started
            batch.clear()
    return took


async def _measure(url: str, events: int) -> dict[str, Any]:
    keys = testing.Keys()
    with tempfile.TemporaryDirectory() as folder:
        settings = testing.settings("intake", Path(folder), keys, url, keyring_url="sqlite://")
        runtime = testing.runtime(settings)
        took = await _load(runtime.database, events)
        if not runtime.database.is_sqlite:
            async with runtime.database.engine.begin() as connection:
                await connection.exec_driver_sql("ANALYZE")
        async with testing.client(api(runtime), _upm(keys)) as caller:
            tables = {name: await _times(caller, path) for name, path in _asked().items()}
        await runtime.close()
    every = sorted(value for name, values in tables.items() if name != "breakdown" for value in values)
    return {
        "counted each second": round(events / took),
        "G13": round(_p99(every), 1),
        "p50": round(every[len(every) // 2], 1),
        "p99 of each": {name: round(_p99(values), 1) for name, values in tables.items()},
    }


def _upm(keys: testing.Keys) -> str:
    """Return a token of the federal office that reads exact tables."""
    claims = {
        "aud": "ruta", "sub": "upm", "client_id": "upm", "jti": ids.opaque("jti"), "agency": "upm",
        "agency_kind": "UPM", "role": "officer", "scope": "statistics:read",
    }  # fmt: skip
    return keys.signers["gateway"].sign(claims, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)


def _asked() -> dict[str, str]:
    half, year = "first_month=2024-07&last_month=2024-12", "first_month=2024-01&last_month=2024-12"
    base = "/v1/intake/statistics"
    paths = {
        f"{name} {span}": f"{base}/{name}?{period}"
        for name in ("T1", "T2", "T3", "T4", "T5", "T6A", "T6B")
        for span, period in (("half-year", half), ("year", year))
    }
    against = "against_first_month=2025-07&against_last_month=2025-12"
    chosen = "series=FOREIGN&by=nationality&by=sex&first_day=2024-07-01&last_day=2024-12-31"
    return paths | {"comparison": f"{base}/comparison?{half}&{against}", "breakdown": f"{base}/breakdown?{chosen}"}


async def _times(caller: Any, path: str) -> list[float]:
    """Return how many milliseconds an answer takes, several times."""
    found: list[float] = []
    await caller.get(path)  # warm: what every process does once is none of the tables' cost
    for _ in range(ROUNDS):
        started = time.perf_counter()
        answer = await caller.get(path)
        found.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0)
    return found


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def _print(results: dict[str, dict[str, Any]], events: int) -> None:
    print(f"\nofficial tables at {events:,} events, milliseconds")
    for kind, found in results.items():
        speed = found["counted each second"]
        print(f"  {kind:<11} p50 {found['p50']}, p99 {found['G13']} (first: {G13}); {speed} counted each second")
        slowest = sorted(found["p99 of each"].items(), key=lambda item: -item[1])[:5]
        print(f"  {'':<11} slowest: {', '.join(f'{name} {value}' for name, value in slowest)}")
