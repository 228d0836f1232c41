"""What is said of consents and disclosures, and an intake that gives fields, for their tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from shared import clock
from tests.unit.intake.world import server
from tests.unit.referral.world import World

CANARY = "Xochitlcanary"
LISTED = ["identity.given_names", "child.languages"]
OFFICER = {"officer": "pp-0001"}


@dataclass
class Intake:
    """Stands in for intake: every field of every child holds the canary and the field's own name."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    unknown: tuple[str, ...] = ()
    status: int = 200
    meanwhile: Any = None
    """What happens while intake is being asked."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.tokens.append(request.headers["Authorization"])
        if self.meanwhile is not None:
            what, self.meanwhile = self.meanwhile, None
            await what()
        values = {name: None if name in self.unknown else [f"{CANARY} {name}"] for name in body["fields"]}
        child = request.path.split("/")[3]
        return web.json_response({"child_id": child, "version": 3, "values": values}, status=self.status)


@asynccontextmanager
async def with_intake(world: World) -> AsyncIterator[Intake]:
    """Let a world's service reach an intake."""
    intake, peers = Intake(), world.runtime.peers
    before = peers.settings
    async with server(intake.handle) as url:
        peers.settings = before.model_copy(update={"intake_url": url})
        yield intake
        peers.settings = before


def consent_in(case_id: str, **more: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "case_id": case_id, "given_by": "PP_EN_SUPLENCIA", "purposes": ["PSYCHOSOCIAL"], "agencies": ["unicef"],
        "classes": [], "fields": LISTED, "assent": "GIVEN", "language": "spa", "explained_at": now.isoformat(),
        "form": "WRITTEN", "evidence_digest": "0f" * 32, "evidence_reference": "PP/2026/0417",
        "expires_at": (now + timedelta(days=300)).isoformat(), "officer": "pp-0001",
    } | more  # fmt: skip


def override_in(case_id: str, **more: Any) -> dict[str, Any]:
    return {
        "case_id": case_id, "recipient": "unicef", "purpose": "PSYCHOSOCIAL", "fields": LISTED,
        "reason": "DANGER_TO_LIFE", "officer": "pp-0009",
    } | more  # fmt: skip


async def consented(world: World, case_id: str, **more: Any) -> Any:
    return (await world.post("pp-chp", "/consents", consent_in(case_id, **more), 201)).json()


async def asked(world: World, case_id: str, recipient: str = "unicef", sender: str = "pp-chp", **more: Any) -> Any:
    """Return a referral on consent that its recipient has accepted."""
    full = {"lawful_basis": "CONSENT", "fields": LISTED} | more
    made = await world.service(case_id, recipient, sender, **full)
    return (await world.post(recipient, f"/referrals/{made['id']}/accept", status=200)).json()


async def shared(world: World, **more: Any) -> tuple[Any, Any, Any]:
    """Return a case, a consent of it, and a referral on it that was accepted."""
    case = await world.channelled()
    consent = await consented(world, case["id"], **more)
    return case, consent, await asked(world, case["id"])


async def disclosure(world: World, referral: Any, reader: str = "unicef", status: int = 200) -> Any:
    return await world.get(reader, f"/referrals/{referral['id']}/disclosure", status)


async def withdrawn(world: World, consent: Any, **more: Any) -> Any:
    path = "narrow" if more.keys() & {"fields", "agencies", "classes"} else "withdraw"
    body = {"withdrawn_by": "PP_EN_SUPLENCIA", "officer": "pp-0001"} | more
    if path == "narrow":
        body = {"fields": []} | body
    return (await world.post("pp-chp", f"/consents/{consent['id']}/{path}", body, 200)).json()


async def notice_to(world: World, agency: str, case_id: str) -> list[Any]:
    return list((await world.get(agency, f"/withdrawals?case_id={case_id}"))["items"])
