"""One of two worlds that live through the same: consulates that look at everything, and people who send letters."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import SQLModel, select

from services.consular.notices import chain
from services.consular.notices.models import Notice
from services.consular.notices.rules import CHAIN
from shared import clock, ids
from shared.clocks import service as clocks
from shared.db import Database
from shared.delivery import chains
from shared.delivery.parcels import Parcel, Permit, Result, Verdict
from shared.delivery.rules import Outcome
from shared.events import NoticeIssued
from shared.testing import Keys, key
from tests.unit.consular.world import PP, World, without_chance

POSTS = {"con-hnd-tapachula": "HND", "con-slv-tapachula": "SLV", "con-hnd-embassy": "HND"}
"""Posts whose systems take messages."""
PAPER = {"con-gtm-tapachula": "GTM", "con-gtm-embassy": "GTM", "con-slv-embassy": "SLV"}
"""Posts that take none: they get letters, and have a client all the same."""
COUNTRIES = ("GTM", "HND", "SLV")
ADDRESSES = tuple(f"http://{post}.test/" for post in POSTS)
LISTS = ("notices", "endpoints", "deliveries", "events", "alarms")
CLOSED_LISTS = ("letters", "consulates/coverage", "consulates/export")
RESULTS = (
    Result(Outcome.DELIVERED, 204),
    Result(Outcome.REFUSED, 500),
    Result(Outcome.TIMEOUT),
    Result(Outcome.UNREACHABLE),
    Result(Outcome.PERMIT_EXPIRED),
)
STARTED = datetime.fromisoformat("2026-11-20T15:00:00Z")
V1 = "/v1/consular"


class Side:
    """One of the two worlds, with the consulates' receivers and referral's verdicts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.verdicts: dict[str, Verdict] = {}
        self.answer = RESULTS[0]
        self.seen: list[tuple[str, bytes]] = []
        self.papers: list[tuple[str, str, bytes]] = []

    async def gate(self, release_id: str) -> Permit:
        return Permit(self.verdicts[release_id])

    def say(self, release_id: str, verdict: Verdict) -> None:
        """Let referral answer so, to the worker and to the API."""
        self.verdicts[release_id] = verdict
        self.world.referral.verdicts[release_id] = verdict.name.lower()

    async def send(self, parcel: Parcel) -> Result:
        to_a_consulate = parcel.url in ADDRESSES  # not to a sister service, whose port differs between the worlds
        if to_a_consulate and self.answer.outcome in (Outcome.DELIVERED, Outcome.REFUSED, Outcome.TIMEOUT):
            self.seen.append((parcel.url, parcel.body))
        return self.answer

    async def release(self, release_id: str, name: str, country: str, verdict: Verdict) -> None:
        self.say(release_id, verdict)
        await self.world.release(country, release_id=release_id, pp=PP | {"name": name})

    async def deliver(self) -> None:
        while await self.world.turn(gate=self.gate, sender=self):
            pass

    async def deliver_once(self) -> None:
        """An expired permit is asked for again at once: a loop until all is done would never end."""
        for _ in range(3):
            await self.world.turn(gate=self.gate, sender=self)

    async def speak(self) -> None:
        """Take the steps and let the clocks speak that are due, as the worker does."""
        database = self.world.runtime.database
        while await chains.step(database, {NoticeIssued.TYPE: CHAIN}, chain.escalate):
            pass
        while await clocks.fire(database, chain.VOICE):
            pass

    # -- people ------------------------------------------------------------------------------------------

    async def hand_over(self) -> None:
        """INM prints every letter that waits, hands over what it gets, and records that."""
        async with self.world.agency() as inm:
            waiting = (await inm.get(f"{V1}/letters", params={"status": "to_send", "limit": 100})).json()["items"]
            for letter in sorted(waiting, key=lambda each: (each["consulate_id"], each["kind"])):
                path = f"{V1}/letters/{letter['id']}"
                paper = await inm.get(f"{path}.pdf")
                if paper.status_code != 200:
                    continue
                self.papers.append((letter["consulate_id"], letter["notice_id"], paper.content))
                done = {"officer": "opi-0417", "sent_at": clock.now().isoformat(), "how": "courier", "evidence": "A-1"}
                assert (await inm.post(f"{path}/record", json=done, headers=key())).status_code == 200

    async def decide(self, decision: str) -> None:
        """The Procuraduría decides about everything that it may decide about."""
        async with self.world.agency("pp-chp", "PP") as pp:
            for notice in (await pp.get(f"{V1}/notices", params={"limit": 100})).json()["items"]:
                if "decide" in notice["allowed_actions"]:
                    body = {"decision": decision, "officer": "pp-0001", "file": "PP-1"}
                    await pp.post(f"{V1}/notices/{notice['id']}/decide", json=body, headers=key())

    async def record_acknowledgements(self) -> None:
        """The Procuraduría records an acknowledgement on paper of everything that was sent at all."""
        async with self.world.agency("pp-chp", "PP") as pp:
            for notice in (await pp.get(f"{V1}/notices", params={"limit": 100})).json()["items"]:
                body = {"officer": "pp-0001", "received_at": clock.now().isoformat(), "evidence": "B-1"}
                await pp.post(f"{V1}/notices/{notice['id']}/record_acknowledgement", json=body, headers=key())

    async def acknowledge(self, post: str) -> None:
        """A consulate acknowledges what it finds, and what letters name."""
        async with self.world.consulate(post) as consulate:
            listed = [item["id"] for item in (await consulate.get(f"{V1}/notices")).json()["items"]]
            for notice_id in dict.fromkeys(listed + [notice for to, notice, _ in self.papers if to == post]):
                path = f"{V1}/notices/{notice_id}/acknowledge"
                assert (await consulate.post(path, headers=key())).status_code == 200

    # -- what the consulates see -------------------------------------------------------------------------

    async def look(self, *posts: str) -> list[Any]:
        """Return every byte that consulates (all, unless some are named) can see, without chance and its order."""
        seen: list[Any] = sorted((url, plain(body.decode())) for url, body in self.seen)
        seen += sorted((post, plain(paper.decode())) for post, _, paper in self.papers)
        for post in posts or (*POSTS, *PAPER):
            async with self.world.consulate(post) as consulate:
                for name in (*LISTS, *CLOSED_LISTS):
                    seen.append((post, name, view(await consulate.get(f"{V1}/{name}"))))
                page = await consulate.get(f"{V1}/notices", params={"limit": 1})
                seen.append((post, page.json()["next"] is not None))
                seen += [(post, *view(answer)) for answer in await self.probe(consulate, post)]
                for to, notice_id, _ in self.papers:
                    if to == post:
                        seen.append((post, view(await consulate.get(f"{V1}/notices/{notice_id}"))))
        return [part if not isinstance(part, list) else sorted(part) for part in seen]

    async def probe(self, consulate: httpx.AsyncClient, post: str) -> list[httpx.Response]:
        """Ask for a notice that may not be known, or, where there is none, for one that does not exist."""
        hidden = [release for release, verdict in self.verdicts.items() if verdict is not Verdict.OPEN]
        async with self.world.runtime.database.work(write=False) as session:
            rows = (await session.exec(select(Notice))).all()
        known = sorted(
            row.id for row in rows if row.release_id in hidden and post in (row.consulate_id, row.escalated_to)
        )
        path = f"{V1}/notices/{known[0] if known else ids.opaque('ntc')}"
        answers = [await consulate.get(path), await consulate.post(f"{path}/acknowledge", headers=key())]
        return [*answers, await consulate.get(f"{path}/history")]


def plain(text: str) -> str:
    return re.sub(r"\b([a-z]{3})_[0-9a-f]{32}\b", r"\1_", text)


def view(answer: httpx.Response) -> tuple[Any, ...]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "x-request-id")
    body = without_chance(answer.json())
    body["request_id"] = None
    items = sorted(plain(str(item)) for item in body.pop("items", []))
    return answer.status_code, headers, plain(str(body)), items


@contextlib.asynccontextmanager
async def opened(url: str, folder: Path, keys: Keys) -> AsyncIterator[Side]:
    """Open a world in which the consulates have their endpoints."""
    async with World.open(url, folder, keys) as made:
        for post, address in zip(POSTS, ADDRESSES, strict=True):
            await made.register(address, post)
        yield Side(made)


async def empty(url: str) -> None:
    database = Database(url, pool_size=1)
    own = {"notice", "letter", "delivery", "event", "endpoint", "attempt", "clock", "event_counter", "lane_counter"}
    own |= {"endpoint_alarm", "inbox"}
    async with database.work() as session:
        for table in reversed(SQLModel.metadata.sorted_tables):
            if table.name in own:
                await session.exec(table.delete())
    await database.close()


async def live(sides: list[Side]) -> None:
    """Let both sides live through one history by heart; in the second also children who spoke in time.

    It takes every way on which anything can leave: messages, letters, reminders of both kinds, the embassy by message
    and by letter, a person's decisions, acknowledgements on paper.
    """
    known = {country: ids.opaque("rel") for country in COUNTRIES}
    for side in sides:
        for number, country in enumerate(COUNTRIES):
            await side.release(known[country], f"Procuraduría {number}", country, Verdict.OPEN)
    for country, verdict in zip(COUNTRIES, (Verdict.WAIT, Verdict.CLOSED, Verdict.CLOSED), strict=True):
        await sides[1].release(ids.opaque("rel"), "Oculta", country, verdict)
    await sides[1].release(ids.opaque("rel"), "Oculta", "GTM", Verdict.CLOSED)
    for side in sides:
        moment = clock.now()
        for hours in (0, 25, 49, 73):
            with clock.at(moment + timedelta(hours=hours)):
                await side.speak()
                await side.deliver()
                await side.hand_over()
        with clock.at(moment + timedelta(hours=80)):
            await side.decide("send_letter")
            await side.hand_over()
            await side.acknowledge("con-gtm-embassy")
            await side.record_acknowledgements()
            await side.deliver()
        await asyncio.sleep(0)
