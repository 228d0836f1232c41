"""Services that fail and clients that leave, over real sockets."""

import asyncio
import json
import socket
import struct

import pytest

from gateway import wire
from gateway.proxy import Proxy
from tests.unit.gateway.conftest import Answer, Gateway, Upstream, read_answer, read_request


async def test_an_answer_that_breaks_off_breaks_off_at_the_client_too(gateway: Gateway, upstream: Upstream) -> None:
    for answer in (b"content-length: 100000\r\n\r\nhalf", b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"):

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


async def test_a_short_answer_that_breaks_off_never_begins(gateway: Gateway, upstream: Upstream) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()

    upstream.script = broken
    seen = await gateway.send(gateway.request("GET", "/v1/intake/x"))
    assert (seen.status, json.loads(seen.body)["code"]) == (502, "upstream_unavailable")
    assert b"half" not in seen.body


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
    monkeypatch.setattr(Proxy, "seconds", 0.3)
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
    monkeypatch.setattr(Proxy, "seconds", 0.3)
    head = b"POST /v1/intake/x HTTP/1.1\r\nHost: gw\r\nContent-Length: 100\r\n" + gateway.bearer + b"\r\nhalf"
    async with gateway.connected() as (reader, writer):
        writer.write(head)
        answer = await read_answer(reader, quiet=3)
    assert answer.status == 408
    assert json.loads(answer.body)["code"] == "request_timeout"
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


def down(raw: socket.socket) -> None:
    """Make the close of a socket a reset."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def test_a_service_that_fails_is_left_alone_and_the_others_are_not(gateway: Gateway, upstream: Upstream) -> None:
    refused = [await gateway.send(gateway.request("GET", "/v1/referral/cases")) for _ in range(7)]
    assert [each.status for each in refused] == [502] * 5 + [503] * 2
    assert json.loads(refused[-1].body)["code"] == "unavailable"
    assert int(refused[-1].headers["retry-after"]) == 1
    assert (await gateway.send(gateway.request("GET", "/v1/intake/x"))).status == 200
    assert not gateway.proxy.asks("referral")
    assert gateway.proxy.asks("intake")


async def test_a_service_that_hangs_is_left_alone_and_a_client_that_does_is_none_of_its_faults(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Proxy, "seconds", 0.05)

    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    upstream.script = never
    slow = gateway.request("POST", "/v1/intake/x", "Transfer-Encoding: chunked") + b"4\r\nhalf\r\n"
    assert [(await gateway.send(slow)).status for _ in range(6)] == [408] * 6
    answers = [(await gateway.send(gateway.request("GET", "/v1/intake/x"))).status for _ in range(6)]
    assert answers == [504] * 5 + [503]


async def test_a_request_with_a_proof_is_sent_once(gateway: Gateway, upstream: Upstream) -> None:
    async def reset(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)

    upstream.script = reset
    assert (await gateway.send(gateway.request("GET", "/v1/intake/x", "DPoP: a.b.c"))).status == 502
    assert upstream.connections == 1  # a service would take the second for a replay


async def test_a_service_that_fails_by_itself_is_asked_on(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"
    async with gateway.connected() as (reader, writer):
        for _ in range(10):
            writer.write(gateway.request("GET", "/v1/intake/x"))
            assert (await read_answer(reader, quiet=0.1)).status == 503
    assert len(upstream.requests) == 10


async def test_a_service_that_resets_everything_gets_no_storm(gateway: Gateway, upstream: Upstream) -> None:
    asked = 0

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await read_request(reader):
            asked += 1
            if asked % 3 == 0:  # never five failures in a row: the breaker stays closed, the budget must hold
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            else:
                down(writer.get_extra_info("socket"))
                return

    upstream.script = reset
    async with gateway.connected() as (reader, writer):
        for _ in range(200):
            writer.write(gateway.request("GET", "/v1/intake/x"))
            assert (await read_answer(reader, quiet=0.1)).status in (200, 502)
    assert asked <= 1.1 * 200 + 4


async def test_a_service_that_hangs_takes_its_own_places_and_no_others(gateway: Gateway, upstream: Upstream) -> None:
    """D7. Two clients hold every place of intake; referral, status and tokens go on."""
    lane = gateway.proxy.lanes["intake"]
    lane.places, lane._share = 4, 3
    held = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await held.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    upstream.script = never

    async def ask(client: str, path: str = "/v1/intake/x") -> Answer:
        token = gateway.keys.token(client_id=client)
        return await gateway.send(f"GET {path} HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    waiting = [asyncio.create_task(ask(client)) for client in ("a", "a", "a", "b")]
    while lane.taken < 4:
        await asyncio.sleep(0.01)
    full, shared = await ask("c"), await ask("a")
    assert (full.status, full.headers["retry-after"]) == (503, "1")
    assert (shared.status, json.loads(shared.body)["code"]) == (429, "rate_limited")
    assert (await ask("c", "/v1/referral/x")).status == 502  # nobody is there, and that is said at once
    assert (await gateway.send(b"GET /livez HTTP/1.1\r\nHost: gw\r\n\r\n")).status == 200
    assert (await gateway.send(b"POST /oauth/token HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n")).status == 400
    held.set()
    assert [each.status for each in await asyncio.gather(*waiting)] == [200] * 4
    assert lane.taken == 0


async def test_a_thousand_clients_that_leave_leave_nothing_behind(
    gateway: Gateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D8. They leave before, within and after their body, and while the answer comes."""
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 30.0)  # one loop does everything here, and may be late
    ended = 0

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal ended
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
            await reader.read()
        finally:
            ended += 1

    upstream.script = slowly
    before = len(asyncio.all_tasks())
    good = gateway.request("POST", "/v1/intake/x", "Idempotency-Key: k", body=b"{}")
    part = gateway.request("POST", "/v1/intake/x", "Transfer-Encoding: chunked") + b"4\r\nhalf\r\n"
    stages = [good, good[:40], good[:-1], part, gateway.request("GET", "/v1/intake/x")]
    lane = gateway.proxy.lanes["intake"]
    for turn in range(20):
        clients = []
        for number in range(50):
            client = socket.create_connection(("127.0.0.1", gateway.port))
            client.sendall(stages[number % 5])
            clients.append(client)
        await asyncio.sleep(0.03 * (turn % 3))
        for client in clients:
            down(client)
            client.close()
        await asyncio.sleep(0)
    for _ in range(500):
        if lane.taken == 0 and ended == upstream.connections and len(asyncio.all_tasks()) <= before:
            break
        await asyncio.sleep(0.01)
    assert (lane.taken, lane._by_client, ended) == (0, {}, upstream.connections)
    assert len(asyncio.all_tasks()) <= before
    assert gateway.proxy.pools["intake"]._idle == []
    assert gateway.proxy.asks("intake")  # clients that leave say nothing about a service
