"""Cases that are put where a test needs them, on one service for many tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Bar, Gate, Status
from shared import clock
from shared.auth import Caller
from shared.db import Database
from tests.conftest import migrated_sqlite
from tests.unit.referral.world import World

OFFICER = {"officer": "pp-0001"}
EVERY_GATE = [gate for gate in Gate if gate is not Gate.CLOSING_ASKED]


@asynccontextmanager
async def opened(run_folder: Path, folder: Path) -> AsyncIterator[World]:
    """Open one service on SQLite for a whole file of tests."""
    async with World.open(migrated_sqlite("services.referral", run_folder, folder), folder) as world:
        yield world


def caller(agency: str, kind: str, *, state: str | None = "MX-CHP", role: str = "officer") -> Caller:
    """Return an agency's client as its token would say it."""
    return Caller(agency, agency, kind, role, frozenset({"referral:read", "referral:write"}), state=state)


async def put(world: World, case_id: str, status: Status | None = None, *, gates: Any = (), bars: Any = ()) -> None:
    """Put a case somewhere, with gates open and bars set, as upper slices do."""
    async with world.runtime.database.work() as session:
        case = await cases.find(session, SYSTEM, case_id, lock=True)
        case.status = status or case.status
        case.resumes = None
        for gate in gates:
            cases.open_gate(session, SYSTEM, case, gate, evidence="test")
        for bar in bars:
            cases.set_bar(session, SYSTEM, case, bar, evidence="test")


async def lift(world: World, case_id: str, *bars: Bar) -> None:
    """Lift bars."""
    async with world.runtime.database.work() as session:
        case = await cases.find(session, SYSTEM, case_id, lock=True)
        for bar in bars:
            cases.lift_bar(session, SYSTEM, case, bar, evidence="test")


async def take(database: Database, case_id: str, who: Caller, action: Action) -> Case:
    """Let somebody take a step as an upper slice does."""
    async with database.work() as session:
        case = await cases.find(session, who, case_id, lock=True)
        cases.advance(session, who, case, action)
        return case


async def in_restitution(world: World, **more: Any) -> Any:
    """Return a case whose plan is carried out, with every gate open but that of closing."""
    case = await world.channelled()
    await put(world, case["id"], Status.RESTITUTION, gates=EVERY_GATE, **more)
    return await world.get("pp-chp", f"/cases/{case['id']}")


SUPERVISOR: Any = {"role": "supervisor"}


APPOINTED = {"name": "Ficticia Mil", "contact": "+52 961 000 0000", "document": "COURT_ORDER", "reference": "JF-17"}


def absence(kind: str = "MISSING", **more: Any) -> dict[str, Any]:
    noticed = (clock.now() - timedelta(minutes=5)).isoformat()
    return OFFICER | {"kind": kind, "circumstances": "DID_NOT_COME_BACK", "noticed_at": noticed} | more


def asked(officer: str = "pp-0001", reason: str = "PLAN_FULFILLED") -> dict[str, Any]:
    return {"officer": officer, "reason": reason, "note": "Todo cumplido"}


def month(ahead: int) -> str:
    today = clock.now().date()
    months = today.year * 12 + today.month - 1 + ahead
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def alert(**more: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "state": "MX-CHP", "point": "Puente Rodolfo Robles", "level": "PREPARE", "source": "GRUPO_BETA",
        "under_6": 3, "from_6_to_11": 4, "from_12_to_17": 5, "unaccompanied": 6, "officer": "beta-12",
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=3)).isoformat(),
    } | more  # fmt: skip
