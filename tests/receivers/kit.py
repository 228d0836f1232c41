"""Runs the receivers of docs/receivers as their README says, and talks to them over HTTP."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from sandbox.ports import free_ports

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "receivers"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
READY = ("ready", "Development Server")  # what a receiver says when it listens; the latter is PHP's own server
PATIENCE = 20.0  # seconds: a virtual machine starts slowly where all cores are busy
_ROW = re.compile(r"^\| (.+?) \| \[.+?\]\((\w+)/[\w.]+\) \| (?:`(.+?)`)? ?\| `(.+?)` \|$", re.MULTILINE)
_SETTING = re.compile(r"^export (\w+)=", re.MULTILINE)


def require(tool: str, otherwise: str) -> None:
    """Skip where a program is not installed."""
    if not shutil.which(tool, path=_path()):
        pytest.skip(f"no {tool}: {otherwise}")


@dataclass(frozen=True)
class Language:
    """One row of the README's table."""

    name: str
    folder: str
    build: str
    run: str

    def require_tools(self) -> None:
        """Skip where this language cannot be built or run."""
        for command in filter(None, (self.build, self.run)):
            require(command.split(" ")[0], f"the receiver in {self.name} is not tested")


LANGUAGES = [Language(*row) for row in _ROW.findall(README)]
SETTINGS = set(_SETTING.findall(README))


@dataclass(frozen=True)
class Answer:
    """What a receiver said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Running:
    """A receiver that listens."""

    port: int
    store: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    def send(self, method: str, headers: Mapping[str, str | bytes], body: bytes | None = None) -> Answer:
        """Make one request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, "/ruta")
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None and "transfer-encoding" not in headers:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders()
            try:
                connection.send(body or b"")
            except (BrokenPipeError, ConnectionResetError):
                pass  # a receiver may refuse before it has read everything; its answer is there
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def built(language: Language, folder: Path) -> Path:
    """Build a copy of a receiver as the README says; returns the folder to run it in."""
    language.require_tools()
    copy = folder / language.folder
    shutil.copytree(FOLDER / language.folder, copy)
    if language.build:
        done = subprocess.run(
            ["bash", "-c", language.build], cwd=copy, env=_environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return copy


@contextmanager
def running(language: Language, folder: Path, **settings: str) -> Iterator[Running]:
    """Run a built receiver as the README says, with RUTA_SECRET, RUTA_ORIGIN and RUTA_STORE, on a free port."""
    port = free_ports(1)
    environment = _environment() | settings | {"PORT": str(port)}
    assert {name for name in environment if name in SETTINGS} == SETTINGS
    output = Path(settings["RUTA_STORE"] + ".output")
    with output.open("wb") as file:
        # `exec`, so that the process that is killed is the receiver and not a shell.
        command = ["bash", "-c", f"exec {language.run}"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        _await_ready(process, output)
        yield Running(port, Path(settings["RUTA_STORE"]), process, environment)
    finally:
        process.kill()
        process.wait()


def _await_ready(process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(word in output.read_text(errors="replace") for word in READY):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotReady(output.read_text(errors="replace"))
        time.sleep(0.01)


class NotReady(Exception):
    """It ended, or did not listen in time; with what it said."""


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("RUTA_")}
    return own | {"PATH": _path(), "no_proxy": "127.0.0.1"}


def _path() -> str:
    return f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"
