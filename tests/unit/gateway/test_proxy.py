"""What goes through the gateway, over real sockets: every assertion is about bytes that somebody saw."""

import asyncio
import json
import socket

import pytest

from tests.unit.gateway.conftest import OK, Gateway, Upstream, read_answer, read_request


async def test_a_request_reaches_its_service_exactly_as_it_was_sent(gateway: Gateway, upstream: Upstream) -> None:
    body = json.dumps({"name": "Ñandú"}).encode()
    raw = gateway.request(
        "POST", "/v1/intake/encounters/enc_1?limit=5&x=%C3%B1&&y", "Content-Type: application/json",
        "Idempotency-Key: k-1", "Accept-Language: es-MX", 'If-Match: "v1"', body=body,
    )  # fmt: skip
    answer = await gateway.send(raw)
    assert answer.status == 200
    assert answer.body == b"{}"
    assert upstream.target() == "/v1/intake/encounters/enc_1?limit=5&x=%C3%B1&&y"
    assert upstream.requests[0].endswith(b"\r\n\r\n" + body)
    headers = {name.lower(): value for name, value in upstream.headers()}
    assert headers["idempotency-key"] == "k-1"
    assert headers["if-match"] == '"v1"'
    assert headers["content-length"] == str(len(body))
    assert headers["x-request-id"] == answer.headers["x-request-id"]
    assert headers["host"] == f"127.0.0.1:{upstream.port}"


async def test_only_listed_headers_are_forwarded(gateway: Gateway, upstream: Upstream) -> None:
    await gateway.send(
        gateway.request(
            "GET", "/v1/intake/children", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil", "Forwarded: for=1",
            "X-Request-Id: req_" + "0" * 32, "X-Agency: comar", "X_Agency: comar", "If_Match: x", "Cookie: a=b",
            "Traceparent: 00-1-1-01", "Connection: keep-alive, x-agency", "TE: trailers", "Via: 1.1 x",
            "Proxy-Authorization: Basic eA==", "Accept-Encoding: gzip", "Keep-Alive: timeout=99",
        )
    )  # fmt: skip
    names = {name.lower() for name, _ in upstream.headers()}
    assert names == {"host", "authorization", "x-request-id", "traceparent"}
    assert dict(upstream.headers())["x-request-id"] != "req_" + "0" * 32


async def test_a_header_that_connection_names_is_as_if_it_were_not_there(gateway: Gateway, upstream: Upstream) -> None:
    answer = await gateway.send(gateway.request("GET", "/v1/intake/children", "Connection: authorization"))
    assert answer.status == 401
    await gateway.send(gateway.request("GET", "/v1/intake/children", "If-Match: x", "Connection: close, If-Match"))
    assert [name.lower() for name, _ in upstream.headers()].count("if-match") == 0


async def test_a_body_that_never_ends_is_cut_off(gateway: Gateway, upstream: Upstream) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def reading(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.read(-1))

    upstream.script = reading
    head = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n" + gateway.bearer + b"\r\n"
    async with gateway.connected() as (reader, writer):
        writer.write(head)

        async def forever() -> None:
            while True:
                writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                await writer.drain()

        sending = asyncio.create_task(forever())
        answer = await read_answer(reader, quiet=3)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert answer.status == 413
    assert answer.closed
    arrived = await asyncio.wait_for(seen, 5)
    assert len(arrived) < 600_000
    assert not arrived.endswith(b"0\r\n\r\n")  # the service could never take the part for the whole


async def test_a_body_flows_on_while_it_still_arrives(gateway: Gateway, upstream: Upstream) -> None:
    first = asyncio.get_running_loop().create_future()

    async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        first.set_result(await reader.readuntil(b"first\r\n"))
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(OK)

    upstream.script = echoing
    head = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n" + gateway.bearer + b"\r\n"
    async with gateway.connected() as (reader, writer):
        writer.write(head + b"5\r\nfirst\r\n")
        assert await asyncio.wait_for(first, 2) == b"5\r\nfirst\r\n"
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")
        assert (await read_answer(reader)).status == 200


async def test_an_answer_flows_on_while_it_still_arrives(gateway: Gateway, upstream: Upstream) -> None:
    more = asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await more.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")
        await writer.drain()

    upstream.script = slowly
    async with gateway.connected() as (reader, writer):
        writer.write(gateway.request("GET", "/v1/intake/x"))
        assert b"first" in await asyncio.wait_for(reader.readuntil(b"first\r\n"), 2)
        more.set()
        assert await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 2) == b"4\r\nlast\r\n0\r\n\r\n"


async def test_a_reader_that_stops_holds_back_the_service(gateway: Gateway, upstream: Upstream) -> None:
    size = 64 * 1024 * 1024
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    upstream.script = flood
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", gateway.port))
        await loop.sock_sendall(client, gateway.request("GET", "/v1/intake/x"))
        await asyncio.sleep(0.5)
        before = written
        await asyncio.sleep(0.3)
        assert before == written < size / 2


async def test_listed_headers_alone_come_back(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = (
        b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nETag: "v1"\r\nLocation: /v1/intake/x/1\r\n'
        b"Idempotent-Replayed: true\r\nSet-Cookie: a=b\r\nServer: secret/1.0\r\nX-Powered-By: y\r\nKeep-Alive: 9\r\n"
        b"X-Request-Id: req_other\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"
    )
    answer = await gateway.send(gateway.request("POST", "/v1/intake/x", "Idempotency-Key: a", body=b"{}"))
    assert answer.status == 201
    assert set(answer.headers) == {
        "date", "content-type", "etag", "location", "idempotent-replayed", "content-length",
        "x-request-id", "x-content-type-options", "cache-control", "ratelimit", "ratelimit-policy",
    }  # fmt: skip
    assert answer.headers["x-request-id"] != "req_other"


@pytest.mark.parametrize("location", ["http://10.0.0.7:8001/v1/intake/x", "//evil.example/x", "/\\evil.example"])
async def test_no_address_of_another_host_comes_back(gateway: Gateway, upstream: Upstream, location: str) -> None:
    upstream.answer = f"HTTP/1.1 307 X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()
    answer = await gateway.send(gateway.request("GET", "/v1/intake/x"))
    assert answer.status == 307
    assert "location" not in answer.headers
    assert len(upstream.requests) == 1  # nor does the gateway follow it


@pytest.mark.parametrize(
    ("method", "head"),
    [("HEAD", b"200 OK\r\ncontent-length: 99"), ("GET", b"304 Not Modified\r\ncontent-length: 99"), ("GET", b"204 X")],
)
async def test_an_answer_without_a_body_keeps_the_connection_in_step(
    gateway: Gateway, upstream: Upstream, method: str, head: bytes
) -> None:
    upstream.answer = b"HTTP/1.1 " + head + b"\r\n\r\n"
    async with gateway.connected() as (reader, writer):
        for _ in range(2):
            writer.write(gateway.request(method, "/v1/intake/x"))
            answer = await read_answer(reader)
            assert answer.status == int(head[:3])
            assert answer.body == b""
            assert not answer.closed


async def test_pipelined_requests_are_answered_in_order_each_by_its_own(gateway: Gateway, upstream: Upstream) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            target = request.split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(target) + target)

    upstream.script = echo
    async with gateway.connected() as (reader, writer):
        writer.write(b"".join(gateway.request("GET", f"/v1/intake/n{number}") for number in range(5)))
        raw = b""
        while raw.count(b"/v1/intake/n") < 5:
            raw += await asyncio.wait_for(reader.read(65536), 2)
    assert [raw.index(b"/v1/intake/n%d" % number) for number in range(5)] == sorted(
        raw.index(b"/v1/intake/n%d" % number) for number in range(5)
    )


async def test_connections_to_a_service_are_used_again(gateway: Gateway, upstream: Upstream) -> None:
    async with gateway.connected() as (reader, writer):
        for _ in range(5):
            writer.write(gateway.request("GET", "/v1/intake/x"))
            assert (await read_answer(reader, quiet=0.05)).status == 200
    assert upstream.connections == 1


@pytest.mark.parametrize(
    "given", ["", "00-1-1-01", "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "ff-" + "a" * 32 + "-" + "b" * 16 + "-01"]
)
async def test_a_trace_starts_at_the_edge_whatever_the_client_says(
    gateway: Gateway, upstream: Upstream, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    caplog.set_level("INFO", "ruta")
    answer = await gateway.send(gateway.request("GET", "/v1/intake/x", *([f"Traceparent: {given}"] if given else [])))
    number = answer.headers["x-request-id"].removeprefix("req_")
    assert dict(upstream.headers())["traceparent"] == f"00-{number}-{number[16:]}-00"
    (line,) = [json.loads(each.getMessage()) for each in caplog.records if '"event": "request"' in each.getMessage()]
    assert (line["trace"], line["client"], line["route"]) == (number, "inm-chp-system", "/v1/intake/*")


async def test_a_proof_of_possession_reaches_the_service(gateway: Gateway, upstream: Upstream) -> None:
    await gateway.send(gateway.request("GET", "/v1/intake/x", "DPoP: a.b.c"))
    assert dict(upstream.headers())["dpop"] == "a.b.c"
    before = len(upstream.requests)
    assert (await gateway.send(gateway.request("GET", "/v1/intake/x", "DPoP: a", "DPoP: b"))).status == 422
    assert len(upstream.requests) == before


async def test_an_answer_that_could_be_read_in_two_ways_is_a_502(gateway: Gateway, upstream: Upstream) -> None:
    for head in (
        b"200 OK\r\n\r\nno length",
        b"200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"200 OK\r\ntransfer-encoding: gzip\r\n\r\nx",
        b"200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"200 OK\r\ncontent-length: +5\r\n\r\nhello",
        b"200 OK\r\ncontent-length: 67108865\r\n\r\n",
        b"101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"200 OK\r\nx: " + b"a" * 70_000,
    ):
        upstream.answer = b"HTTP/1.1 " + head
        gateway.breaker("intake").leave(True, probe=False)
        assert (await gateway.send(gateway.request("GET", "/v1/intake/x"))).status == 502, head[:60]


async def test_what_a_service_says_too_much_is_nobodys_answer(gateway: Gateway, upstream: Upstream) -> None:
    second = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    for method, answer in (
        ("GET", OK + second),
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n" + second),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\nevil"),
    ):
        upstream.answer = answer
        async with gateway.connected() as (reader, writer):
            for _ in range(2):
                writer.write(gateway.request(method, "/v1/intake/x"))
                seen = await read_answer(reader, quiet=0.1)
                assert seen.status < 400
                assert b"evil" not in seen.body
    assert upstream.connections == 8  # none is used again


async def test_interim_answers_and_trailers_stay_behind(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </evil>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nlocation: /evil\r\n\r\n"
    )
    async with gateway.connected() as (reader, writer):
        for _ in range(2):
            writer.write(gateway.request("GET", "/v1/intake/x"))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"evil" not in head
            assert await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 2) == b"2\r\n{}\r\n0\r\n\r\n"
    assert upstream.connections == 1


async def test_an_answer_that_nobody_asked_for_answers_nobody(gateway: Gateway, upstream: Upstream) -> None:
    """What a service sends on a connection at rest would be taken for the answer to the next client's request."""
    sent = asyncio.Event()

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            writer.write(OK)
            await asyncio.sleep(0.02)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
            sent.set()

    upstream.script = twice
    for _ in range(2):
        sent.clear()
        assert (await gateway.send(gateway.request("GET", "/v1/intake/x"))).body == b"{}"
        await asyncio.wait_for(sent.wait(), 2)
        await asyncio.sleep(0.02)
    assert upstream.connections == 2
