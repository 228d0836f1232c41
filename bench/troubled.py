"""Receivers that fail, hang, drip and lie, by chance; and dead ones. In a process of their own, with a history."""

import asyncio
import contextlib
import hashlib
import json
import multiprocessing
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvloop

from bench.history import Seen

KINDS = ("well", "well", "well", "well", "failing", "slow", "hanging", "dripping", "lying")
"""What receivers are, in turn. `lying` ones break off in the middle of what they do."""
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OK, _FAILED = b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"


class _House:
    """All receivers: who they are, what they have seen, and whether they still make trouble."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed + 2)
        self.calm = False
        self.history: list[Seen] = []
        self.known: set[tuple[int, str]] = set()

    def take(self, place: int, kind: str, body: bytes, accepted: bool) -> None:
        """Note a message."""
        event = json.loads(body)
        key = (place, event["id"])
        data = event["data"]
        seen = Seen(
            place, kind, event["id"], data["case"], event["sequence"], accepted, key not in self.known, time.time(),
            data["published"], data["rolled_back"], hashlib.sha256(body).digest(),
        )  # fmt: skip
        self.known.add(key)
        self.history.append(seen)


class _Troubled(asyncio.Protocol):
    """One connection."""

    def __init__(self, house: _House, place: int, kind: str) -> None:
        self.house, self.place, self.kind = house, place, kind
        self.data = b""
        self.transport: Any = None
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.data, 0, end)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.data) < size:
                return
            body, self.data = self.data[end + 4 : size], self.data[size:]
            task = asyncio.ensure_future(self.answer(body))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self, body: bytes) -> None:
        """Answer as this kind does, one time in three; well otherwise."""
        trouble = not self.house.calm and self.kind != "well" and self.house.chance.random() < 0.34
        if self.kind == "slow":
            await asyncio.sleep(0.2)
        accepted = not trouble or self.kind in ("slow", "lying")
        if trouble and self.kind == "hanging":
            return
        self.house.take(self.place, self.kind, body, accepted)
        if self.transport.is_closing():
            return
        if not trouble or self.kind == "slow":
            self.transport.write(_OK)
        elif self.kind == "failing":
            self.transport.write(_FAILED)
        elif self.kind == "lying":  # it has taken the message, says so, and breaks off in the middle of a body
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            self.transport.close()
        else:
            await self.drip()

    async def drip(self) -> None:
        """Send a head that never ends."""
        with contextlib.suppress(Exception):
            for byte in b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200:
                self.transport.write(bytes([byte]))
                await asyncio.sleep(0.1)


async def _serve(well: int, dead: int, seed: int, pipe: Any) -> None:
    loop, house = asyncio.get_running_loop(), _House(seed)
    servers = []
    for place in range(well + dead):
        kind = KINDS[place % len(KINDS)]
        make: Any = asyncio.Protocol if place >= well else lambda place=place, kind=kind: _Troubled(house, place, kind)
        servers.append(await loop.create_server(make, "127.0.0.1", 0))
    pipe.send([f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook" for server in servers])
    while True:
        word = await loop.run_in_executor(None, pipe.recv)
        if word == "calm":
            house.calm = True
        else:
            pipe.send(house.history)


def _main(well: int, dead: int, seed: int, pipe: Any) -> None:
    with contextlib.suppress(KeyboardInterrupt, EOFError):
        uvloop.run(_serve(well, dead, seed, pipe))


@dataclass(frozen=True, slots=True)
class Receivers:
    """The running receivers."""

    urls: list[str]
    pipe: Any

    def calm(self) -> None:
        """Let no more trouble be made. The dead stay dead."""
        self.pipe.send("calm")

    def history(self) -> list[Seen]:
        """Return everything that they have seen, in order."""
        self.pipe.send("history")
        history: list[Seen] = self.pipe.recv()
        return history


@contextlib.contextmanager
def troubled(well: int, dead: int, seed: int) -> Iterator[Receivers]:
    """Run them. The dead ones come last."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_main, args=(well, dead, seed, theirs), daemon=True)
    process.start()
    try:
        yield Receivers(ours.recv(), ours)
    finally:
        process.kill()
        process.join()
