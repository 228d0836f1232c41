"""The permit gate fails closed: anything but a proper permit means that nothing leaves."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.consular.notices.gate import LIFE, permit_gate
from shared import auth, ids, jwt, testing
from shared.delivery.parcels import Permit, Verdict
from shared.http import Peers
from shared.testing import Keys
from tests.unit.consular.world import permit, server

Answer = Callable[[str], Awaitable[web.StreamResponse]]
RELEASE = ids.opaque("rel")


def answers(body: Any, status: int = 200) -> Answer:
    async def answer(_: str) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


def without(name: str) -> Answer:
    return answers({key: value for key, value in permit(RELEASE).items() if key != name})


def text(body: str) -> Answer:
    async def answer(_: str) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/json")

    return answer


async def late(release_id: str) -> web.StreamResponse:
    await asyncio.sleep(LIFE + 0.5)
    return web.json_response(permit(release_id))


async def hangs_up(_: str) -> web.StreamResponse:
    raise asyncio.CancelledError


async def redirects(_: str) -> web.StreamResponse:
    raise web.HTTPTemporaryRedirect("/elsewhere")


async def ask(url: str, folder: Path, keys: Keys | None = None) -> Permit:
    settings = testing.settings("consular", folder, keys or Keys(), "sqlite+aiosqlite://")
    settings = settings.model_copy(update={"referral_url": url})
    peers = Peers(settings, jwt.Signer(settings.signing_key_file.read_bytes(), settings.issuer_name))
    try:
        return await permit_gate(peers)(RELEASE)
    finally:
        await peers.close()


async def verdict(answer: Answer, folder: Path) -> Permit:
    async def handle(_: web.Request) -> web.StreamResponse:
        return await answer(RELEASE)

    async with server(handle) as url:
        return await ask(url, folder)


@pytest.mark.parametrize(
    ("said", "meant"), [("open", Verdict.OPEN), ("closed", Verdict.CLOSED), ("wait", Verdict.WAIT)]
)
async def test_referral_decides(said: str, meant: Verdict, tmp_path: Path) -> None:
    assert (await verdict(answers(permit(RELEASE, said)), tmp_path)).verdict is meant


async def test_a_permit_holds_two_seconds_from_before_it_was_asked_for(tmp_path: Path) -> None:
    async def slowly(release_id: str) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(permit(release_id))

    async def handle(_: web.Request) -> web.StreamResponse:
        asked.append(asyncio.get_running_loop().time())
        return await slowly(RELEASE)

    asked: list[float] = []
    async with server(handle) as url:
        given = await ask(url, tmp_path)
    assert given.until is not None
    assert given.until <= asked[0] + LIFE


REFUSALS: dict[str, Answer] = {
    "late": late,
    "hangs up": hangs_up,
    "redirects": redirects,
    "another release": answers(permit(ids.opaque("rel"))),
    "unknown verdict": answers(permit(RELEASE, "maybe")),
    "verdict in capitals": answers(permit(RELEASE, "OPEN")),
    "verdict true": answers(permit(RELEASE) | {"verdict": True}),
    "no verdict": without("verdict"),
    "no permit id": without("permit_id"),
    "open, but the permit has no id": answers(permit(RELEASE) | {"permit_id": None}),
    "open, but the permit has no end": answers(permit(RELEASE) | {"expires_at": None}),
    "closed, but for another release": answers(permit(ids.opaque("rel"), "closed")),
    "permit id of another form": answers(permit(RELEASE) | {"permit_id": 7}),
    "no release": without("release_id"),
    "no end": without("expires_at"),
    "an end that is a number": answers(permit(RELEASE) | {"expires_at": 4_000_000_000}),
    "an end without zone": answers(permit(RELEASE) | {"expires_at": "2030-01-01T00:00:00"}),
    "a list": answers([permit(RELEASE)]),
    "null": answers(None),
    "not JSON": text("open"),
    "nothing": text(""),
    "two verdicts": text('{"verdict": "open", "verdict": "closed"}'),
    "201": answers(permit(RELEASE), 201),
    "401": answers(permit(RELEASE), 401),
    "403": answers(permit(RELEASE), 403),
    "404": answers(permit(RELEASE), 404),
    "500": answers(permit(RELEASE), 500),
    "503": answers(permit(RELEASE), 503),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS.keys())
async def test_anything_else_means_wait(answer: Answer, tmp_path: Path) -> None:
    started = asyncio.get_running_loop().time()
    given = await verdict(answer, tmp_path)
    assert given == Permit(Verdict.WAIT)
    assert asyncio.get_running_loop().time() - started < LIFE + 0.4


async def test_no_referral_means_wait(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert await ask(url, tmp_path) == Permit(Verdict.WAIT)


async def test_the_gate_proves_who_asks_and_asks_anew_each_time(tmp_path: Path) -> None:
    keys = Keys()
    seen: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.verify(
            token, jwt.public_key(keys.signers["consular"].public_jwk()), typ=auth.SERVICE_TYPE,
            issuer="urn:ruta:consular", audience="urn:ruta:referral", longest=auth.SERVICE_LIFE,
            required=frozenset({"jti", "scope"}),
        )  # fmt: skip
        seen.append({"claims": claims, "body": await request.json(), "path": request.path, "method": request.method})
        return web.json_response(permit(RELEASE))

    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(server(handle))
        for _ in range(2):
            assert (await ask(url, tmp_path, keys)).verdict is Verdict.OPEN
    assert [(call["method"], call["path"]) for call in seen] == [("POST", "/internal/permits")] * 2
    assert [call["body"] for call in seen] == [{"release_id": RELEASE}] * 2
    assert [call["claims"]["scope"] for call in seen] == ["permits:write"] * 2
    assert len({call["claims"]["jti"] for call in seen}) == 2
