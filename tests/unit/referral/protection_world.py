"""What officers, intake and the consular sender say to the guard, for its tests."""

from typing import Any

import httpx

from shared import auth, clock, testing
from tests.unit.referral.world import World


def facts_of(child_id: str, **more: Any) -> dict[str, Any]:
    """What intake says of a Honduran child who speaks Spanish."""
    return {
        "child_id": child_id,
        "version": 1,
        "nationalities": ["HND"],
        "residence": None,
        "stateless_doubt": False,
        "languages": ["spa"],
        "relatives": [],
        "screened_at": clock.now().isoformat(),
    } | more


def release_in(case_id: str, **more: Any) -> dict[str, Any]:
    """What an officer states when proposing a release."""
    moment = clock.now().isoformat()
    return {
        "case_id": case_id,
        "nationality": "HND",
        "officer": "opi-0417",
        "screened_at": moment,
        "told_at": moment,
        "told_in": "spa",
        "objects": False,
    } | more


async def as_service(world: World, name: str, method: str, path: str, body: Any, scope: str) -> httpx.Response:
    """Call an internal route as a sister service."""
    token = auth.service_token(world.keys.signers[name], "referral", scope)
    async with testing.client(world.app, token) as caller:
        return await caller.request(method, path, json=body)


async def tell(world: World, child_id: str, **more: Any) -> None:
    """Let intake confirm facts."""
    answer = await as_service(
        world, "intake", "PUT", f"/internal/facts/{child_id}", facts_of(child_id, **more), "facts:write"
    )
    assert answer.status_code == 200, answer.text


async def ask_permit(world: World, release_id: str) -> Any:
    """Ask as the consular sender whether a notice may leave."""
    body = {"release_id": release_id}
    answer = await as_service(world, "consular", "POST", "/internal/permits", body, "permits:write")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ready(world: World, **more: Any) -> Any:
    """Return a channelled case whose facts are known."""
    case = await world.channelled()
    await tell(world, case["child_id"], **more)
    return case


async def released(world: World) -> tuple[Any, str]:
    """Return a case and the id of its released notice."""
    case = await ready(world)
    release = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
    for agency, action in (("pp-chp", "concur"), ("inm-chp", "release")):
        await world.post(agency, f"/releases/{release['id']}/{action}", {"officer": "o-1"}, 200)
    return case, release["id"]


def indication_in(case_id: str, **more: Any) -> dict[str, Any]:
    return {"case_id": case_id, "code": "FEAR_OF_RETURN", "told_by": "CHILD"} | more
