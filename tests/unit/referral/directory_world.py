"""Shelters, Procuradurías and others who keep the directory: what they send, and how."""

from typing import Any

import httpx

from tests.unit.referral.world import V1, World

CAS = "cas-chp-ejemplo-01"
PLACES = [
    {"sex": "F", "age_band": "12-17", "capacity": 4},
    {"sex": "M", "age_band": "12-17", "capacity": 4},
    {"sex": "ANY", "age_band": "6-11", "capacity": 2},
    {"sex": "ANY", "age_band": "FAMILY", "capacity": 1},
]


def body(body_id: str = CAS, **more: Any) -> dict[str, Any]:
    """Return a shelter of Chiapas as its DIF registers it."""
    return {
        "id": body_id, "kind": "CAS", "name_es": "CAS Ejemplo (ficticio)", "name_en": "Example shelter (fictitious)",
        "state": "MX-CHP", "territory": ["MX-CHP"], "services": ["SHELTER"], "parent": "dif-chp",
        "source": "registro ficticio",
    } | more  # fmt: skip


def certificate(**more: Any) -> dict[str, Any]:
    return {"number": "CAS-CHP-0017", "valid_until": "2030-12-31", "places": PLACES} | more


def room(as_of: str, taken: int = 3) -> dict[str, Any]:
    """Return a figure in which `taken` places of each kind are taken."""
    return {
        "as_of": as_of,
        "places": [each | {"occupied": min(taken, int(str(each["capacity"])))} for each in PLACES],
    }


def who(agency: str, **claims: Any) -> dict[str, Any]:
    """Return the claims that the world does not make of an agency's id by itself."""
    kinds = {"mdif": "MUNICIPAL_DIF", "child": "CHILD_PROTECTION_ABROAD", "ruta": "OPERATOR"}
    kind = kinds.get(agency.partition("-")[0])
    return ({"agency_kind": kind} if kind else {}) | claims


async def send(
    world: World, agency: str, method: str, path: str, given: Any = None, etag: str | None = None, **claims: Any
) -> httpx.Response:
    """Send something as an agency."""
    headers = {"If-Match": etag} if etag else {}
    async with world.agency(agency, **who(agency, **claims)) as caller:
        return await caller.request(method, V1 + path, json=given, headers=headers)


async def put(world: World, agency: str, path: str, given: Any, status: int = 200, **claims: Any) -> Any:
    """Put something in the place of what is there now, whatever its version."""
    version = 0
    async with world.agency(agency, **who(agency, **claims)) as caller:
        now = await caller.get(V1 + path)
        if now.status_code == 200:
            version = now.json()["version"]
        answer = await caller.put(V1 + path, json=given, headers={"If-Match": f'"v{version}"'})
    assert answer.status_code == status, answer.text
    return answer.json()


async def upload(world: World, text: str, *, check: bool = False, agency: str = "ruta-operations") -> httpx.Response:
    """Send a table of bodies."""
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "import-1"}
    async with world.agency(agency, state=None, **who(agency)) as caller:
        path = f"{V1}/agencies/import" + ("/check" if check else "")
        return await caller.post(path, content=text.encode(), headers=headers)


async def sheltered(world: World, cas: str = CAS, state: str = "MX-CHP", **more: Any) -> None:
    """Register a shelter with a certificate."""
    dif, pp = f"dif-{state[3:].lower()}", f"pp-{state[3:].lower()}"
    given = body(cas, state=state, territory=[state], parent=dif, **more)
    await world.post(dif, "/agencies", given, 201, state=state)
    await put(world, pp, f"/agencies/{cas}/certification", certificate(), state=state)
