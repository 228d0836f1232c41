"""A route that will go says so: in the description, and in every answer that it gives."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, Query, Request
from starlette.types import ASGIApp

from gateway import hygiene
from gateway.main import api as gateway
from shared import testing
from shared.app import create_app
from shared.auth import Allow, Caller
from shared.errors import Conflict
from shared.hot import Written, hot_router
from shared.openapi.deprecation import CHANGES, NOTICE, deprecated
from shared.routing import router
from shared.runtime import Runtime
from shared.shapes import In, Out
from shared.testing import Keys, client, key

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
SUNSET = datetime(2027, 6, 1, tzinfo=UTC)
SAID = {
    "deprecation": "@1793491200",
    "sunset": "Tue, 01 Jun 2027 00:00:00 GMT",
    "link": '</changelog>; rel="deprecation", </changelog>; rel="sunset"',
}
going = deprecated(since=SINCE, sunset=SUNSET, instead="`GET /v1/referral/new`")
Reader = Annotated[Caller, Allow("referral:read")]


class Word(In):
    word: str


class Said(Out):
    word: str


old = router("/v1/referral/old", "old")
hot = hot_router("/v1/referral/old", "old")


@old.get("", summary="Read what was")
@going
async def read(_: Reader, refused: Annotated[bool, Query()] = False) -> Said:
    """Return the word."""
    if refused:
        raise Conflict
    return Said(word="old")


@old.get("/kept", summary="Read what stays")
async def kept(_: Reader) -> Said:
    return Said(word="kept")


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


@hot.post("", summary="Write what was", response_model=Said)
@going
async def write(
    runtime: Annotated[Runtime, Depends(_runtime)], caller: Annotated[Caller, Allow("referral:write")], body: Word
) -> Written:
    raise Conflict


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def made(keys: Keys, tmp_path: Path) -> Runtime:
    return testing.runtime(testing.settings("referral", tmp_path, keys, f"sqlite+aiosqlite:///{tmp_path / 'x.db'}"))


async def test_every_answer_of_a_deprecated_route_says_so(made: Runtime, keys: Keys) -> None:
    async with client(app_of(made, old, hot), keys.token()) as caller:
        answers = [
            await caller.get("/v1/referral/old"),
            await caller.get("/v1/referral/old", params={"refused": True}),
            await caller.get("/v1/referral/old", params={"refused": "perhaps"}),
            await caller.get("/v1/referral/old", headers={"Authorization": "Bearer nothing"}),
            await caller.post("/v1/referral/old", json={}, headers=key()),
        ]
        stays = await caller.get("/v1/referral/old/kept")
    assert [answer.status_code for answer in answers] == [200, 409, 422, 401, 422]
    for answer in answers:
        assert {name: answer.headers[name] for name in SAID} == SAID
    assert not SAID.keys() & stays.headers.keys()
    await made.close()


async def test_the_description_says_so_too(made: Runtime) -> None:
    async with client(app_of(made, old)) as anybody:
        paths = (await anybody.get("/v1/referral/openapi.json")).json()["paths"]
    gone, stays = paths["/v1/referral/old"]["get"], paths["/v1/referral/old/kept"]["get"]
    assert gone["deprecated"] is True
    assert "Return the word." in gone["description"]
    assert "Deprecated since 2026-11-01; answers until 2027-06-01. Use `GET /v1/referral/new`" in gone["description"]
    assert "deprecated" not in stays
    await made.close()


def test_a_route_stays_for_half_a_year_at_least() -> None:
    with pytest.raises(ValueError, match="180 days"):
        deprecated(since=SINCE, sunset=SINCE + NOTICE - timedelta(seconds=1), instead="nothing")


async def test_the_gateway_lets_these_headers_through_and_shows_where_they_lead(keys: Keys, tmp_path: Path) -> None:
    headers = [(name.encode(), value.encode()) for name, value in SAID.items()]
    assert hygiene.answer_headers(headers, 200) == headers
    runtime = testing.runtime(testing.settings("gateway", tmp_path, keys, f"sqlite+aiosqlite:///{tmp_path / 'g.db'}"))
    async with client(gateway(runtime)) as anybody:
        shown = await anybody.get(CHANGES)
    assert shown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert shown.text.startswith("# ")
    await runtime.close()


def app_of(runtime: Runtime, *routers: APIRouter) -> ASGIApp:
    return create_app(runtime, "services.referral", list(routers))
