"""Whoever reads or writes under the guard locks in one order: clocks of the case, referrals, the case, guards.

On PostgreSQL, two at a time on one case: each statement that may lock waits a moment first, so that the two go in step
and opposite orders must meet. Nothing is kept: each pair finds the same case. `--long` tries every pair.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.rules import Bar
from services.referral.clocks.service import fired
from services.referral.disclosures import service as disclosures
from services.referral.majority import service as majority
from services.referral.protection import permits
from shared import clock
from shared.clocks.firing import fire
from tests.unit.referral.abroad_world import granted, subscribed
from tests.unit.referral.cases_world import caller, month, put
from tests.unit.referral.consents_world import asked, consented
from tests.unit.referral.measures_world import assessment, measure
from tests.unit.referral.protection_world import ask_permit, indication_in, released, tell
from tests.unit.referral.refuge_world import PP, claim_in
from tests.unit.referral.test_lifts import SECOND, consent, lift_in
from tests.unit.referral.world import World

pytestmark = pytest.mark.timeout(300)  # who waits for whom takes its time on a slow machine

Act = Callable[[], Awaitable[Any]]
Acts = Mapping[str, Act]
STEP = 0.002
"""Seconds that a locking statement waits, so that the two of a pair go in step."""
GUARDED = ("indicates", "facts", "claims")
"""Whom everybody else meets in each run: all of them lock clocks, case and guards."""


@pytest.fixture
def database_kind() -> str:
    """SQLite has one writer at a time: nothing can wait in a circle there."""
    return "postgresql"


async def acts(world: World) -> Acts:
    """Return everything that can be done at once with one case, prepared: each would succeed alone."""
    case, notice = await released(world)
    await subscribed(world)
    case_id, child = case["id"], case["child_id"]
    abroad = await granted(world, case)
    await put(world, case_id, bars=[Bar.APPEAL_PENDING])
    lift = (await world.post("pp-chp", "/lifts", lift_in(case_id, **consent()), 201)).json()["id"]
    review = (await world.get("pp-chp", "/reviews"))["items"][0]["id"]
    given = await consented(world, case_id)
    shared = await asked(world, case_id)
    open_ = await world.service(case_id, "unhcr")
    away = {
        "case_id": case_id, "kind": "CUSTODY", "recipient": "dif-tam", "reason": "SAFETY", "officer": "dif-0031",
        "lawful_basis": "BEST_INTERESTS", "fields": ["status"],
    }  # fmt: skip
    moving = (await world.post("dif-chp", "/transfers", away, 201)).json()["id"]

    def post(who: str, path: str, body: Any, status: int, **claims: Any) -> Act:
        return lambda: world.post(who, path, body, status, **claims)

    async def reads() -> None:
        async with world.runtime.database.work() as session:
            reader = caller("unicef", "UNICEF", state=None)
            await disclosures._plan(session, reader, shared["id"], lock=True)

    async def speaks() -> None:
        with clock.at(clock.now() + timedelta(days=4)):
            assert await fire(world.runtime.database, fired) > 0

    ends = {"outcome": "END", "reasons": "Ya no hace falta", "officer": "pp-0001"}
    taken = PP | {"withdrawn_by": "PP_EN_SUPLENCIA"}
    withheld = {"case_id": case_id, "agency": "iom", "reason": "FEAR_OF_HARM", "officer": "pp-0001"}
    return {
        "indicates": post("dif-chp", "/indications", indication_in(case_id), 201),
        "facts": lambda: tell(world, child, version=8, majority_month=month(2)),
        "claims": post("pp-chp", "/refuge-claims", claim_in(case_id), 201),
        "screens": lambda: tell(
            world, child, version=9, indicators=["PERSECUTION"], state="MX-CHP", screened_by="inm-chp"
        ),
        "meets": lambda: world.encounter(child),
        "asks": lambda: ask_permit(world, notice),
        "asks abroad": lambda: permits.gate(world.runtime.database)(abroad),
        "reviews": post("pp-chp", f"/reviews/{review}/decide", ends, 200),
        "lifts": post("pp-chp", f"/lifts/{lift}/concur", SECOND, 200),
        "assesses": post("dif-chp", "/assessments", assessment(case_id, findings=["TRAFFICKING"]), 201),
        "returns": post("pp-chp", "/returns", PP | {"case_id": case_id, "kind": "ASSISTED_RETURN",
                                                    "destination": "HND"}, 201),
        "orders": post("pp-chp", "/measures", measure(case_id), 201),
        "accepts": post("unhcr", f"/referrals/{open_['id']}/accept", None, 200),
        "calls off": post("pp-chp", f"/referrals/{shared['id']}/withdraw", {"reason": "NO_LONGER_NEEDED"}, 200),
        "moves": post("dif-tam", f"/transfers/{moving}/accept", {"officer": "dif-0099"}, 200, state="MX-TAM"),
        "takes back": post("pp-chp", f"/consents/{given['id']}/withdraw", taken, 200),
        "withholds": post("pp-chp", "/withholdings", withheld, 201),
        "reads": reads,
        "speaks": speaks,
        "grows": lambda: majority.turn(world.runtime.database),
    }  # fmt: skip


@contextmanager
def in_step(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let locking statements wait a moment, and nothing be kept. Yields the deadlocks that PostgreSQL found."""
    engine, found = world.runtime.database.engine.sync_engine, list[str]()

    def wait(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "FOR UPDATE" in statement or statement.startswith(("UPDATE", "INSERT INTO guard")):
            await_only(asyncio.sleep(STEP))

    def broken(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", "") == "40P01":
            found.append(str(context.statement))

    async def undo(self: AsyncSession) -> None:
        await self.flush()
        await (await self.connection()).rollback()

    event.listen(engine, "before_cursor_execute", wait)
    event.listen(engine, "handle_error", broken)
    monkeypatch.setattr(AsyncSession, "commit", undo)
    yield found
    monkeypatch.undo()
    event.remove(engine, "before_cursor_execute", wait)
    event.remove(engine, "handle_error", broken)


async def circles(made: Acts, pairs: list[tuple[str, str]], found: list[str]) -> dict[tuple[str, str], list[str]]:
    """Return the pairs that waited for each other, and where."""
    circles = {}
    for pair in pairs:
        found.clear()
        await asyncio.gather(*(made[name]() for name in pair), return_exceptions=True)
        if found:
            circles[pair] = list(found)
    return circles


async def test_each_would_succeed_alone_and_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await acts(world)
    with in_step(world, monkeypatch):
        for _ in range(2):
            for each in made.values():
                await each()


async def test_nobody_waits_in_a_circle_with_who_closes_the_guard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await acts(world)
    with in_step(world, monkeypatch) as found:
        assert await circles(made, [(one, other) for one in GUARDED for other in made], found) == {}


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_no_two_wait_in_a_circle(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await acts(world)
    with in_step(world, monkeypatch) as found:
        assert await circles(made, list(combinations_with_replacement(made, 2)), found) == {}


async def test_an_opposite_order_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await acts(world)

    async def backwards(session: AsyncSession, who: Any, case_id: str) -> Any:
        found = await cases.find(session, who, case_id, lock=True)
        await case_store.hold_clocks(session, case_id)
        return found

    monkeypatch.setattr("services.referral.protection.knowing.cases.find_with_clocks", backwards)
    with in_step(world, monkeypatch) as found:
        for _ in range(60):  # in step, and yet not always at the same step
            if await circles(made, [("indicates", "calls off")], found):
                return
    raise AssertionError("the opposite order was not found")
