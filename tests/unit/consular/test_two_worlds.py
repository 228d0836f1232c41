"""No byte that a consulate can see depends on a notice that was not permitted.

Two worlds live through the same random events. One of them has further releases whose gate never
opens, as when a child says in time that it fears going back. Their consulates must see the same.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextvars import copy_context
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlmodel import SQLModel, select

from services.consular.notices.models import Notice
from shared import clock, ids
from shared.db import Database
from shared.delivery.parcels import Parcel, Permit, Result, Verdict
from shared.delivery.rules import Outcome
from shared.testing import Keys, key
from tests.conftest import MigratedFactory
from tests.unit.consular.world import PP, World, without_chance

POSTS = {"con-hnd-tapachula": "HND", "con-slv-tapachula": "SLV"}
ADDRESSES = tuple(f"http://{post}.test/" for post in POSTS)
LISTS = ("notices", "endpoints", "deliveries", "events", "alarms")
RESULTS = (
    Result(Outcome.DELIVERED, 204),
    Result(Outcome.REFUSED, 500),
    Result(Outcome.TIMEOUT),
    Result(Outcome.UNREACHABLE),
    Result(Outcome.PERMIT_EXPIRED),
)
STARTED = datetime.fromisoformat("2026-11-20T15:00:00Z")


class Side:
    """One of the two worlds, with the consulates' receivers and referral's verdicts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.verdicts: dict[str, Verdict] = {}
        self.answer = RESULTS[0]
        self.seen: list[tuple[str, bytes]] = []

    async def gate(self, release_id: str) -> Permit:
        return Permit(self.verdicts[release_id])

    async def send(self, parcel: Parcel) -> Result:
        to_a_consulate = parcel.url in ADDRESSES  # not to a sister service, whose port differs between the worlds
        if to_a_consulate and self.answer.outcome in (Outcome.DELIVERED, Outcome.REFUSED, Outcome.TIMEOUT):
            self.seen.append((parcel.url, parcel.body))
        return self.answer

    async def release(self, release_id: str, name: str, country: str, verdict: Verdict) -> None:
        self.verdicts[release_id] = verdict
        await self.world.release(country, release_id=release_id, pp=PP | {"name": name})

    async def deliver(self) -> None:
        while await self.world.turn(gate=self.gate, sender=self):
            pass

    async def acknowledge(self, post: str) -> None:
        async with self.world.consulate(post) as consulate:
            for item in (await consulate.get("/v1/consular/notices")).json()["items"]:
                path = f"/v1/consular/notices/{item['id']}/acknowledge"
                assert (await consulate.post(path, headers=key())).status_code == 200

    async def look(self) -> list[Any]:
        """Return every byte that the consulates can see, with chance and order by chance taken out."""
        seen: list[Any] = sorted((url, plain(body.decode())) for url, body in self.seen)
        for post in POSTS:
            async with self.world.consulate(post) as consulate:
                for name in LISTS:
                    seen.append((post, name, view(await consulate.get(f"/v1/consular/{name}"))))
                page = await consulate.get("/v1/consular/notices", params={"limit": 1})
                seen.append((post, page.json()["next"] is not None))
                seen += [(post, *view(answer)) for answer in await self.probe(consulate)]
        return seen

    async def probe(self, consulate: httpx.AsyncClient) -> list[httpx.Response]:
        """Ask for a notice that may not be known, or, where there is none, for one that does not exist."""
        hidden = [release for release, verdict in self.verdicts.items() if verdict is not Verdict.OPEN]
        async with self.world.runtime.database.work(write=False) as session:
            rows = (await session.exec(select(Notice))).all()
        known = sorted(row.id for row in rows if row.release_id in hidden)
        path = f"/v1/consular/notices/{known[0] if known else ids.opaque('ntc')}"
        return [await consulate.get(path), await consulate.post(f"{path}/acknowledge", headers=key())]


def plain(text: str) -> str:
    return re.sub(r"\b([a-z]{3})_[0-9a-f]{32}\b", r"\1_", text)


def view(answer: httpx.Response) -> tuple[Any, ...]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id")
    body = without_chance(answer.json())
    items = sorted(plain(str(item)) for item in body.pop("items", []))
    return answer.status_code, headers, plain(str(body)), items


class TwoWorlds(RuleBasedStateMachine):
    """The same events in both worlds; in the second also what must not be known."""

    urls: tuple[str, str]
    folder: Path
    keys = Keys()

    def __init__(self) -> None:
        super().__init__()
        self.now = STARTED
        self.count = 0
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.sides: list[Side] = []
        self.hidden: list[str] = []

    def do(self, work: Any) -> Any:
        with clock.at(self.now):
            return self.runner.run(work, context=copy_context())

    @initialize()
    def begin(self) -> None:
        async def opened() -> None:
            for url in self.urls:
                await empty(url)
                self.sides.append(Side(await self.stack.enter_async_context(world(url, self.folder, self.keys))))

        self.do(opened())

    @rule(country=st.sampled_from(sorted(POSTS.values())))
    def a_child_is_released(self, country: str) -> None:
        self.count += 1
        release_id, name = ids.opaque("rel"), f"Procuraduría {self.count}"
        for side in self.sides:
            self.do(side.release(release_id, name, country, Verdict.OPEN))

    @rule(country=st.sampled_from(sorted(POSTS.values())), verdict=st.sampled_from([Verdict.WAIT, Verdict.CLOSED]))
    def a_child_speaks_in_time(self, country: str, verdict: Verdict) -> None:
        release_id = ids.opaque("rel")
        self.hidden.append(release_id)
        self.do(self.sides[1].release(release_id, "Oculta", country, verdict))

    @rule()
    def gates_that_waited_close(self) -> None:
        for release_id in self.hidden:
            self.sides[1].verdicts[release_id] = Verdict.CLOSED

    @rule(answer=st.sampled_from(RESULTS), seconds=st.sampled_from([3, 60, 7200]))
    def the_worker_sends(self, answer: Result, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for side in self.sides:
            side.answer = answer
            self.do(deliver_once(side) if answer.outcome is Outcome.PERMIT_EXPIRED else side.deliver())
        self.look()

    @rule(post=st.sampled_from(sorted(POSTS)))
    def a_consulate_acknowledges(self, post: str) -> None:
        for side in self.sides:
            self.do(side.acknowledge(post))

    def look(self) -> None:
        without, with_hidden = (self.do(side.look()) for side in self.sides)
        assert "Oculta" not in str(with_hidden)
        assert without == with_hidden

    def teardown(self) -> None:
        if self.sides:
            self.look()
        self.do(self.stack.aclose())
        self.runner.close()


async def deliver_once(side: Side) -> None:
    """An expired permit is asked for again at once: a loop until all is done would never end."""
    for _ in range(3):
        await side.world.turn(gate=side.gate, sender=side)


@contextlib.asynccontextmanager
async def world(url: str, folder: Path, keys: Keys) -> AsyncIterator[World]:
    async with World.open(url, folder, keys) as made:
        for post, url in zip(POSTS, ADDRESSES, strict=True):
            await made.register(url, post)
        yield made


async def empty(url: str) -> None:
    database = Database(url, pool_size=1)
    own = {"notice", "delivery", "event", "endpoint", "attempt", "clock", "event_counter", "lane_counter", "inbox"}
    own |= {"endpoint_alarm"}
    async with database.work() as session:
        for table in reversed(SQLModel.metadata.sorted_tables):
            if table.name in own:
                await session.exec(table.delete())
    await database.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [6, pytest.param(100, marks=pytest.mark.long)])
def test_the_two_worlds_look_the_same(
    migrated_database: MigratedFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    monkeypatch.setattr("shared.delivery.account.random", lambda: 0.5)
    TwoWorlds.urls = (migrated_database("services.consular"), migrated_database("services.consular"))
    TwoWorlds.folder = tmp_path
    checks = list(HealthCheck)
    run_state_machine_as_test(
        TwoWorlds,
        settings=settings(max_examples=examples, stateful_step_count=8, deadline=None, suppress_health_check=checks),
    )
