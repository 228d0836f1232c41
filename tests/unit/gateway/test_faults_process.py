"""A real gateway process that is told to end while it works."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from shared import migrate, testing
from shared.testing import Keys
from tests.unit.gateway.conftest import Upstream, read_answer

ROOT = Path(__file__).parents[3]


async def test_a_gateway_that_is_told_to_end_loses_no_request_and_no_line(
    tmp_path: Path, keys: Keys, upstream: Upstream
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    await migrate.upgrade("gateway", database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = testing.settings("gateway", tmp_path, keys, database, port=port).model_dump(exclude_defaults=True)
    settings = {f"RUTA_{name.upper()}": str(value) for name, value in made.items()}
    settings["RUTA_INTAKE_URL"] = f"http://127.0.0.1:{upstream.port}"
    log = tmp_path / "log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "gateway", "api"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, env={**os.environ, **settings})
    try:
        answered, told = await _under_load(process, port, keys.token().encode())
        assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        process.kill()
        process.wait()
    assert told == 8  # every client saw its connection end with an answer that said so
    assert answered > 50
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(line["event"] == "request" and line["status"] == 200 for line in lines) == answered
    assert len(upstream.requests) == answered


async def _under_load(process: subprocess.Popen[bytes], port: int, token: bytes) -> tuple[int, int]:
    """Ask on eight connections until each is told that it closes. Returns how many answers came, and tellings."""
    answered = told = 0
    request = b"GET /v1/intake/x HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer " + token + b"\r\n\r\n"

    async def client() -> None:
        nonlocal answered, told
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        closing = False
        while not closing:
            writer.write(request)
            answer = await read_answer(reader)
            assert answer.status == 200
            answered += 1
            closing = answer.headers.get("connection") == "close"
            if answered == 50:
                process.send_signal(signal.SIGTERM)
        told += 1
        writer.close()
        await writer.wait_closed()

    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        assert process.poll() is None
        await asyncio.sleep(0.05)
    await asyncio.gather(*(client() for _ in range(8)))
    return answered, told
