"""What goes to bodies of other states, for the tests of the guard: with senders and receivers in memory."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from services.referral.cases.models import Case
from services.referral.protection import permits
from shared import clock, testing
from shared.delivery.parcels import Gate, Parcel, Result
from shared.delivery.rules import Outcome
from shared.delivery.worker import Deliverer
from tests.unit.referral.protection_world import ready, release_in
from tests.unit.referral.world import World

HONDURAS, SALVADOR = "child-protection-hnd", "child-protection-slv"
ABROAD: dict[str, Any] = {"agency_kind": "CHILD_PROTECTION_ABROAD", "state": None}
SENT = Result(Outcome.DELIVERED, 204)


def crossing_in(case_id: str, **more: Any) -> dict[str, Any]:
    """What an officer states when proposing that Honduras's body be asked to trace the family."""
    return release_in(case_id) | {"recipient": HONDURAS, "service": "FAMILY_TRACING"} | more


@dataclass
class Wire:
    """Stands in for the network: keeps what leaves, and answers as it is told."""

    answer: Result = SENT
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    async def send(self, parcel: Parcel) -> Result:
        if parcel.internal:
            return SENT
        if self.answer.outcome is not Outcome.PERMIT_EXPIRED:
            self.seen.append((parcel.url, parcel.body))
        return self.answer


async def subscribed(world: World, body: str = HONDURAS, **more: Any) -> str:
    """Give a body abroad its endpoint."""
    given = {"url": f"http://127.0.0.1:9/{body}"} | more
    made = (await world.post(body, "/endpoints", given, 201, **ABROAD)).json()
    await testing.count_as_proven(world.runtime.database)
    return str(made["id"])


async def granted(world: World, case: Any, **more: Any) -> str:
    """Release a child to Honduras's body, by two authorities. Returns the release's id."""
    release = (await world.post("inm-chp", "/releases", crossing_in(case["id"], **more), 201)).json()
    for agency, action in (("pp-chp", "concur"), ("inm-chp", "release")):
        await world.post(agency, f"/releases/{release['id']}/{action}", {"officer": "o-1"}, 200)
    return str(release["id"])


async def crossed(world: World) -> tuple[Any, str]:
    """Return a case, and its release to Honduras's body, which has an endpoint."""
    case = await ready(world)
    await subscribed(world)
    return case, await granted(world, case)


async def deliver(world: World, wire: Wire, gate: Gate | None = None, after: float = 0) -> int:
    """Let the worker send what is due, once, some seconds from now."""
    own = gate or permits.gate(world.runtime.database)
    worker = Deliverer(world.runtime.database, world.runtime.vault, wire, lease=timedelta(seconds=30), gate=own)  # type: ignore[arg-type]  # what it uses of a sender
    with clock.at(clock.now() + timedelta(seconds=after)):
        claimed = await worker.turn()
        await worker.drain()
    return claimed


async def case_row(world: World, case_id: str) -> Case:
    """Return a case as the database has it."""
    (row,) = await world.rows(Case, Case.id == case_id)
    found: Case = row
    return found
