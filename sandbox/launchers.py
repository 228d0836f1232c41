"""Two ways to start a process of Ruta: a fresh interpreter (anywhere), or a fork of the zygote (Linux)."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sandbox.faults import Fault

ROOT = Path(__file__).resolve().parent.parent
FORK_SECONDS = 30  # the zygote imports everything before it takes its first order


class Child(Protocol):
    """A started process."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it), or None while it runs."""


class Launcher(Protocol):
    """Starts `python -m <module> <arguments>` with an environment, its output going to a log file."""

    def launch(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Start one process."""

    def close(self) -> None:
        """Let go of everything; children that still run are ended."""


class Interpreters:
    """A fresh interpreter for each process, as production has it."""

    def __init__(self, keep: int) -> None:
        self._keep = keep

    def launch(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        with open(log, "ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=dict(environment),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the supervisor, which then stops us in order
                pass_fds=(self._keep,),
            )

    def close(self) -> None:
        """The system has ended each child itself."""


class _Fork:
    """A child of the zygote, which reports its end."""

    def __init__(self, zygote: "Zygote", pid: int) -> None:
        self._zygote = zygote
        self.pid = pid
        self.code: int | None = None

    def poll(self) -> int | None:
        self._zygote.listen()
        return self.code


class Zygote:
    """Forks of one process that has imported everything (see `sandbox.zygote`)."""

    def __init__(self, keep: int, log: Path) -> None:
        """`keep` is a file descriptor that all processes hold open; `log` takes the zygote's own words."""
        self._keep = keep
        self._log = log
        self._forks: dict[int, _Fork] = {}
        self._hatch()

    def _hatch(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(self._log, "ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.zygote", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # as for Interpreters
                pass_fds=(theirs.fileno(), self._keep),
            )

    def launch(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        self.listen()
        if self._process.poll() is not None:
            self._hatch()
        order = {
            "module": module,
            "arguments": list(arguments),
            "environment": dict(environment),
            "log": str(log),
        }
        self._control.settimeout(FORK_SECONDS)
        try:
            self._control.send(json.dumps(order).encode())
            while (started := self._hear(FORK_SECONDS)) and "started" not in started:
                self._note(started)
        except OSError:
            started = None
        if not started:
            raise Fault(f"The process that starts the others does not answer; its log says why: {self._log}")
        child = _Fork(self, started["started"])
        self._forks[child.pid] = child
        return child

    def listen(self) -> None:
        """Take in what the zygote has reported by now."""
        while self._forks and (message := self._hear(0)):
            self._note(message)

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        """The next message, or None when there is none in time or the zygote is gone."""
        self._control.settimeout(seconds)
        try:
            message = self._control.recv(1 << 16)
        except (BlockingIOError, TimeoutError):
            return None
        except ConnectionError:
            message = b""
        if message:
            return dict(json.loads(message))
        # Gone, and the kernel has ended its children with it.
        for fork in self._forks.values():
            fork.code = -15
        self._forks.clear()
        return None

    def _note(self, message: dict[str, Any]) -> None:
        fork = self._forks.pop(message["ended"], None)
        if fork:
            fork.code = message["code"]

    def close(self) -> None:
        self._control.close()
        self._process.wait()


def best_launcher(keep: int, log: Path) -> Launcher:
    """Forks where they are safe: on macOS they are not, its libraries start threads of their own."""
    return Zygote(keep, log) if sys.platform == "linux" and hasattr(os, "fork") else Interpreters(keep)
