"""The proxy that webhooks leave by: real sockets, the sender's own client in front, a receiver behind."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.delivery.egress import NoWay
from shared.delivery.egress import Proxy as Client
from shared.delivery.rules import Outcome
from shared.egress import proxy
from shared.egress.proxy import Proxy
from shared.egress.settings import EgressSettings
from shared.rollout import leaving

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, **options: Any) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def listening(made: Proxy) -> AsyncIterator[Client]:
    """A running proxy, as our sender knows one."""
    async with serving(made.serve, limit=made.HEAD_BYTES) as port:
        yield Client("127.0.0.1", port)
        await made.close(0.1)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def asked(client: Client, head: bytes) -> bytes:
    """What the proxy answers to a head of any kind."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(head)
    answer = await reader.read()
    writer.close()
    return answer


async def outcome(client: Client, host: str, port: int = 443) -> Outcome:
    """What our sender makes of a refusal."""
    with pytest.raises(NoWay) as refused:
        await client.tunnel(host, port, 5)
    return refused.value.outcome


def anywhere(_: str) -> bool:
    return True


async def test_bytes_pass_both_ways_until_both_ends_have_ended() -> None:
    async with serving(echo) as port, listening(Proxy({port}, public=anywhere)) as client:
        made = await client.tunnel("127.0.0.1", port, 5)
        reader, writer = await asyncio.open_connection(sock=made)
        sent = bytes(range(256)) * 4096
        writer.write(sent)
        writer.write_eof()
        assert await reader.read(-1) == sent
        writer.close()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "100.64.0.1", "::1", "fd00::1", "2002:a01:203::1",
     "gateway", "gateway.ruta.svc", "metadata.google.internal", "localhost", "2130706433"],
)  # fmt: skip
async def test_what_is_no_public_address_is_refused_before_anything_is_dialled(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "open_socket", None)
    async with listening(Proxy({443})) as client:
        assert await outcome(client, host) is Outcome.FORBIDDEN_ADDRESS


async def test_a_name_that_leads_inside_is_refused_and_of_several_addresses_only_public_ones_are_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(echo) as port:
        made = Proxy({port}, public=lambda address: address == "127.0.0.1")
        found = {"inside.example.org": ["10.0.0.1"], "both.example.org": ["10.0.0.1", "127.0.0.1"]}

        async def ask(host: str, port: int, _: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found[host]]

        monkeypatch.setattr(made._names, "ask", ask)
        async with listening(made) as client:
            assert await outcome(client, "inside.example.org", port) is Outcome.FORBIDDEN_ADDRESS
            (await client.tunnel("both.example.org", port, 5)).close()


async def test_a_port_that_is_not_for_webhooks_is_refused() -> None:
    async with listening(Proxy({443, 8443}, public=anywhere)) as client:
        assert await outcome(client, "127.0.0.1", 22) is Outcome.FORBIDDEN_ADDRESS


async def test_whose_fault_it_is_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    async with listening(Proxy({free}, public=anywhere)) as client:
        assert await outcome(client, "127.0.0.1", free) is Outcome.UNREACHABLE
        answer = await asked(client, b"CONNECT no-such-name.invalid:%d HTTP/1.1\r\n\r\n" % free)
        assert b"502" in answer.partition(b"\r\n")[0]
        assert b"\r\nProxy-Status: ruta; error=dns_error\r\n" in answer
        assert await outcome(client, "no-such-name.invalid", free) is Outcome.UNREACHABLE


@pytest.mark.parametrize(
    "line",
    [b"GET http://example.org/ HTTP/1.1", b"POST / HTTP/1.1", b"CONNECT example.org HTTP/1.1", b"GET /metrics HTTP/1.1",
     b"CONNECT example.org:443 HTTP/1.0", b"CONNECT user@example.org:443 HTTP/1.1", b"\xff\xfe"],
    ids=repr,
)  # fmt: skip
async def test_it_knows_one_request(line: bytes) -> None:
    async with listening(Proxy({443})) as client:
        assert (await asked(client, line + b"\r\nHost: a\r\n\r\n")).startswith(b"HTTP/1.1 405 ")


async def test_there_is_room_for_so_many_and_no_more() -> None:
    async with serving(echo) as port, listening(Proxy({port}, tunnels=1, public=anywhere)) as client:
        first = await client.tunnel("127.0.0.1", port, 5)
        assert await outcome(client, "127.0.0.1", port) is Outcome.PROXY_DOWN
        first.close()


async def test_a_head_that_never_ends_or_is_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "_HEAD_SECONDS", 0.05)
    async with listening(Proxy({443})) as client:
        assert await asked(client, b"CONNECT exam") == b""
        assert await asked(client, b"CONNECT " + b"a" * 70_000) == b""


async def test_a_tunnel_in_which_nothing_moves_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "_IDLE_SECONDS", 0.05)
    async with serving(echo) as port, listening(Proxy({port}, public=anywhere)) as client:
        reader, writer = await asyncio.open_connection(sock=await client.tunnel("127.0.0.1", port, 5))
        assert await reader.read() == b""
        writer.close()


async def test_it_says_that_it_lives_and_when_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Proxy({443})) as client:
        for path in (b"/livez", b"/readyz"):
            assert (await asked(client, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)).startswith(b"HTTP/1.1 200 ")
        monkeypatch.setattr(leaving, "said", lambda: True)
        assert (await asked(client, b"GET /livez HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert (await asked(client, b"GET /readyz HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 503 ")


async def test_no_host_is_written_into_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr("shared.telemetry.say", lambda *words, **facts: said.append((words, facts)))
    async with listening(Proxy({443})) as client:
        await outcome(client, "consulate.internal")
    assert said == [(("info", "egress_refused"), {"error": "destination_ip_prohibited"})]


def test_its_ports_are_numbers() -> None:
    assert EgressSettings(egress_ports="443,8443").ports == {443, 8443}
    with pytest.raises(ValueError, match="egress_ports"):
        EgressSettings(egress_ports="443;8443")
