"""The referral service in process, and everybody who talks to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import SQLModel, col, select
from starlette.types import ASGIApp

from services.referral.agencies import service as directory
from services.referral.main import api
from shared import auth, clock, ids, jsons, testing
from shared.app import prepare
from shared.delivery import signing
from shared.delivery.models import Delivery, Endpoint, Event
from shared.runtime import Runtime
from shared.testing import Keys, client, key

Client = AbstractAsyncContextManager[httpx.AsyncClient]
V1 = "/v1/referral"


@dataclass
class World:
    """One referral service with its database."""

    runtime: Runtime
    app: ASGIApp
    keys: Keys

    @classmethod
    @asynccontextmanager
    async def open(cls, database_url: str, folder: Path) -> AsyncIterator["World"]:
        keys = Keys()
        runtime = testing.runtime(testing.settings("referral", folder, keys, database_url))
        await prepare(runtime, directory.start)
        yield cls(runtime, api(runtime), keys)
        await runtime.close()

    # -- who calls -----------------------------------------------------------------------------------

    def agency(self, agency: str, state: str | None = "MX-CHP", **claims: Any) -> Client:
        """Return a client of an agency; its kind follows from its id, and federal bodies have no state."""
        full = {
            "aud": "ruta",
            "client_id": f"{agency}-system",
            "jti": ids.opaque("jti"),
            "agency": agency,
            "agency_kind": agency.partition("-")[0].upper(),
            "role": "officer",
            "scope": "referral:read referral:write",
        } | claims
        if state is not None and "-" in agency and agency not in ("pp-fed", "dif-nacional"):
            full["state"] = state
        signer = self.keys.signers["gateway"]
        return client(
            self.app, signer.sign(full | {"sub": full["client_id"]}, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)
        )

    async def get(self, agency: str, path: str, status: int = 200, **claims: Any) -> Any:
        """Read as an agency; returns the body."""
        async with self.agency(agency, **claims) as caller:
            answer = await caller.get(V1 + path)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(
        self, agency: str, path: str, body: Any = None, status: int | None = None, headers: Any = None, **claims: Any
    ) -> httpx.Response:
        """Write as an agency, with a fresh key unless `headers` has one."""
        async with self.agency(agency, **claims) as caller:
            answer = await caller.post(V1 + path, json=body, headers=key() | (headers or {}))
        assert status is None or answer.status_code == status, answer.text
        return answer

    # -- what happens --------------------------------------------------------------------------------

    async def event(self, event_type: str, data: dict[str, Any], event_id: str | None = None) -> httpx.Response:
        """Send an event as intake signs it."""
        message: dict[str, Any] = {
            "id": event_id or ids.new("evt"),
            "type": event_type,
            "version": 1,
            "time": clock.now().isoformat(),
            "data": data,
        }
        body = jsons.canonical(message)
        headers = signing.headers(message["id"], body, [signing.given_key(testing.event_secret("intake", "referral"))])
        async with client(self.app) as caller:
            return await caller.post("/internal/events", content=body, headers=headers)

    async def encounter(self, child_id: str | None = None, state: str = "MX-CHP", agency: str = "inm-chp") -> str:
        """Let intake record an encounter. Returns the child's id."""
        child_id = child_id or ids.new("chd")
        answer = await self.event("encounter.recorded", fact(child_id, state=state, agency=agency))
        assert answer.status_code == 200, answer.text
        return child_id

    async def file(self, child_id: str, agency: str = "pp-fed", **claims: Any) -> Any:
        """Return the case of a child with its referrals, as an agency sees it."""
        cases = (await self.get(agency, "/cases?limit=100", **claims))["items"]
        case_id = next(case["id"] for case in cases if case["child_id"] == child_id)
        return await self.get(agency, f"/cases/{case_id}", **claims)

    async def opened(self, child_id: str, kind: str) -> Any:
        """Return the newest referral of a kind in the case of a child."""
        referrals = (await self.file(child_id))["referrals"]
        return [referral for referral in referrals if referral["kind"] == kind][-1]

    async def service(self, case_id: str, recipient: str = "unicef", sender: str = "pp-chp", **more: Any) -> Any:
        """Open a SERVICE referral; returns it as its sender sees it."""
        answer = await self.post(sender, "/referrals", service_in(case_id, recipient, **more), 201)
        return answer.json()

    async def channelled(self) -> Any:
        """Return a case whose acta has been issued."""
        child = await self.encounter()
        await self.answered(child)
        case = await self.file(child)
        body = {"case_id": case["id"], "dif_recipient": "Ana López", "place": "Tapachula"}
        await self.post("inm-chp", "/actas", body, 201)
        return await self.file(child)

    async def answered(self, child_id: str) -> None:
        """Let the Procuraduría acknowledge and DIF accept."""
        notice, handover = [await self.opened(child_id, kind) for kind in ("PP_NOTICE", "DIF_HANDOVER")]
        await self.post("pp-chp", f"/referrals/{notice['id']}/receive", status=200)
        await self.post("dif-chp", f"/referrals/{handover['id']}/accept", status=200)

    # -- what there is -------------------------------------------------------------------------------

    async def rows(self, model: type[SQLModel], *conditions: Any) -> Sequence[Any]:
        """Return the rows of a table, as the database has them."""
        async with self.runtime.database.work(write=False) as session:
            found: Sequence[Any] = (await session.exec(select(model).where(*conditions))).all()
            return found

    async def register(self, *agencies: str) -> None:
        """Give agencies an endpoint each, so that what is sent to them can be seen."""
        for agency in agencies:
            await self.post(agency, "/endpoints", {"url": "http://127.0.0.1:9/hook"}, 201)

    async def sent(self, owner: str) -> list[Event]:
        """Return the events that are owed to an owner, in the order of their cases."""
        async with self.runtime.database.work(write=False) as session:
            statement = (
                select(Event)
                .join(Delivery, col(Delivery.event_id) == col(Event.id))
                .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
                .where(Endpoint.owner == owner)
                .order_by(col(Event.id))
            )
            return list((await session.exec(statement)).all())


def fact(child_id: str, **more: Any) -> dict[str, Any]:
    """Return the data of intake's `encounter.recorded`."""
    return {
        "encounter_id": f"enc_{child_id[-32:]}",
        "child_id": child_id,
        "kind": "DETECTION",
        "state": "MX-CHP",
        "agency": "inm-chp",
        "facts_version": 1,
        "referrals": ["PP", "DIF"],
    } | more


def service_in(case_id: str, recipient: str = "unicef", **more: Any) -> dict[str, Any]:
    """Return the body of a SERVICE referral."""
    return {
        "case_id": case_id,
        "recipient": recipient,
        "service": "PSYCHOSOCIAL",
        "reason": "NEED_ASSESSED",
        "urgency": "1d",
        "lawful_basis": "BEST_INTERESTS",
    } | more


async def together(*requests: Any) -> list[Any]:
    """Send requests at the same time."""
    return list(await asyncio.gather(*requests))
