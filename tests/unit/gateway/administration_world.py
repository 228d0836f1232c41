"""A gateway with three administrators, asked over HTTP in process."""

from typing import Any

import httpx
from sqlmodel import col, select

from gateway.clients import service
from gateway.clients.models import Change, Client, Suspension
from gateway.clients.schemas import ClientIn
from gateway.main import api
from shared import jwt, testing
from shared.audit import AuditEntry
from shared.runtime import Runtime
from shared.settings import Settings
from shared.testing import Keys

ANA, BETO, CARO = "admin-ana", "admin-beto", "admin-caro"
STRANGER = "stranger"
"""Has the scope of administrators, and is none of the operator's."""
OPERATIONS = "ruta-operations"
WHY = {"reason": "incident", "reference": "OPS-7"}
KINDS: dict[str, dict[str, Any]] = {
    "partner": {"id": "dif-chp-system", "agency": "dif-chp", "agency_kind": "DIF", "scopes": ["referral:read"]},
    "consulate": {
        "id": "con-hnd-tap", "agency": "con-hnd-tapachula", "agency_kind": "CONSULATE", "country": "HND",
        "scopes": ["consular:read"],
    },
    "operator": {"id": "ops-reader", "agency": OPERATIONS, "agency_kind": "OPERATOR", "scopes": ["referral:read"]},
    "administrator": {
        "id": "admin-dora", "agency": OPERATIONS, "agency_kind": "OPERATOR", "scopes": ["gateway:admin"],
        "person": "dora",
    },
}  # fmt: skip
TAKES_TWO = {"partner": False, "consulate": True, "operator": True, "administrator": True}
"""What the law of the house says, once more and apart from the code."""


def jwk(kid: str | None = None) -> dict[str, Any]:
    """A fresh public key."""
    key = jwt.Signer(testing.private_pem(), "x").public_jwk()
    return {name: key[name] for name in ("kty", "crv", "x", "y")} | {"kid": kid or key["kid"]}


def client_of(kind: str, **more: Any) -> dict[str, Any]:
    """A registration of this kind of client, without why."""
    return {"role": "officer", "keys": [jwk("first")]} | KINDS[kind] | more


class Office:
    """Three administrators and whom they administer."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self.runtime: Runtime = testing.runtime(settings)
        self.app = api(self.runtime)
        self.keys = keys

    async def open(self) -> "Office":
        """Register the administrators, each a person of his own."""
        for client_id in (ANA, BETO, CARO):
            await self.put(client_of("administrator", id=client_id, person=client_id[6:]))
        return self

    async def put(self, fields: dict[str, Any]) -> None:
        """Register a client past the administrators."""
        async with self.runtime.database.work() as session:
            await service.register(session, self.runtime.settings, ClientIn.model_validate(fields))

    def token(self, who: str) -> str:
        """A token of an administrator, or of the client of a kind."""
        if who == STRANGER:
            return self.keys.token(agency_kind="DIF", scope="gateway:admin")
        if who in KINDS:
            fields = {"client_id": KINDS[who]["id"]} | {name: KINDS[who][name] for name in ("agency", "agency_kind")}
            return self.keys.token(**fields, scope=" ".join(KINDS[who]["scopes"]))
        return self.keys.token(client_id=who, agency=OPERATIONS, agency_kind="OPERATOR", scope="gateway:admin")

    async def ask(
        self, who: str, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        """Ask as somebody for a path below /v1/gateway."""
        named = testing.key() | {name.replace("_", "-"): value for name, value in headers.items()}
        async with testing.client(self.app, self.token(who)) as client:
            return await client.request(method, f"/v1/gateway{path}", json=body, headers=named)

    async def post(self, who: str, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        """Post, with why where nothing else is said, and get this status."""
        answer = await self.ask(who, "POST", path, WHY if body is None else {**WHY, **body})
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def approve(self, who: str, change_id: str, status: int = 200) -> dict[str, Any]:
        """Approve a change, and get this status."""
        answer = await self.ask(who, "POST", f"/changes/{change_id}/approve")
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    async def patch(self, who: str, client_id: str, fields: dict[str, Any]) -> httpx.Response:
        """Change a client from its present version."""
        tag = (await self.ask(who, "GET", f"/clients/{client_id}")).headers["etag"]
        return await self.ask(who, "PATCH", f"/clients/{client_id}", {**WHY, **fields}, if_match=tag)

    async def client(self, client_id: str) -> Client | None:
        """A client as it is stored."""
        async with self.runtime.database.work(write=False) as session:
            return await session.get(Client, client_id)

    async def suspension(self, suspension_id: str) -> Suspension:
        """A suspension as it is stored."""
        async with self.runtime.database.work(write=False) as session:
            return await session.get_one(Suspension, suspension_id)

    async def change(self, change_id: str) -> Change:
        """A change as it is stored."""
        async with self.runtime.database.work(write=False) as session:
            return await session.get_one(Change, change_id)

    async def audited(self) -> list[tuple[str, str, str]]:
        """Who did what to which object, in order, without the administrators' own registration."""
        return [(row.client_id, row.action, row.resource_id) for row in (await self.audit())[3:]]

    async def audit(self) -> list[AuditEntry]:
        """Every row of the audit, in order."""
        async with self.runtime.database.work(write=False) as session:
            return list((await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all())
