"""One whole system of real processes for each database, shared by the tests of a file (`--dist loadfile`)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cast import enrol
from sandbox.ports import free_ports
from sandbox.system import DATABASES, PROGRAMS, System
from tests import postgres

IMPATIENT = {"RUTA_LEASE_SECONDS": "4", "RUTA_DELIVERY_TIMEOUT": "1.5"}
"""What a killed worker held is free again after four seconds, not thirty."""


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system with its clients enrolled."""
    databases = None
    if request.param == "postgresql":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        databases = {name: server.create(None) for name in DATABASES}
    folder: Path = tmp_path_factory.mktemp("system")
    made = System(folder, port=free_ports(len(PROGRAMS)), databases=databases, settings=IMPATIENT)
    asyncio.run(_start(made))
    yield made
    asyncio.run(made.stop())


async def _start(made: System) -> None:
    await made.__aenter__()
    await enrol(made)
