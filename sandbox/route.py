"""The steps of the route as partner systems take them, through the gateway. The seed and the tests walk it.

Every step may be repeated with the same story: its Idempotency-Keys are made of the story's name.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.partner import Partner, Refused, until


@dataclass
class Cast:
    """The partners of one gateway, made when they are first needed."""

    gateway: str
    patience: float = 30.0
    _partners: dict[str, Partner] = field(default_factory=dict)

    def __getitem__(self, agency: str) -> Partner:
        if agency not in self._partners:
            self._partners[agency] = Partner(self.gateway, agency, self.patience)
        return self._partners[agency]

    async def close(self) -> None:
        """Close every partner's connections."""
        for partner in self._partners.values():
            await partner.close()


@dataclass
class Story:
    """One child's way: who the child is, who acts, and what has been learnt so far."""

    name: str
    cast: Cast
    child: Mapping[str, Any]
    state: str = "MX-CHP"
    kind: str = "FOREIGN_MET"
    tie: str = "NOBODY"
    assistance: tuple[str, ...] = ()
    met_at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=20))
    encounter: dict[str, Any] = field(default_factory=dict)
    case: dict[str, Any] = field(default_factory=dict)
    release: dict[str, Any] = field(default_factory=dict)

    def agency(self, kind: str) -> Partner:
        """The agency of this kind in the story's state, such as `pp-chp`."""
        return self.cast[f"{kind}-{self.state[3:].lower()}"]

    def key(self, step: str) -> str:
        """The Idempotency-Key of a step."""
        return f"{self.name}:{step}"

    async def meet(self) -> None:
        """INM records the encounter."""
        at = self.met_at.isoformat()
        body = {
            "kind": self.kind,
            "occurred_at": at,
            "place": {"state": self.state},
            "adult": {"tie": self.tie},
            "child": dict(self.child),
            "assistance": [{"code": code, "given_at": at} for code in self.assistance],
        }
        if self.kind == "MEXICAN_RETURNED":
            body |= {"return_point": "Nuevo Laredo II", "returned_from": "USA"}
        self.encounter = await self.agency("inm").post("/v1/intake/encounters", body, self.key("meet"))

    async def referral(self, agency: Partner, kind: str) -> dict[str, Any]:
        """Wait until an agency sees its referral of this child, and return it."""
        child_id = self.encounter["child_id"]

        async def look() -> dict[str, Any] | None:
            found = await agency.items("/v1/referral/referrals", kind=kind, limit=100)
            return next((each for each in found if each["child_id"] == child_id), None)

        return await until(look)

    async def answer(self, agency: Partner, kind: str, action: str) -> dict[str, Any]:
        """An agency takes a step with its referral of this child."""
        referral = await self.referral(agency, kind)
        path = f"/v1/referral/referrals/{referral['id']}/{action}"
        moved: dict[str, Any] = await agency.post(path, {}, self.key(f"{kind}:{action}"))
        return moved

    async def notify(self) -> None:
        """The Procuraduría acknowledges the notice."""
        await self.answer(self.agency("pp"), "PP_NOTICE", "accept")

    async def accept(self) -> None:
        """The DIF accepts the child."""
        referral = await self.answer(self.agency("dif"), "DIF_HANDOVER", "accept")
        self.case = {"id": referral["case_id"]}

    async def channel(self) -> dict[str, Any]:
        """INM issues the acta de canalización."""
        body = {"case_id": self.case["id"], "dif_recipient": "Guardia DIF", "place": "Estación de guardia"}
        acta: dict[str, Any] = await self.agency("inm").post("/v1/referral/actas", body, self.key("acta"))
        return acta

    async def screen(self) -> None:
        """An officer screens the child, and finds no need of protection."""
        body = {
            "screened_at": self.met_at.isoformat(),
            "screened_in": self.child["languages"][0],
            "officer": "opi-0417",
            "indicators": [],
        }
        path = f"/v1/intake/children/{self.encounter['child_id']}/screenings"
        await self.agency("inm").post(path, body, f"screen:{self.encounter['child_id']}")

    async def propose(self) -> None:
        """An officer proposes that the consulate be told."""
        await self.screen()
        body = {
            "case_id": self.case["id"],
            "nationality": self.child["nationalities"][0],
            "officer": "opi-0417",
            "screened_at": self.met_at.isoformat(),
            "told_at": self.met_at.isoformat(),
            "told_in": self.child["languages"][0],
            "objects": False,
        }
        self.release = await self.agency("inm").post("/v1/referral/releases", body, self.key("propose"))

    async def step(self, kind: str, action: str) -> None:
        """INM or the Procuraduría takes a step of the release."""
        path = f"/v1/referral/releases/{self.release['id']}/{action}"
        self.release = await self.agency(kind).post(path, {"officer": f"{kind}-0001"}, self.key(action))

    async def indicate(self, agency: Partner, code: str = "FEAR_OF_RETURN") -> dict[str, Any]:
        """Somebody records that the child fears going back."""
        body = {"case_id": self.case["id"], "code": code, "told_by": "CHILD"}
        found: dict[str, Any] = await agency.post("/v1/referral/indications", body, self.key("indicate"))
        return found


Keep = Callable[[str], Awaitable[None]]


async def subscribe(cast: Cast, agency: str, service: str, url: str, keep: Keep) -> None:
    """Register an agency's endpoint, let its receiver keep the secret, and have the address proven."""
    path, partner = f"/v1/{service}/endpoints", cast[agency]
    made = await partner.post(path, {"url": url}, f"subscribe:{agency}")
    await keep(str(made["secret"]))

    async def proven() -> bool | None:
        if (await partner.get(f"{path}/{made['id']}"))["state"] != "pending":
            return True
        with contextlib.suppress(Refused):  # proven meanwhile
            await partner.post(f"{path}/{made['id']}/verify")
        await asyncio.sleep(0.3)
        return None

    await until(proven)


async def acknowledge(cast: Cast, consulate: str, notice_id: str) -> dict[str, Any]:
    """A consulate says that it has been notified."""
    path = f"/v1/consular/notices/{notice_id}/acknowledge"
    done: dict[str, Any] = await cast[consulate].post(path, None, f"acknowledge:{notice_id}")
    return done
