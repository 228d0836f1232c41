"""Ports of this machine: which are free, and who answers on one."""

import asyncio
import json
import socket

HOST = "127.0.0.1"


def free_ports(count: int) -> int:
    """The first of so many free ports in a row, for tests that run several systems side by side."""
    while True:
        with socket.create_server((HOST, 0)) as probe:
            base = int(probe.getsockname()[1])
        if base + count < 65536 and all(is_free(base + number) for number in range(count)):
            return base


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


async def get(port: int, path: str) -> tuple[int, bytes]:
    """A bare GET; status 0 where nobody answers. Small on purpose: the supervisor loads no HTTP library."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
        return int(head.split()[1]), body
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0, b""


def pid_in(body: bytes) -> int | None:
    """The process that a /livez answer comes from, if it says so."""
    try:
        pid = json.loads(body)["pid"]
    except (ValueError, KeyError, TypeError):
        return None
    return pid if isinstance(pid, int) else None
