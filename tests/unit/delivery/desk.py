"""Where owners of endpoints, others and operators ask for deliveries, over HTTP."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
from sqlmodel import col, select

from shared import clock
from shared.app import create_app
from shared.audit import AuditEntry
from shared.delivery import service
from shared.delivery.deliveries.routes import deliveries
from shared.delivery.models import Alarm, Delivery
from shared.delivery.parcels import Verdict
from shared.delivery.rules import Outcome
from shared.delivery.upkeep import Upkeep
from shared.testing import key
from tests.unit.delivery.posts import Guard, Post
from tests.unit.shared.world import World

PATH = "/v1/referral/deliveries"
OWNER = {"agency": "pp-chp", "agency_kind": "PP"}
OTHER = {"agency": "dif-chp", "agency_kind": "DIF"}
OPERATOR = {"agency": "ruta", "agency_kind": "OPERATOR"}
Who = dict[str, str]


@dataclass
class Desk:
    """The small service with the deliveries' routes, and senders that do as they are told."""

    world: World

    @classmethod
    def of(cls, world: World) -> "Desk":
        return cls(replace(world, app=create_app(world.runtime, "services.referral", [deliveries("referral")])))

    # -- what people ask -------------------------------------------------------------------------------

    async def ask(self, who: Who, path: str = "", **params: Any) -> httpx.Response:
        async with self.world.as_(**who) as caller:
            answer: httpx.Response = await caller.get(PATH + path, params=params)
        return answer

    async def listed(self, who: Who = OWNER, **params: Any) -> list[dict[str, Any]]:
        answer = await self.ask(who, **params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def one(self, delivery_id: str, who: Who = OWNER) -> dict[str, Any]:
        answer = await self.ask(who, f"/{delivery_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def post(self, path: str, body: Any = None, who: Who = OWNER, headers: Any = None) -> httpx.Response:
        async with self.world.as_(**who) as caller:
            answer: httpx.Response = await caller.post(PATH + path, json=body, headers=headers or key())
        return answer

    async def resend(self, delivery_id: str, who: Who = OWNER) -> dict[str, Any]:
        answer = await self.post(f"/{delivery_id}/resend", who=who)
        assert answer.status_code == 202, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def skip(self, delivery_id: str, reason: str = "it is known by telephone", who: Who = OWNER) -> Any:
        return await self.post(f"/{delivery_id}/skip", {"reason": reason}, who)

    async def replay(self, endpoint_id: str, who: Who = OWNER, **body: Any) -> httpx.Response:
        since = {"since": (clock.now() - timedelta(days=1)).isoformat()}
        return await self.post("/replay", {"endpoint_id": endpoint_id} | since | body, who)

    # -- what happens ----------------------------------------------------------------------------------

    async def publish(self, case: str = "cas_1", to: str = "pp-chp", gate: str | None = None, **more: Any) -> str:
        """Publish an event to an owner. Returns the id of what is owed to it; it may have one endpoint."""
        async with self.world.database.work() as session:
            fact = await service.publish(
                session, more.pop("event_type", "memo.written"), case=case, subject="mem_1", audience=[to],
                data={"n": 1}, gate=gate,
            )  # fmt: skip
            await session.flush()
            return (await session.exec(select(Delivery.id).where(Delivery.event_id == fact.id))).one()

    async def send(
        self, outcome: Outcome = Outcome.DELIVERED, verdict: Verdict = Verdict.OPEN, turns: int = 3, after: float = 0
    ) -> Post:
        """Let the delivery loop come round some times, all sends ending alike. Returns what was sent."""
        post = Post(lambda _: outcome)
        for _ in range(turns):
            await self.world.turn(after, Guard(verdict), post)
        return post

    async def refuse(self, times: int) -> None:
        """Let what is due be refused so many times, with the hours that pass between. Time must be held."""
        for _ in range(times):
            await self.send(Outcome.REFUSED, turns=1)
            clock.advance(timedelta(hours=2))

    async def change(self, delivery_id: str, **values: Any) -> None:
        """Put values into a delivery's row, as some other process might."""
        async with self.world.database.work() as session:
            found = await session.get_one(Delivery, delivery_id)
            for name, value in values.items():
                setattr(found, name, value)

    async def row(self, delivery_id: str) -> Delivery:
        async with self.world.database.work(write=False) as session:
            return await session.get_one(Delivery, delivery_id)

    async def audited(self, action: str) -> list[tuple[str, str, dict[str, Any] | None]]:
        """Return who did it to what, and the details."""
        async with self.world.database.work(write=False) as session:
            statement = select(AuditEntry).where(AuditEntry.action == action).order_by(col(AuditEntry.id))
            return [(each.agency, each.resource_id, each.details) for each in (await session.exec(statement)).all()]

    async def alarms(self) -> list[tuple[str, str | None]]:
        """Return the open alarms: kind and delivery."""
        async with self.world.database.work(write=False) as session:
            statement = select(Alarm).where(col(Alarm.cleared_at).is_(None))
            return [(each.kind.value, each.delivery_id) for each in (await session.exec(statement)).all()]

    async def forget_attempts(self) -> None:
        """Let the upkeep forget every attempt that has been."""
        with clock.at(clock.now() + timedelta(days=1)):
            while await Upkeep(self.world.database, timedelta(hours=1)).turn():
                pass


def problem(answer: httpx.Response) -> tuple[int, str, Any]:
    """Return status, code and allowed actions of a refusal."""
    body = answer.json()
    return answer.status_code, body["code"], body.get("allowed_actions")


def ids_of(items: list[dict[str, Any]]) -> set[str]:
    return {item["id"] for item in items}
