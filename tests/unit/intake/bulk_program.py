"""A process that takes a file of encounters in, slowly, until it is killed.

`python -m tests.unit.intake.bulk_program <settings as JSON> <caller as JSON> <idempotency scope> <file>`
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from services.intake.bulk import service
from shared import testing
from shared.app import prepare
from shared.auth import Caller
from shared.bulk.route import NDJSON, Upload
from shared.settings import Settings


async def dribble(file: Path) -> AsyncIterator[bytes]:
    """A hundred lines, a breath, a hundred lines …"""
    lines = file.read_bytes().splitlines(keepends=True)
    for start in range(0, len(lines), 100):
        yield b"".join(lines[start : start + 100])
        await asyncio.sleep(0.02)


async def main(settings: str, caller: str, scope: str, file: str) -> None:
    """Load until killed."""
    runtime = testing.runtime(Settings(**json.loads(settings)))
    await prepare(runtime)
    print("ready", flush=True)
    own = json.loads(caller)
    whoever = Caller(**own | {"scopes": frozenset(own["scopes"])})
    await service.load(runtime, whoever, Upload(bytes.fromhex(scope), NDJSON, dribble(Path(file))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
