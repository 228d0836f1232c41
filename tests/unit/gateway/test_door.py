"""What does not go through the gateway: raw bytes of the catalogue of attacks (T16, T19, H, D2, D6)."""

import json
import time

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway import upstreams
from gateway.door import Door
from gateway.limits.service import Limits
from shared import auth
from shared.settings import Settings
from shared.testing import Keys
from tests.unit.gateway.conftest import Gateway, Upstream, read_answer


async def test_an_absolute_address_does_not_choose_another_host(gateway: Gateway, upstream: Upstream) -> None:
    answer = await gateway.send(gateway.request("GET", "http://evil.example/v1/intake/children"))
    assert answer.status == 200
    assert upstream.target() == "/v1/intake/children"
    assert dict(upstream.headers())["Host"] == f"127.0.0.1:{upstream.port}"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/intake/..%2freferral/cases", "/v1/intake/../referral/cases", "/v1/intake/%2e%2e/referral/cases",
        "/v1/intake//children", "//v1/intake/children", "/v1/intake/children%00", "/v1/intake/a%5cb",
        "/v1/intake/a;b=c", "/v1/intake/%252e%252e/x", "/v1/intake/./x", "/v1/intake/", "/v1/intake", "/v1/",
        "/v1/other/x", "/V1/intake/x", "/v1/%69ntake/x", "/v1/intake/a\\b", "/v1/intake/x/", "/internal/events",
        "/v1/internal/events", "/v1/intake/..", "/v1/intake/a|b",
    ],
)  # fmt: skip
async def test_a_crooked_path_is_nobodys(gateway: Gateway, upstream: Upstream, path: str) -> None:
    answer = await gateway.send(gateway.request("GET", path))
    assert answer.status == 404
    assert upstream.connections == 0


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nGET /v1/intake/evil HTTP/1.1\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\nGET /v1/intake/evil HTTP/1.1\r\n\r\n"),
        (b"Content-Length: 4\r\nContent-Length: 4\r\n", b"abcd"),
        (b"Content-Length: 4\r\nContent-Length: 9\r\n", b"abcdefghi"),
        (b"Content-Length: +4\r\n", b"abcd"),
        (b"Content-Length: 4, 4\r\n", b"abcd"),
        (b"Content-Length: -4\r\n", b"abcd"),
        (b"Content-Length: 0x4\r\n", b"abcd"),
        (b"Content-Length : 4\r\n", b"abcd"),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"g\r\nabcd\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"4\nabcd\n0\n\n"),
        (b"X-A: 1\n", b""),
        (b"X-A: 1\r\n X-folded: 2\r\n", b""),
        (b"X-A: 1\r\n\tfolded\r\n", b""),
        (b"X-A: a\x00b\r\n", b""),
        (b"X-A: a\rb\r\n", b""),
        (b"X A: 1\r\n", b""),
        (b": 1\r\n", b""),
    ],
)
async def test_a_request_with_two_readings_is_refused_and_closes(
    gateway: Gateway, upstream: Upstream, head: bytes, body: bytes
) -> None:
    raw = b"POST /v1/intake/encounters HTTP/1.1\r\nHost: gw\r\n" + gateway.bearer + head + b"\r\n" + body
    answer = await gateway.send(raw)
    assert 400 <= answer.status < 500
    assert answer.closed
    assert b"evil" not in b"".join(upstream.requests)
    assert upstream.requests == [] or answer.status == 400


@pytest.mark.parametrize("line", ["GET /v1/intake/x", "GET /v1/intake/x HTTP/9.9", "GET /v1/intake/x y HTTP/1.1"])
async def test_a_malformed_request_line_is_refused(gateway: Gateway, upstream: Upstream, line: str) -> None:
    answer = await gateway.send(f"{line}\r\nHost: gw\r\n".encode() + gateway.bearer + b"\r\n")
    assert 400 <= answer.status < 500
    assert answer.closed
    assert upstream.connections == 0


async def test_http_1_0_with_chunks_makes_no_second_request(gateway: Gateway, upstream: Upstream) -> None:
    head = b"POST /v1/intake/x HTTP/1.0\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n" + gateway.bearer
    answer = await gateway.send(head + b"\r\n0\r\n\r\nGET /v1/intake/evil HTTP/1.1\r\nHost: gw\r\n\r\n")
    assert answer.closed
    assert b"evil" not in b"".join(upstream.requests)


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n"])
async def test_a_request_needs_exactly_one_host(gateway: Gateway, upstream: Upstream, hosts: bytes) -> None:
    answer = await gateway.send(b"GET /v1/intake/x HTTP/1.1\r\n" + hosts + gateway.bearer + b"\r\n")
    assert answer.status == 400
    assert upstream.connections == 0


async def test_a_single_header_that_comes_twice_is_refused(gateway: Gateway, upstream: Upstream) -> None:
    raw = gateway.request("POST", "/v1/intake/x", "Idempotency-Key: a", "Idempotency-Key: b", body=b"{}")
    assert (await gateway.send(raw)).status == 422
    assert upstream.connections == 0


@pytest.mark.parametrize("query", ["access_token=x", "a=1&access_token=", "access%5Ftoken=x", "ACCESS_TOKEN=x"])
async def test_a_token_in_the_address_is_refused_even_beside_a_good_one(
    gateway: Gateway, upstream: Upstream, query: str
) -> None:
    assert (await gateway.send(gateway.request("GET", f"/v1/intake/x?{query}"))).status == 401
    assert upstream.connections == 0


async def test_nobody_passes_without_exactly_one_good_token(gateway: Gateway, upstream: Upstream, keys: Keys) -> None:
    stranger = Keys().token()
    service = auth.service_token(keys.signers["intake"], "gateway", "facts:read")
    at_gateway = keys.signers["intake"].sign(
        {"aud": keys.signers["gateway"].issuer, "scope": "facts:read", "jti": "jti_1"},
        typ=auth.SERVICE_TYPE, life=auth.SERVICE_LIFE,
    )  # fmt: skip
    for line in ("", "Authorization: Basic eA==\r\n", *(f"Authorization: Bearer {token}\r\n" for token in
                 ("", "x", stranger, service, at_gateway, keys.token(aud="other")))):  # fmt: skip
        answer = await gateway.send(f"GET /v1/intake/x HTTP/1.1\r\nHost: gw\r\n{line}\r\n".encode())
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert json.loads(answer.body)["code"] == "unauthenticated"
    twice = gateway.request("GET", "/v1/intake/x", gateway.bearer.decode().strip())
    assert (await gateway.send(twice)).status == 401
    assert upstream.connections == 0


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND"])
async def test_an_unlisted_method_is_not_allowed(gateway: Gateway, upstream: Upstream, method: str) -> None:
    answer = await gateway.send(gateway.request(method, "/v1/intake/x"))
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE"
    assert upstream.connections == 0


async def test_connect_opens_no_tunnel(gateway: Gateway, upstream: Upstream) -> None:
    answer = await gateway.send(gateway.request("CONNECT", "127.0.0.1:22"))
    assert answer.status >= 400
    assert upstream.connections == 0


async def test_five_thousand_headers_are_too_many(gateway: Gateway, upstream: Upstream) -> None:
    raw = gateway.request("GET", "/v1/intake/x", *(f"X-{number}: 1" for number in range(5000)))
    assert (await gateway.send(raw)).status == 431
    assert upstream.connections == 0


async def test_a_body_of_50_mb_is_refused_before_it_is_read(gateway: Gateway, upstream: Upstream) -> None:
    head = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 52428800\r\n" + gateway.bearer + b"\r\n"
    started = time.monotonic()
    async with gateway.connected() as (reader, writer):
        writer.write(head)
        answer = await read_answer(reader)
    assert answer.status == 413
    assert time.monotonic() - started < 2
    assert upstream.connections == 0


async def test_an_unread_body_of_unknown_length_ends_the_connection(gateway: Gateway) -> None:
    raw = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n"
    answer = await gateway.send(raw)
    assert answer.status == 401
    assert answer.closed


async def test_a_request_with_a_body_cannot_change_the_protocol(gateway: Gateway, upstream: Upstream) -> None:
    raw = gateway.request("POST", "/v1/intake/x", "Connection: upgrade", "Upgrade: h2c", body=b"{}")
    assert (await gateway.send(raw)).status == 422
    assert upstream.connections == 0
    answer = await gateway.send(gateway.request("GET", "/v1/intake/x", "Connection: upgrade", "Upgrade: websocket"))
    assert answer.status == 200
    assert {"upgrade", "connection"}.isdisjoint(name.lower() for name, _ in upstream.headers())


async def test_a_token_request_that_arrives_too_slowly_is_a_408(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1, at what the gateway answers itself."""
    monkeypatch.setattr(upstreams, "STANDARD", upstreams.STANDARD._replace(seconds=0.2))
    head = b"POST /oauth/token HTTP/1.1\r\nHost: gw\r\nContent-Length: 100\r\n\r\ngrant"
    async with gateway.connected() as (reader, writer):
        writer.write(head)
        answer = await read_answer(reader, quiet=2)
    assert (answer.status, json.loads(answer.body)["code"], answer.closed) == (408, "request_timeout", True)


async def test_text_of_strangers_stays_within_one_log_line(
    gateway: Gateway, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """H6, S8."""
    caplog.set_level("INFO", "ruta")
    evil = 'x\tevil: 1 {"event": "forged"}'
    answer = await gateway.send(gateway.request("GET", "/v1/intake/x", f"User-Agent: {evil}", f"X-Request-Id: {evil}"))
    assert (answer.status, "evil" in answer.headers) == (200, False)
    lines = [each.getMessage() for each in caplog.records if each.name == "ruta"]
    events = [json.loads(line)["event"] for line in lines]
    assert "request" in events
    assert "forged" not in events
    assert not any("evil" in line for line in lines)
    assert (await gateway.send(gateway.request("GET", "/v1/intake/x%0d%0aevil:1"))).status == 404


# -- whose name a request says ---------------------------------------------------------------------------------


async def through(settings: Settings, host: bytes, path: bytes = b"/status", **more: str) -> int:
    """The status of a request with this Host at a door in production."""
    production = settings.model_copy(update={"environment": "production", "issuer": "https://ruta.example"} | more)
    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(200)

    async def send(message: Message) -> None:
        seen.append(message.get("status", 0))

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {
        "type": "http", "method": "GET", "raw_path": path, "query_string": b"", "http_version": "1.1",
        "headers": [(b"host", host)],
    }  # fmt: skip
    await Door(app, app, Limits(production), production)(scope, receive, send)
    return seen[0]


@pytest.mark.parametrize(
    "host", [b"ruta.example", b"RUTA.example", b"ruta.example:443", b"gateway.inner:8000", b"b.mx"]
)
async def test_in_production_a_request_names_this_server(settings: Settings, host: bytes) -> None:
    assert await through(settings, host, gateway_url="http://gateway.inner:8000", hosts="a.mx,b.mx") == 200


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"ruta.example.evil.example", b"ruta.example:8443", b"", b"ruta.example@evil", b"a b", b"\xff"],
)
async def test_in_production_another_name_is_misdirected(settings: Settings, host: bytes) -> None:
    assert await through(settings, host) == 421
    assert await through(settings, host, b"/v1/intake/x") == 421
    assert await through(settings, host, b"/livez") == 200  # a probe names the address of the pod
