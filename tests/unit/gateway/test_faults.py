"""Services that fail and clients that leave, over real sockets."""

import asyncio
import json
import socket
import struct

import pytest

from gateway.proxy import Proxy
from tests.unit.gateway.conftest import Gateway, Upstream, read_answer, read_request


async def test_an_answer_that_breaks_off_breaks_off_at_the_client_too(gateway: Gateway, upstream: Upstream) -> None:
    for answer in (b"content-length: 100\r\n\r\nhalf", b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"):

        async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes = answer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\n" + raw)
            await writer.drain()

        upstream.script = broken
        seen = await gateway.send(gateway.request("GET", "/v1/intake/x"))
        assert seen.closed
        assert b"half" in seen.body
        assert len(seen.body) < 100
        assert not seen.body.endswith(b"0\r\n\r\n")


async def test_a_service_that_is_down_is_a_502_with_a_problem(gateway: Gateway) -> None:
    answer = await gateway.send(gateway.request("GET", "/v1/referral/cases"))
    assert answer.status == 502
    problem = json.loads(answer.body)
    assert problem["code"] == "upstream_unavailable"
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "key", "tries"),
    [
        ("GET", False, 2),
        ("HEAD", False, 2),
        ("POST", True, 2),
        ("POST", False, 1),
        ("PUT", True, 1),
        ("DELETE", False, 1),
    ],
)
async def test_only_what_cannot_happen_twice_is_tried_again(
    gateway: Gateway, upstream: Upstream, method: str, key: bool, tries: int
) -> None:
    bodies = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append((await read_request(reader)).partition(b"\r\n\r\n")[2])
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    upstream.script = reset
    headers = ["Idempotency-Key: k"] if key else []
    body = b"" if method in ("GET", "HEAD") else b"{}"
    answer = await gateway.send(gateway.request(method, "/v1/intake/x", *headers, body=body))
    assert answer.status == 502
    assert bodies == [body] * tries


async def test_the_second_try_answers_as_if_nothing_had_been(gateway: Gateway, upstream: Upstream) -> None:
    async def first_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if upstream.connections == 1:
            await read_request(reader)
            return
        await upstream.answering(reader, writer)

    upstream.script = first_reset
    answer = await gateway.send(gateway.request("POST", "/v1/intake/x", "Idempotency-Key: k", body=b'{"a":1}'))
    assert answer.status == 200
    assert upstream.requests[0].endswith(b'{"a":1}')


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
    ],
)
async def test_an_answer_that_is_not_http_is_a_502(gateway: Gateway, upstream: Upstream, answer: bytes) -> None:
    upstream.answer = answer
    assert (await gateway.send(gateway.request("GET", "/v1/intake/x"))).status == 502


async def test_a_service_that_is_too_slow_is_a_504(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Proxy, "total_seconds", 0.3)
    ended = asyncio.Event()

    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()
        ended.set()

    upstream.script = never
    answer = await gateway.send(gateway.request("GET", "/v1/intake/x"))
    assert answer.status == 504
    assert json.loads(answer.body)["code"] == "upstream_timeout"
    assert upstream.connections == 1
    await asyncio.wait_for(ended.wait(), 2)  # the call does not go on behind our back


async def test_a_client_that_sends_its_body_too_slowly_is_cut_off(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Proxy, "total_seconds", 0.3)
    head = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 100\r\n" + gateway.bearer + b"\r\nhalf"
    async with gateway.connected() as (reader, writer):
        writer.write(head)
        answer = await read_answer(reader, quiet=3)
    assert answer.status == 504
    assert answer.closed
    assert upstream.requests == [] or len(upstream.requests[0]) < 1000


async def test_a_client_that_leaves_takes_its_call_along(gateway: Gateway, upstream: Upstream) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()
        ended.set()

    upstream.script = never
    async with gateway.connected() as (_, writer):
        writer.write(gateway.request("POST", "/v1/intake/x", "Idempotency-Key: k", body=b"{}"))
        await asyncio.wait_for(arrived.wait(), 2)
    await asyncio.wait_for(ended.wait(), 2)
    assert upstream.connections == 1


async def test_a_client_that_leaves_within_its_body_completes_nothing(gateway: Gateway, upstream: Upstream) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def reading(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.read(-1))

    upstream.script = reading
    head = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n" + gateway.bearer + b"\r\n"
    async with gateway.connected() as (_, writer):
        writer.write(head + b"4\r\nhalf\r\n")
        await asyncio.sleep(0.2)
    assert not (await asyncio.wait_for(seen, 2)).endswith(b"0\r\n\r\n")
