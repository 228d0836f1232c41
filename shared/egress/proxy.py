"""A forward proxy that knows one request: CONNECT, to a public address and to few ports.

It resolves the names itself and dials only what it has looked at, so that a name which changes its mind between
two questions gains nothing. What it refuses it says in `Proxy-Status` (RFC 9209), which our sender reads.
It writes no host into its log: when a consulate's server is called is nobody's business.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable, Collection
from typing import Any

from shared import telemetry
from shared.delivery.egress import LookUps, is_public, may_name, open_socket
from shared.rollout import leaving

_HEAD_SECONDS = 5.0
_NAME_SECONDS = 5.0
_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 60.0
_PIECE = 64 * 1024
_TARGET = re.compile(r"CONNECT (\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5}) HTTP/1\.1")
_PROBE = re.compile(r"GET (/livez|/readyz) HTTP/1\.[01]")


class Refused(Exception):
    """No tunnel: the status of the answer, and the error of RFC 9209 (2.3) that says why."""

    def __init__(self, status: str, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


_DENIED = "403 Forbidden"
_UNREACHED = "502 Bad Gateway"
_LATE = "504 Gateway Timeout"


class Proxy:
    """Serves connections of workers. `public` says which addresses may be dialled; tests alone have another one."""

    HEAD_BYTES = 8 * 1024

    def __init__(
        self, ports: Collection[int], *, tunnels: int = 1024, public: Callable[[str], bool] = is_public
    ) -> None:
        self._ports = ports
        self._room = tunnels
        self._public = public
        self._names = LookUps()
        self._under_way: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None  # a server runs each connection in one
        self._under_way.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever called has gone, or never said what it wanted
        finally:
            self._under_way.discard(task)
            writer.close()

    async def close(self, patience: float) -> None:
        """Let what is under way end, for so many seconds at most."""
        if self._under_way:
            _, left = await asyncio.wait(self._under_way, timeout=patience)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        self._names.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line = head.partition("\r\n")[0]
        if probe := _PROBE.fullmatch(line):
            leaves = probe[1] == "/readyz" and leaving.said()
            await _say(writer, "503 Service Unavailable" if leaves else "200 OK")
            return
        try:
            there = await self._dial(line)
        except Refused as refused:
            telemetry.say("info", "egress_refused", error=refused.error)
            await _say(writer, refused.status, refused.error)
            return
        back, forth = await asyncio.open_connection(sock=there, limit=_PIECE)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _relay((reader, forth), (back, writer))
        finally:
            forth.close()

    async def _dial(self, line: str) -> socket.socket:
        target = _TARGET.fullmatch(line)
        if target is None:
            raise Refused("405 Method Not Allowed", "http_request_denied")
        host, port = target[1].strip("[]"), int(target[2])
        if port not in self._ports:
            raise Refused(_DENIED, "http_request_denied")
        if len(self._under_way) > self._room:
            raise Refused("503 Service Unavailable", "connection_limit_reached")
        return await self._reach(await self._addresses(host, port))

    async def _addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """Return those addresses of a name that may be dialled. Raises Refused when there is none."""
        if not (may_name(host) or self._public(host)):
            raise Refused(_DENIED, "destination_ip_prohibited")
        try:
            async with asyncio.timeout(_NAME_SECONDS):
                found = await self._names.ask(host, port, socket.AF_UNSPEC)
        except (OSError, UnicodeError):  # a timeout is one, too
            raise Refused(_UNREACHED, "dns_error") from None
        kept = [each for each in found if self._public(each[4][0])]
        if not kept:
            raise Refused(_DENIED, "destination_ip_prohibited")
        return kept

    async def _reach(self, addresses: list[tuple[Any, ...]]) -> socket.socket:
        """Return a socket that is connected to the first address that answers. Raises Refused."""
        refused = Refused(_UNREACHED, "destination_unavailable")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                for each in addresses:
                    made = open_socket(each)
                    try:
                        await asyncio.get_running_loop().sock_connect(made, each[4])
                        return made
                    except ConnectionRefusedError:
                        refused = Refused(_UNREACHED, "connection_refused")
                        made.close()
                    except OSError as error:
                        made.close()
                        if isinstance(error, TimeoutError):
                            raise
                    except BaseException:
                        made.close()
                        raise
                raise refused
        raise Refused(_LATE, "connection_timeout")


_Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(*ways: _Way) -> None:
    """Carry bytes both ways until both have ended, or nothing has come for a minute."""
    async with asyncio.TaskGroup() as group:
        for reader, writer in ways:
            group.create_task(_carry(reader, writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # a timeout, or an end without a word
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                piece = await reader.read(_PIECE)
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        return
    writer.close()


async def _say(writer: asyncio.StreamWriter, status: str, error: str = "") -> None:
    told = f"Proxy-Status: ruta; error={error}\r\n" if error else ""
    writer.write(f"HTTP/1.1 {status}\r\n{told}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
