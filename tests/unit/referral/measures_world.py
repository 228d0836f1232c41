"""What the Procuraduría, the DIF, the Ministerio Público and others send of measures, determinations and plans."""

from datetime import timedelta
from typing import Any

from shared import clock
from tests.unit.referral.directory_world import CAS, room, sheltered
from tests.unit.referral.directory_world import put as put_directory
from tests.unit.referral.world import World

PP: dict[str, Any] = {"officer": "pp-0001"}
DIF: dict[str, Any] = {"officer": "dif-0031"}
MP: dict[str, Any] = {"state": None}
HOUSED: dict[str, Any] = {"agency_kind": "CAS"}


def now(**ago: float) -> str:
    """Return a moment as it is sent, so long ago."""
    return (clock.now() - timedelta(**ago)).isoformat()


def measure(case_id: str, **more: Any) -> dict[str, Any]:
    """Return an urgent measure that the Procuraduría orders."""
    return PP | {
        "case_id": case_id, "kind": "URGENT", "way": "ORDERED", "code": "CAS_ADMISSION", "ground": "WITHOUT_CARE",
        "reasons": "No tiene dónde dormir", "reference": "PP/2026/1", "notice": "JF/AVISO/1",
    } | more  # fmt: skip


def decision(**more: Any) -> dict[str, Any]:
    return PP | {"reference": "JF/2026/17", "decided_at": now()} | more


def admission(case_id: str, measure_id: str, **more: Any) -> dict[str, Any]:
    return DIF | {
        "case_id": case_id, "measure_id": measure_id, "cas": CAS, "sex": "F", "age_band": "12-17",
        "nationality": "HND", "purpose": "URGENT_PROTECTION", "admitted_at": now(),
    } | more  # fmt: skip


def exit_of(**more: Any) -> dict[str, Any]:
    return DIF | {"reason": "OTHER_CENTRE", "left_at": now()} | more


def assessment(case_id: str, **more: Any) -> dict[str, Any]:
    return DIF | {
        "case_id": case_id, "kind": "INITIAL", "safe": True, "private": True, "findings": ["PSYCHOSOCIAL"],
        "words": "Duerme mal", "assessed_at": now(),
    } | more  # fmt: skip


def hearing(case_id: str, **more: Any) -> dict[str, Any]:
    return PP | {
        "case_id": case_id, "expression": "EXPRESSED", "view": "Quiere vivir con su tía", "explained": ["RIGHTS"],
        "explanation": "Con dibujos", "language": "spa", "interpreter": False, "heard_at": now(),
    } | more  # fmt: skip


def bid(case_id: str, **more: Any) -> dict[str, Any]:
    return PP | {"case_id": case_id, "purpose": "DURABLE_SOLUTION", "assessor": "pp-0007"} | more


def opinion(discipline: str, **more: Any) -> dict[str, Any]:
    return {
        "discipline": discipline, "recommendation": "STAY_WITH_FAMILY", "words": "Es lo mejor", "officer": "pp-0008",
    } | more  # fmt: skip


def seat(officer: str, discipline: str, **more: Any) -> dict[str, Any]:
    return {
        "agency": "dif-chp", "officer": officer, "discipline": discipline, "undertaking": "UC/1",
        "undertaken_at": now(),
    } | more  # fmt: skip


def item(**more: Any) -> dict[str, Any]:
    return {
        "right": "EDUCATION", "basis": "LGDNNA, art. 57", "kind": "SPECIAL", "beneficiary": "CHILD",
        "measure": "Inscribirla en secundaria", "agency": "dif-chp", "responsible": "Ficticia Enlace",
        "periodicity": "ONCE", "due_on": (clock.now() + timedelta(days=10)).date().isoformat(),
    } | more  # fmt: skip


def plan(case_id: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return PP | {"case_id": case_id, "allows_exit": False, "items": list(items) or [item()]} | more


SIGNED: dict[str, Any] = PP | {"reference": "PRD/2026/1"}


async def shelter(world: World, cas: str = CAS, taken: int = 3) -> None:
    """Open a certified centre with room."""
    await sheltered(world, cas)
    await put_directory(world, "dif-chp", f"/agencies/{cas}/capacity", room(now(), taken))


async def ordered(world: World, case_id: str, **more: Any) -> Any:
    """Return a live measure."""
    return (await world.post("pp-chp", "/measures", measure(case_id, **more), 201)).json()


async def in_care(world: World) -> Any:
    """Return a case whose child is in care outside a centre, on a live measure."""
    case = await world.channelled()
    await ordered(world, case["id"])
    await world.post("dif-chp", f"/cases/{case['id']}/admit", DIF, 200)
    return await world.get("pp-chp", f"/cases/{case['id']}")


async def decided(world: World, case_id: str, **more: Any) -> Any:
    """Return a determination that a panel has decided."""
    made = (await world.post("pp-chp", "/determinations", bid(case_id), 201)).json()
    return await decide(world, made["id"], **more)


async def decide(world: World, bid_id: str, decision: str = "STAY_WITH_FAMILY") -> Any:
    """Let everything happen that a decision needs, and the decision."""
    path = f"/determinations/{bid_id}"
    for discipline in ("LEGAL", "PSYCHOLOGICAL", "SOCIAL_WORK"):
        await world.post("pp-chp", f"{path}/opinions", opinion(discipline), 201)
    await world.post("pp-chp", f"{path}/panel", seat("dif-1", "LEGAL"), 201)
    await world.post("pp-chp", f"{path}/panel", seat("dif-2", "PSYCHOLOGICAL"), 201)
    body = PP | {"decision": decision, "reasons": "Lo mejor para ella"}
    return (await world.post("pp-chp", f"{path}/decide", body, 200)).json()


async def determined(world: World, decision: str = "STAY_WITH_FAMILY") -> Any:
    """Return a case whose determination is signed."""
    case = await in_care(world)
    made = await decided(world, case["id"], decision=decision)
    await world.post("pp-chp", "/hearings", hearing(case["id"]), 201)
    await world.post("pp-chp", f"/determinations/{made['id']}/sign", SIGNED, 200)
    return case


async def planned(world: World, *items: dict[str, Any]) -> Any:
    """Return a signed plan."""
    case = await determined(world)
    made = (await world.post("pp-chp", "/plans", plan(case["id"], *items), 201)).json()
    return (await world.post("pp-chp", f"/plans/{made['id']}/sign", SIGNED, 200)).json()
