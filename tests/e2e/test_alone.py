"""Each service also runs alone: it serves what it owns, keeps what it owes, and says what is missing."""

import time
import uuid
from typing import Any

import httpx
import pytest

from sandbox.partner import until
from sandbox.route import Cast, Story
from sandbox.system import System
from tests.e2e.journey import child

OTHERS = {
    "intake": ("referral", "consular", "referral-worker", "consular-worker"),
    "referral": ("intake", "consular", "intake-worker", "consular-worker"),
    "consular": ("intake", "referral", "intake-worker", "referral-worker"),
}


async def status_of(system: System, name: str) -> Any:
    """What a service says of itself."""
    async with httpx.AsyncClient(trust_env=False) as client:
        ready = await client.get(system.url(name) + "/readyz")
        assert ready.status_code == 200, "readiness never depends on a peer"
        return (await client.get(system.url(name) + "/status")).json()


async def bring_back(system: System, *names: str) -> None:
    """Start what was killed."""
    for name in names:
        await system.start(name)
    for name in names:
        await system.wait_ready(name)


def story(cast: Cast) -> Story:
    return Story(f"alone-{uuid.uuid4().hex}", cast, child("HND", "F", 12))


@pytest.mark.timeout(120)
async def test_intake_alone_records_encounters_and_hands_them_over_later(system: System) -> None:
    cast = Cast(system.url("gateway"))
    met = story(cast)
    for name in OTHERS["intake"]:
        await system.kill(name)
    try:
        await met.meet()
        assert met.encounter["handover"] == {"to": "referral", "status": "pending"}
        path = f"/v1/intake/encounters/{met.encounter['id']}"
        assert (await cast["inm-chp"].get(path))["handover"]["status"] == "pending"
        missing = await until(lambda: _degraded(system, "intake"), 15)
        assert missing == ["referral"]
    finally:
        await bring_back(system, *OTHERS["intake"])
    await met.referral(cast["pp-chp"], "PP_NOTICE")
    await cast.close()


async def _degraded(system: System, name: str) -> list[str] | None:
    found = await status_of(system, name)
    return found["missing"] if found["status"] == "degraded" else None


@pytest.mark.timeout(120)
async def test_referral_alone_lets_agencies_answer_and_tells_intake_later(system: System) -> None:
    cast = Cast(system.url("gateway"))
    met = story(cast)
    await met.meet()
    await met.referral(cast["pp-chp"], "PP_NOTICE")
    for name in OTHERS["referral"]:
        await system.kill(name)
    try:
        await met.notify()
        assert await until(lambda: _degraded(system, "referral"), 15) == ["intake"]
    finally:
        await bring_back(system, *OTHERS["referral"])

    async def notified() -> bool | None:
        encounter = await cast["inm-chp"].get(f"/v1/intake/encounters/{met.encounter['id']}")
        return True if encounter["clocks"][0]["state"] == "met" else None

    await until(notified)
    await cast.close()


@pytest.mark.timeout(120)
async def test_consular_alone_serves_its_directory(system: System) -> None:
    cast = Cast(system.url("gateway"))
    for name in OTHERS["consular"]:
        await system.kill(name)
    try:
        posts = await cast["con-hnd-tapachula"].items("/v1/consular/consulates", country="HND")
        assert "con-hnd-tapachula" in [post["id"] for post in posts]
        assert (await status_of(system, "consular"))["status"] == "up"
    finally:
        await bring_back(system, *OTHERS["consular"])
    await cast.close()


@pytest.mark.timeout(120)
async def test_an_agency_sees_its_referral_within_two_seconds_of_the_201(system: System) -> None:
    cast = Cast(system.url("gateway"))
    await cast["pp-chp"].token()
    waits = []
    for _ in range(10):
        met = story(cast)
        await met.meet()
        answered = time.monotonic()
        await met.referral(cast["pp-chp"], "PP_NOTICE")
        waits.append(time.monotonic() - answered)
    await cast.close()
    assert max(waits) < 2.0, waits


@pytest.mark.timeout(60)
async def test_a_service_called_past_the_gateway_gives_the_same_rights_and_never_more(system: System) -> None:
    cast = Cast(system.url("gateway"))
    met = story(cast)
    await met.meet()
    path = f"/v1/intake/encounters/{met.encounter['id']}"
    async with httpx.AsyncClient(trust_env=False) as client:
        for base in (system.url("gateway"), system.url("intake")):
            assert (await client.get(base + path)).status_code == 401
            for agency, expected in (("inm-chp", 200), ("pp-chp", 200), ("inm-tam", 404), ("comar", 403)):
                bearer = {"Authorization": f"Bearer {await cast[agency].token()}"}
                assert (await client.get(base + path, headers=bearer)).status_code == expected, (base, agency)
    await cast.close()
