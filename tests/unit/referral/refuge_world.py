"""What COMAR, the Procuraduría and INM say of claims and returns, for their tests."""

from datetime import datetime, timedelta
from typing import Any

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.rules import Gate
from services.referral.determinations.models import Determination
from services.referral.determinations.rules import BidPurpose, BidState, Option
from services.referral.plans.models import Plan
from services.referral.plans.rules import PlanState
from shared import clock, ids
from shared.clocks.calendar import FEDERAL, last_day
from tests.unit.referral.cases_world import EVERY_GATE, in_restitution, put
from tests.unit.referral.protection_world import tell
from tests.unit.referral.world import World

COMAR = {"officer": "comar-0007"}
PP = {"officer": "pp-0001"}
INM = {"officer": "inm-0001"}
ZONE = "America/Tegucigalpa"
PLANNED = [gate for gate in EVERY_GATE if gate not in (Gate.RETURN_READY, Gate.RECOGNISED)]
"""What the slices below open on the way to a return."""


def now() -> str:
    return clock.now().isoformat()


def claim_in(case_id: str, filed_by: str = "CHILD", **more: Any) -> dict[str, Any]:
    return PP | {"case_id": case_id, "filed_by": filed_by, "form": "VERBAL"} | more


def heard() -> dict[str, Any]:
    return {"heard_at": now(), "explained_in": "spa", "view": "Dice que quiere quedarse."}


def said(action: str, **more: Any) -> dict[str, Any]:
    """What is said with a step of a claim when all is lawful."""
    known: dict[str, dict[str, Any]] = {
        "interview": {
            "held_at": now(), "specialised": True, "representative_present": True, "language": "spa",
            "understood": True, "view": "Cuenta por qué huyó.",
        },
        "ask-opinion": {"topics": ["PUBLIC_ORDER"], "reference": "SRE-1"},
        "receive-opinion": {"opinion": "GIVEN", "reference": "SRE-2"},
        "extend": {"working_days": 45, "ground": "HEALTH"},
        "resolve": {"outcome": "REFUSED", "reference": "COMAR-9"},
        "notify": {"notified_at": now(), "language": "spa", "understood": True, "representative_present": True},
        "appeal": {"remedy": "REVIEW", "reference": "RR-1"},
        "decide-appeal": {"decision": "UPHELD", "reference": "RR-2"},
        "remand": {"received_at": now(), "reference": "RR-3"},
        "finalise": heard(),
        "withdraw": heard() | {"wishes": True, "reason": "CHILD_WISHES"},
        "tell-inm": {"reference": "COMAR-10"},
    }  # fmt: skip
    return COMAR | known.get(action, {}) | more


async def file(world: World, agency: str, case_id: str, status: int = 201, **more: Any) -> Any:
    """File a claim; returns the answer."""
    return (await world.post(agency, "/refuge-claims", claim_in(case_id, **more), status)).json()


async def step(world: World, agency: str, claim_id: str, action: str, status: int = 200, **more: Any) -> Any:
    """Take a step of a claim; returns the answer."""
    answer = await world.post(agency, f"/refuge-claims/{claim_id}/{action}", said(action, **more), status)
    return answer.json()


async def resolved(world: World, case_id: str, outcome: str = "REFUSED") -> str:
    """Return a claim that COMAR has resolved."""
    claim = await file(world, "comar", case_id)
    for action in ("admit", "interview", "ask-opinion", "receive-opinion"):
        await step(world, "comar", claim["id"], action)
    await step(world, "comar", claim["id"], "resolve", outcome=outcome)
    return str(claim["id"])


def due(claim: Any, rule: str) -> str:
    """Return the local day on which a clock of a claim ends."""
    (found,) = [each for each in claim["clocks"] if each["rule"] == rule]
    return local_end(found["due_at"])


def local_end(due_at: str) -> str:
    return last_day(datetime.fromisoformat(due_at), FEDERAL).isoformat()


# -- returns ---------------------------------------------------------------------------------------------


def point_in(**more: Any) -> dict[str, Any]:
    week = [{"days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "opens": "08:00", "closes": "17:00"}]
    return {
        "country": "HND", "name": "Punto Ejemplo", "route": "LAND", "instrument": "NOTE", "zone": ZONE, "week": week,
        "notice_hours": 24, "valid_from": "2026-01-01", "source": "Nota (ficticia)",
    } | more  # fmt: skip


async def point(world: World, **more: Any) -> str:
    made = await world.post("ruta-operations", "/return-points", point_in(**more), 201, agency_kind="OPERATOR")
    return str(made.json()["id"])


async def returnable(world: World, **facts: Any) -> Any:
    """Return a case whose plan is carried out, of a Honduran child of whom all facts are known."""
    case = await in_restitution(world)
    await ready(world, case["id"])
    await tell(world, case["child_id"], **facts)
    return case


async def ready(world: World, case_id: str) -> None:
    async with world.runtime.database.work() as session:
        case = await cases.find(session, SYSTEM, case_id, lock=True)
        for gate in (Gate.RETURN_READY, Gate.RECOGNISED):
            cases.close_gate(session, SYSTEM, case, gate, evidence="test")
        session.add_all(plan_that_allows(case_id))


def plan_that_allows(case_id: str) -> tuple[Determination, Plan]:
    """Return the rows of a signed plan by which the child may leave the country."""
    by, at = "pp-chp/pp-0001", clock.now()
    decided = Determination(
        id=ids.new("bid"), case_id=case_id, number=1, purpose=BidPurpose.DURABLE_SOLUTION, state=BidState.SIGNED,
        assessor=by, opened_by=by, opened_at=at, decision=Option.RETURN_TO_FAMILY, decided_at=at, signed_by=by,
        signed_at=at, reference="BID-1",
    )  # fmt: skip
    plan = Plan(
        id=ids.new("prd"), case_id=case_id, number=1, determination_id=decided.id, state=PlanState.SIGNED,
        allows_exit=True, drawn_up_by=by, drawn_up_at=at, signed_by=by, signed_at=at, reference="PRD-1",
    )  # fmt: skip
    return decided, plan


def assessment(**more: Any) -> dict[str, Any]:
    return PP | heard() | {
        "finding": "NO_DANGER", "plan_allows": True, "plan_reference": "PRD-1", "wish": "WISHES",
    } | more  # fmt: skip


def plan_in(point_id: str, **more: Any) -> dict[str, Any]:
    """A plan for noon at the point, in two days."""
    day = (clock.now() + timedelta(days=2)).date().isoformat()
    return INM | {
        "return_point_id": point_id, "planned_at": f"{day}T12:00:00-06:00",
        "escort": {"name": "Ficticia Acompañante", "officer": "opi-0417", "specialised": True},
        "acceptance": {"authority": "Autoridad Ejemplo", "accepted_at": now(), "reference": "AC-1"},
    } | more  # fmt: skip


async def propose(world: World, agency: str, case_id: str, status: int = 201, **more: Any) -> Any:
    body = PP | {"case_id": case_id, "kind": "ASSISTED_RETURN", "destination": "HND"} | more
    return (await world.post(agency, "/returns", body, status)).json()


async def move(world: World, agency: str, return_id: str, action: str, body: Any, status: int = 200) -> Any:
    return (await world.post(agency, f"/returns/{return_id}/{action}", body, status)).json()


async def planned(world: World, case_id: str, point_id: str) -> str:
    """Return a return that is planned."""
    made = await propose(world, "pp-chp", case_id)
    await move(world, "pp-chp", made["id"], "assess", assessment())
    await move(world, "pp-chp", made["id"], "concur", PP)
    await move(world, "inm-chp", made["id"], "authorise", INM | {"reference": "INM-1"})
    await move(world, "inm-chp", made["id"], "plan", plan_in(point_id))
    return str(made["id"])


async def in_care(world: World) -> Any:
    """Return a case on the way, without any gate of its end."""
    case = await world.channelled()
    await put(world, case["id"])
    return case
