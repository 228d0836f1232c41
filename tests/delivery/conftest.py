"""The kernel's small service, and programs that run beside it on the same database."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.shared.conftest import database_url, own_database, world
from tests.unit.shared.world import World

__all__ = ["database_url", "own_database", "world"]

ROOT = Path(__file__).parents[2]
Program = subprocess.Popen[str]
Start = Callable[[str], Program]


@pytest.fixture(autouse=True)
def _apart(own_database: None) -> None:
    """What is crashed and filled up here is no database of other tests."""


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    """Starts a program of tests/delivery/program.py and waits until it is ready."""
    running: list[Program] = []

    def begin(name: str) -> Program:
        arguments = [name, world.database.url, str(world.runtime.settings.kek_file)]
        command = [sys.executable, "-m", "tests.delivery.program", *arguments]
        program = Program(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        running.append(program)
        assert program.stdout is not None
        assert "ready" in program.stdout.readline()
        return program

    yield begin
    for program in running:
        program.kill()
        program.wait()
        if program.stdout is not None:
            program.stdout.close()
