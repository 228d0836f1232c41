"""No byte that a body of another state can see depends on a child that was not released to it.

Two worlds live through the same events. In one of them there is a further child whose guard closed: before, between or
after the steps of a release. Honduras's body tries every route, list, filter, cursor and its feed, and gets the same.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.protection import store
from services.referral.protection.models import Crossing
from services.referral.referrals import store as referrals
from services.referral.referrals.models import Referral
from shared import clock, ids
from shared.delivery.parcels import Result
from shared.delivery.rules import Outcome
from shared.testing import key
from tests.conftest import MigratedFactory
from tests.unit.consular.world import without_chance
from tests.unit.referral.abroad_world import ABROAD, HONDURAS, Wire, crossing_in, deliver, granted, subscribed
from tests.unit.referral.protection_world import indication_in, ready, tell
from tests.unit.referral.world import V1, World, service_in

STEPS = (("before", "released"), ("proposed", "relative"), ("concurred", "waits"))
"""When a child's guard closes: of one before the body has got something, and of another after."""
LISTS = (
    "crossings", "cases", "referrals", "transfers", "clocks", "endpoints", "deliveries", "events", "alarms", "actas",
    "agencies?limit=3", "alerts", "releases", "lifts", "reviews", "free-places?state=MX-CHP&children=F14", "rules",
    "calendar-suspensions", "crossings?limit=1", "deliveries?limit=1", "referrals?state=sent", "cas-reports",
)  # fmt: skip


@dataclass
class Side:
    """One of the two worlds, and everything that may not be known in it."""

    world: World
    wire: Wire = field(default_factory=Wire)
    hidden: dict[str, str] = field(default_factory=dict)

    async def open_child(self) -> None:
        """A child is released to the body, and its system gets it."""
        await granted(self.world, await ready(self.world))

    async def closed_child(self, step: str) -> None:
        """A child is on its way to being released, and says in time that it fears going back."""
        case = await ready(self.world)
        if step != "before":
            release = (await self.world.post("inm-chp", "/releases", crossing_in(case["id"]), 201)).json()
            taken = (("pp-chp", "concur"), ("inm-chp", "release"))
            for agency, action in taken[: {"proposed": 0, "concurred": 1}.get(step, 2)]:
                await self.world.post(agency, f"/releases/{release['id']}/{action}", {"officer": "o-1"}, 200)
            self.hidden["releases"] = release["id"]
        said = case["id"]
        if step == "relative":
            sister = await self.world.encounter()
            await tell(self.world, sister, relatives=[case["child_id"]])
            said = (await self.world.file(sister))["id"]
        if step == "waits":
            await tell(self.world, case["child_id"], version=2, relatives=[ids.new("chd")])
        else:
            told = (await self.world.post("dif-chp", "/indications", indication_in(said), 201)).json()
            self.hidden["referrals"] = told["comar_referral_id"]
        crossings = await self.world.rows(Crossing)
        hidden = [each.id for each in crossings if each.release_id == self.hidden.get("releases")]
        self.hidden |= {"cases": case["id"]} | ({"crossings": hidden[0]} if hidden else {})
        asked = await self.world.post("pp-chp", "/referrals", service_in(case["id"]), 201)
        self.hidden["referrals"] = asked.json()["id"]

    async def look(self) -> list[Any]:
        """Return every byte that the body can see, with chance taken out."""
        seen: list[Any] = sorted((url, plain(body.decode())) for url, body in self.wire.seen)
        async with self.world.agency(HONDURAS, **ABROAD) as body:
            for name in LISTS:
                seen.append((name, view(await body.get(f"{V1}/{name}"))))
            for page in await self.pages(body):
                seen.append(page)
            for name, prefix in (("crossings", "crs"), ("cases", "cas"), ("referrals", "ref"), ("releases", "rel")):
                wanted = self.hidden.get(name) or ids.opaque(prefix)
                answers = [await body.get(f"{V1}/{name}/{wanted}")]
                if name == "crossings":
                    answers += [await body.post(f"{V1}/{name}/{wanted}/acknowledge", headers=key())]
                answers += [await body.get(f"{V1}/cases/{wanted}/timeline")] if name == "cases" else []
                seen += [(name, *view(each)) for each in answers]
            hidden = self.hidden.get("cases") or ids.opaque("cas")
            for path, sent in (("indications", indication_in(hidden)), ("referrals", service_in(hidden))):
                seen.append((path, view(await body.post(f"{V1}/{path}", json=sent, headers=key()))))
        return seen

    async def pages(self, body: httpx.AsyncClient) -> list[Any]:
        """Walk the list of what it got, one by one: how many pages there are shows a gap or a count."""
        found: list[tuple[int, bool]] = []
        after = ""
        while len(found) < 9:
            page = (await body.get(f"{V1}/crossings?limit=1{after}")).json()
            found.append((len(page["items"]), page["next"] is not None))
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        return found


def plain(text: str) -> str:
    return re.sub(r"\b([a-z]{3})_[0-9a-f]{32}\b", r"\1_", re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)?", "T", text))


def view(answer: httpx.Response) -> tuple[Any, ...]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in ("x-request-id", "date"))
    body = without_chance(answer.json())
    items = sorted(plain(str(item)) for item in body.pop("items", [])) if isinstance(body, dict) else []
    return answer.status_code, headers, plain(str(body)), items


Worlds = tuple[Side, Side]


@asynccontextmanager
async def worlds(database: MigratedFactory, folder: Path) -> AsyncIterator[Worlds]:
    """Open both worlds, each with a body that has received one child."""
    async with AsyncExitStack() as stack:
        made = []
        for name in ("without", "within"):
            (folder / name).mkdir()
            side = Side(await stack.enter_async_context(World.open(database("services.referral"), folder / name)))
            await subscribed(side.world)
            await side.open_child()
            made.append(side)
        yield made[0], made[1]


async def live(sides: Worlds, steps: tuple[str, str], answers: tuple[Result, ...]) -> tuple[list[Any], list[Any]]:
    """Let both worlds live on; in the second there is one more child. Return what the body sees in each."""
    without, within = sides
    await within.closed_child(steps[0])
    for answer in answers:
        for side in sides:
            side.wire.answer = answer
            await deliver(side.world, side.wire)
    clock.advance(timedelta(seconds=5))  # ids of one moment have no order
    await within.closed_child(steps[1])
    for side in sides:
        side.wire.answer = Result(Outcome.DELIVERED, 204)
        await side.open_child()
        for after in (0, 7200):
            await deliver(side.world, side.wire, after=after)
    return await without.look(), await within.look()


REFUSED, GONE = Result(Outcome.REFUSED, 500), Result(Outcome.UNREACHABLE)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("steps", STEPS)
async def test_a_body_abroad_sees_the_same_with_and_without_the_child(
    migrated_database: MigratedFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, str]
) -> None:
    monkeypatch.setattr("shared.delivery.account.random", lambda: 0.5)
    with clock.at(clock.now()):
        async with worlds(migrated_database, tmp_path) as sides:
            without, within = await live(sides, steps, (REFUSED, GONE))
    assert without == within
    assert len(sides[0].wire.seen) == len(sides[1].wire.seen) > 0


def leak_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list holds what was never sent."""
    monkeypatch.setattr(store, "listed", lambda caller: select(Crossing).where(Crossing.agency == caller.agency))


def leak_referrals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of the case's referrals counts for everybody."""
    monkeypatch.setattr(referrals, "readable", lambda _: select(Referral))


def leak_existence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that is there is answered otherwise than one that is not."""
    monkeypatch.setattr(cases, "readable", lambda _: select(Case))


def leak_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows an id that nobody has sent it reads it."""
    monkeypatch.setattr(store, "crossings", lambda caller: select(Crossing).where(Crossing.agency == caller.agency))


def leak_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is withheld counts among what the endpoint got."""
    from shared.delivery import queue
    from shared.delivery import store as engine

    async def withhold(self: Any, session: Any, leased: Any, verdict: Any) -> None:
        lane = (await engine.lock_lanes(session, [leased.endpoint_id]))[leased.endpoint_id]
        await engine.change_endpoints(session, [{"id": lane["id"], "delivered": lane["delivered"] + 1}])
        await kept(self, session, leased, verdict)

    kept = queue.Queue.withhold
    monkeypatch.setattr(queue.Queue, "withhold", withhold)


Leak = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("leak", [leak_count, leak_referrals, leak_existence, leak_name, leak_figure])
async def test_a_planted_leak_is_found(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leak: Leak
) -> None:
    from tests.conftest import migrated_sqlite

    monkeypatch.setattr("shared.delivery.account.random", lambda: 0.5)
    count = iter(range(9))

    def database(package: str) -> str:
        folder = tmp_path / f"db{next(count)}"
        folder.mkdir()
        return migrated_sqlite(package, run_folder, folder)

    with clock.at(clock.now()):
        async with worlds(database, tmp_path) as sides:
            leak(monkeypatch)
            without, within = await live(sides, ("released", "released"), (REFUSED,))
    assert without != within
