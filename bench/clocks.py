"""A million open clocks, 200 of them due each second: how late they speak, and what that costs (G16).

One worker of referral does all that it does when clocks speak: it claims a batch, moves each clock on, finds its chain,
its case and its referral, writes the audit and the event, and owes it to every endpoint. Half of them warn, half break.
Lateness is from the moment at which a clock is due to the commit. CPU is what the kernel counted for the worker and,
on PostgreSQL, for the server with all of its processes.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from sqlmodel import SQLModel, text
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.databases import kinds, served
from services.referral.cases.models import Case
from services.referral.clocks import service as clocks
from services.referral.clocks.rules import STEPS
from services.referral.referrals.codes import LawfulBasis, Urgency
from services.referral.referrals.deadlines import ACK_DIF
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import ReferralKind
from shared import ids
from shared.clocks.firing import Said, Voice, fire
from shared.clocks.models import Clock
from shared.db import Database
from shared.db import run as execute
from shared.delivery import bulk
from shared.delivery.models import Endpoint
from shared.delivery.rules import Channel, EndpointState

OPEN, RATE, SECONDS, CASES = 1_000_000, 200, 20, 4_000
POLL = 0.25
"""As the worker looks for work (settings.poll_seconds)."""
_CHUNK = 20_000
LATENESS, CORES = 2.0, 1.0
AGENCIES = ("dif-chp", "inm-chp", "pp-chp", "dif-nacional")
_COLUMNS = "id, rule, case_key, resource_id, agency, state, started_at, warn_at, due_at, next_at, step, extended"
_MANY = {
    "postgresql": f"INSERT INTO clock ({_COLUMNS}) SELECT 'clk_' || lpad(to_hex(g), 32, '0'), 'ACK_DIF', "  # noqa: S608
    "'cas_' || g % 40000, 'ref_' || g, 'agency-' || g % 300, 'running', now(), t, t, t, 0, 0 "
    "FROM generate_series(CAST(:low AS integer), CAST(:high AS integer)) g, "
    "LATERAL (SELECT now() + interval '1 hour' + g * interval '3 seconds' t) due",
    "sqlite": "WITH RECURSIVE s(g) AS (SELECT :low UNION ALL SELECT g + 1 FROM s WHERE g < :high) "  # noqa: S608
    f"INSERT INTO clock ({_COLUMNS}) SELECT printf('clk_%032x', g), 'ACK_DIF', 'cas_' || g % 40000, 'ref_' || g, "
    "'agency-' || g % 300, 'running', t, t, t, t, 0, 0 FROM (SELECT g, strftime('%Y-%m-%d %H:%M:%f', 'now', "
    "'+' || (3600 + g * 3) || ' seconds') || '000' AS t FROM s)",
}  # (the names are our own)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure on each database. Returns the figures and whether the goal is met."""
    results = {kind: _measure(kind, options.events or OPEN) for kind in kinds(options.database)}
    print("\nclocks: one worker")
    for kind, found in results.items():
        print(f"  {kind:<11} {found['open']} open, {found['spoke']} of {found['due']} spoke at {RATE} a second")
        print(
            f"  {'':<11} late by p50 {found['p50']} s, p99 {found['p99']} s, most {found['most']} s (first: {LATENESS})"
        )
        print(f"  {'':<11} cores: worker {found['worker']}, database {found['server']} (first: {CORES} together)")
        print(f"  {'':<11} load of the machine {found['load']}")
    return {"passed": all(each["passed"] for each in results.values()), "databases": results}


def _measure(kind: str, many: int) -> dict[str, Any]:
    with served(kind, "services.referral") as database, multiprocessing.get_context("spawn").Pool(1) as pool:
        start = pool.apply(_fill, (database.url, many))
        server = _cpu(database.pid) if database.pid else 0.0
        late, worker, elapsed = pool.apply(_work, (database.url, start))
        server = (_cpu(database.pid) - server) / elapsed if database.pid else 0.0
    late.sort()
    p99 = late[int(len(late) * 0.99)] if late else float("inf")
    return {
        "open": many, "due": RATE * SECONDS, "spoke": len(late), "p50": round(statistics.median(late), 3),
        "p99": round(p99, 3), "most": round(late[-1], 3), "worker": round(worker / elapsed, 3),
        "server": round(server, 3), "load": os.getloadavg()[0],
        "passed": len(late) == RATE * SECONDS and p99 <= LATENESS and worker / elapsed + server <= CORES,
    }  # fmt: skip


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process, of those it has waited for, and of those that run under it."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(folder.name) == pid:
            total += sum(int(each) for each in fields[11:15])
        elif int(fields[1]) == pid:
            total += sum(int(each) for each in fields[11:13])
    return total / ticks


# -- in a process of its own -------------------------------------------------------------------------------


def _fill(url: str, many: int) -> float:
    """Write all clocks. Returns when the first is due, in seconds since 1970."""

    async def main() -> float:
        database = Database(url)
        statement = text(_MANY["sqlite" if database.is_sqlite else "postgresql"])
        for low in range(1, many + 1, _CHUNK):
            async with database.work() as session:
                await execute(session, statement, {"low": low, "high": min(low + _CHUNK - 1, many)})
        async with database.work() as session:
            await _insert(session, [_endpoint(agency) for agency in AGENCIES])
            found = [_case() for _ in range(CASES)]
            await _insert(session, found)
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("ANALYZE")
        start = datetime.now(UTC) + timedelta(seconds=8)
        async with database.work() as session:
            pairs = [_due(found[n % CASES].id, start, n) for n in range(RATE * SECONDS)]
            await _insert(session, [referral for referral, _ in pairs])
            await _insert(session, [due for _, due in pairs])
        await database.close()
        return start.timestamp()

    return uvloop.run(main())


async def _insert(session: AsyncSession, rows: Sequence[SQLModel]) -> None:
    for place in range(0, len(rows), 1000):
        table = type(rows[0]).__table__  # type: ignore[attr-defined]  # SQLModel adds it
        await bulk.insert(session, table, [row.model_dump() for row in rows[place : place + 1000]])


def _endpoint(agency: str) -> Endpoint:
    now = datetime.now(UTC)
    return Endpoint(
        id=ids.new("whe"), owner=agency, channel=Channel.PULL, url="", state=EndpointState.ACTIVE, cap=4, secrets=b"",
        served_at=now, created_at=now,
    )  # fmt: skip


def _case() -> Case:
    now = datetime.now(UTC)
    return Case(
        id=ids.new("cas"), child_id=ids.new("chd"), state="MX-CHP", representative="pp-chp", created_at=now,
        updated_at=now,
    )  # fmt: skip


def _due(case_id: str, start: datetime, number: int) -> tuple[Referral, Clock]:
    """Return a referral and its clock, which warns or breaks when its turn comes."""
    moment = start + timedelta(seconds=number / RATE)
    due_at = moment if number % 2 else moment + timedelta(hours=1)
    referral = Referral(
        id=ids.new("ref"), case_id=case_id, child_id="chd", kind=ReferralKind.DIF_HANDOVER, sender="inm-chp",
        recipient="dif-chp", reason="ENCOUNTER", urgency=Urgency.HOUR, lawful_basis=LawfulBasis.LEGAL_OBLIGATION,
        due_at=due_at, created_at=start, updated_at=start,
    )  # fmt: skip
    clock = Clock(
        id=ids.new("clk"), rule=ACK_DIF.id, case_key=case_id, resource_id=referral.id, agency="dif-chp",
        started_at=start, warn_at=moment, due_at=due_at, next_at=moment,
    )  # fmt: skip
    return referral, clock


def _work(url: str, start: float) -> tuple[list[float], float, float]:
    """Let clocks speak as the worker does. Returns how late each was, the CPU seconds and the seconds that passed."""

    async def main() -> tuple[list[float], float, float]:
        database = Database(url)
        late: list[float] = []
        spoken: list[float] = []

        async def speak(session: AsyncSession, said: Sequence[Said]) -> None:
            moments = [each.clock.due_at if each.kind == "clock.breached" else each.clock.warn_at for each in said]
            await clocks.speak(session, said)
            spoken.extend(moment.timestamp() for moment in moments)

        voice = Voice(speak, STEPS)
        await asyncio.sleep(max(0.0, start - time.time()))
        began, used = time.time(), time.process_time()
        while time.time() < start + SECONDS + LATENESS and len(late) < RATE * SECONDS:
            spoken.clear()
            if await fire(database, voice):
                now = time.time()
                late.extend(now - moment for moment in spoken)
            else:
                await asyncio.sleep(POLL)
        elapsed, used = time.time() - began, time.process_time() - used
        await database.close()
        return late, used, elapsed

    return uvloop.run(main())
