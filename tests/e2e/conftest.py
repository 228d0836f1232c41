"""A whole system of real processes for each test, on either database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from sandbox.cast import enrol
from sandbox.ports import free_ports
from sandbox.route import Cast
from sandbox.system import DATABASES, PROGRAMS, System

IMPATIENT = {"RUTA_LEASE_SECONDS": "4", "RUTA_DELIVERY_TIMEOUT": "1.5"}
"""What a killed worker held is free again after four seconds, not thirty."""

Running = Callable[[], AbstractAsyncContextManager[tuple[System, Cast]]]


@pytest.fixture
def running(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Running:
    """Starts a system with its clients enrolled; stops it afterwards."""
    databases = None
    if database_kind == "postgresql":
        create = request.getfixturevalue("postgres_database")
        databases = {name: create(None) for name in DATABASES}

    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[System, Cast]]:
        system = System(
            tmp_path / "data", port=free_ports(len(PROGRAMS)), databases=databases, settings=IMPATIENT
        )
        cast = Cast(system.url("gateway"))
        async with system:
            await enrol(system)
            try:
                yield system, cast
            finally:
                await cast.close()

    return start
