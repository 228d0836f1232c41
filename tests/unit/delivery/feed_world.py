"""Readers of feeds, and a gate whose answers can be chosen, delayed and broken."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from shared import clock
from shared.app import create_app
from shared.delivery import service as delivery
from shared.delivery.events import service
from shared.delivery.events.routes import events
from shared.delivery.models import LaneCounter
from shared.delivery.parcels import Gate, Permit, Verdict
from shared.delivery.rules import Channel
from shared.testing import client, key
from tests.unit.shared.world import World

PATH = "/v1/referral/events"
START = datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)


class Door:
    """A gate: says of each release what it is told, open otherwise."""

    def __init__(self, **verdicts: Verdict) -> None:
        self.verdicts = verdicts
        self.default = Verdict.OPEN
        self.life = 30.0
        self.asked: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.silent: set[str] = set()
        self.inside = self.most_inside = 0

    async def __call__(self, release_id: str) -> Permit:
        until = asyncio.get_running_loop().time() + self.life
        self.asked.append(release_id)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await (asyncio.Event().wait() if release_id in self.silent else asyncio.sleep(0))
        finally:
            self.inside -= 1
        if release_id in self.errors:
            raise self.errors[release_id]
        return Permit(self.verdicts.get(release_id, self.default), until)


class Feeds:
    """The feeds of the small service, behind one gate or none."""

    def __init__(self, world: World, gate: Gate | None = None) -> None:
        self.world = world
        self.app = create_app(world.runtime, "services.referral", [events("referral", service.Door(gate, {}))])

    def reader(self, agency: str = "pp", **claims: Any) -> Any:
        own = {"client_id": f"{agency}-system", "agency": agency, "agency_kind": "PP"}
        return client(self.app, self.world.keys.token(**own | claims))

    async def get(self, agency: str = "pp", **wish: Any) -> httpx.Response:
        async with self.reader(agency) as reader:
            answer: httpx.Response = await reader.get(PATH, params=wish)
        return answer

    async def read(self, agency: str = "pp", **wish: Any) -> dict[str, Any]:
        """Read once. Returns the answer."""
        answer = await self.get(agency, **wish)
        assert answer.status_code == 200, answer.text
        feed: dict[str, Any] = answer.json()
        return feed

    async def ids(self, agency: str = "pp", **wish: Any) -> list[str]:
        """Read once. Returns the ids of the events."""
        return [item["id"] for item in (await self.read(agency, **wish))["items"]]

    async def pages(self, **wish: Any) -> list[list[dict[str, Any]]]:
        """Read on and on until nothing is new. Returns the items of each answer."""
        found: list[list[dict[str, Any]]] = []
        feed = await self.read(**wish)
        while feed["items"]:
            found.append(feed["items"])
            feed = await self.read(**wish | {"after": feed["next"]})
        return found

    async def acknowledge(self, through: str, agency: str = "pp", **more: Any) -> httpx.Response:
        async with self.reader(agency) as reader:
            body = {"through": through, **more}
            answer: httpx.Response = await reader.post(f"{PATH}/acknowledge", json=body, headers=key())
        return answer


async def pulling(world: World, owner: str = "pp", **more: Any) -> str:
    """Give an owner an endpoint that pulls. Returns its id."""
    return await world.owner(owner, "", channel=Channel.PULL, **more)


async def publish(
    world: World, *cases: str, to: str = "pp", gate: str | None = None, apart: timedelta | None = None
) -> dict[str, str]:
    """Publish one event for each of these cases, so far apart if time is held. Returns their ids with the cases."""
    published: dict[str, str] = {}
    async with world.database.work() as session:
        for n, case in enumerate(cases):
            if apart is not None:
                clock.advance(apart)
            fact = await delivery.publish(
                session, "memo.written", case=case, subject="mem_1", audience=[to], data={"n": n}, gate=gate
            )
            published[fact.id] = case
    return published


@pytest.fixture(autouse=True)
def held_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold the time, but no answer; and let a slow machine ask as long as it must. Only tests of the pace do not."""
    monkeypatch.setattr(service, "HELD", 0.0)
    monkeypatch.setattr(service, "ASKING", 20.0)
    with clock.at(START):
        yield


async def numbers(world: World) -> dict[str, int]:
    """Return the last number that was given for each case."""
    async with world.database.work(write=False) as session:
        return {row.case_key: row.n for row in (await session.exec(select(LaneCounter))).all()}


def refused(answer: httpx.Response) -> tuple[int, str, Any]:
    body = answer.json()
    return answer.status_code, body["code"], body.get("errors")


def numbered(items: list[dict[str, Any]], published: dict[str, str]) -> dict[str, list[int]]:
    """Return the numbers of the items, in their order, by the case of each event."""
    found: dict[str, list[int]] = {}
    for item in items:
        found.setdefault(published[item["id"]], []).append(item["sequence"])
    return found


_ID = re.compile(r"\b([a-z]{3})_[0-9a-f]{32}\b")


def plain(value: Any) -> Any:
    """Take chance out of what a reader sees: ids by their kind, cursors by their length."""
    if isinstance(value, dict):
        return {name: len(each) if name in ("cursor", "next") else plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return _ID.sub(r"\1", value) if isinstance(value, str) else value


async def see(feeds: Feeds, cursors: list[str]) -> list[Any]:
    """Read in several ways, and acknowledge. Returns all that a reader can see."""
    seen: list[Any] = []
    for wish in ({}, {"limit": 1}, {"limit": 2, "after": cursors[-1]}, {"after": cursors[-1]}):
        answer = await feeds.get(**wish)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        seen.append((answer.status_code, headers, len(answer.content), plain(answer.json())))
        cursors.append(answer.json()["next"])
    return [*seen, (await feeds.acknowledge(cursors[-3])).json()]
