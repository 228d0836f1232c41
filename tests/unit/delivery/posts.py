"""Senders and gates that do as they are told, and the turns of workers."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

from shared import clock
from shared.delivery.parcels import Parcel, Permit, Result, Verdict
from shared.delivery.rules import Outcome
from tests.unit.shared.world import World


class Post:
    """Stands for the sender: keeps the parcels, and answers by their URL."""

    def __init__(self, answer: Callable[[Parcel], Outcome | Result] = lambda _: Outcome.DELIVERED) -> None:
        self.answer = answer
        self.sent: list[Parcel] = []

    async def send(self, parcel: Parcel) -> Result:
        self.sent.append(parcel)
        await asyncio.sleep(0)
        answer = self.answer(parcel)
        return answer if isinstance(answer, Result) else Result(answer)

    def ids(self, url: str = "") -> list[str]:
        return [parcel.headers["webhook-id"] for parcel in self.sent if parcel.url.startswith(url)]

    def sequences(self, url: str = "") -> list[int]:
        return [json.loads(parcel.body)["sequence"] for parcel in self.sent if parcel.url.startswith(url)]


class Guard:
    """A gate that says what it is told."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked: list[str] = []
        self.error: Exception | None = None

    async def __call__(self, gate: str) -> Permit:
        self.asked.append(gate)
        if self.error is not None:
            raise self.error
        return Permit(self.verdict)


async def run_dry(world: World, *posts: Post, seconds: int = 1, turns: int = 40) -> None:
    """Let workers, one for each sender, take turns until nothing is due any more. Time must be held."""
    workers = [world.deliverer(post) for post in posts]
    for _ in range(turns):
        claimed = await asyncio.gather(*(worker.turn() for worker in workers))
        await asyncio.gather(*(worker.drain() for worker in workers))
        clock.advance(timedelta(seconds=seconds))
        if not any(claimed):
            return
