"""`up`: run the whole system for a person, say where everything is, and keep it running."""

import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from sandbox.faults import Fault
from sandbox.secrets import SECRET
from sandbox.system import PROGRAMS, System

ROOT = Path(__file__).resolve().parent.parent
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
STABLE_SECONDS = 10.0  # who lived this long did not die of its own start


async def up(data: Path, port: int) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit code."""
    loop, running = asyncio.get_running_loop(), asyncio.current_task()
    assert running is not None  # we are in one
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    system = System(data, port=port)
    outcome = 0
    try:
        await _start(system)
        await _supervise(system)
    except asyncio.CancelledError:
        say("Stopping ...")
    except Fault as fault:
        say(str(fault))
        outcome = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: None)  # already stopping, and that takes seconds at most
        await system.stop()
    if outcome == 0:
        say("Stopped; the data stay in", str(system.data))
    return outcome


async def _seed(system: System) -> None:
    """Seed in a process of its own: what it imports would stay in this one for as long as it runs."""
    command = [sys.executable, "-m", "sandbox", "seed", "--data", str(system.data), "--port", str(system.port)]
    seeding = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    if await seeding.wait() != 0:
        raise Fault("The sandbox could not be filled; the lines above say why. `python3 dev.py reset` starts afresh.")


def say(*words: str, sep: str = " ") -> None:
    """Print at once, also into a pipe."""
    print(*words, sep=sep, flush=True)


async def _start(system: System) -> None:
    started = time.monotonic()
    system.prepare()
    await system.migrate()
    await system.start_all()
    # Left out when seeding fails half-way, so that the next start tries again: seeding is safe to repeat.
    seeded = system.data / "seeded"
    if not seeded.exists():
        say("Filling the new sandbox with fictitious data ...")
        await _seed(system)
        seeded.touch()
    say(f"Ruta is up ({time.monotonic() - started:.1f} s). All data are fictitious.\n")
    for name, link in links(system):
        say(f"  {name:<22} {link}")
    say("\nTry:", *curl_lines(system), sep="\n  ")
    say("\nCtrl-C stops everything; the data stay.")


def links(system: System) -> list[tuple[str, str]]:
    """Everything that a person may want to open."""
    gateway = system.url("gateway")
    return [
        ("API documentation", f"{gateway}/docs"),
        ("Gateway", gateway),
        ("What partners received", f"{system.url('receiver')}/"),
        ("Logs", str(system.data / "logs")),
    ]


def curl_lines(system: System) -> list[str]:
    """Three commands to try first: a token as INM's system, a list, and a new encounter."""
    gateway = system.url("gateway")
    read = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])'"
    encounter = {
        "occurred_at": (datetime.now(UTC) - timedelta(minutes=30)).isoformat(timespec="seconds"),
        "place": {"state": "MX-CHP", "municipality": "Tapachula"},
        "adult": {"tie": "NOBODY"},
        "child": {
            "given_names": "Ejemplo", "first_surname": "Ficticio", "sex": "M",
            "birth_date": f"{datetime.now(UTC).year - 13}-01-14",
            "nationalities": ["HND"], "languages": ["spa"],
        },
    }  # fmt: skip
    bearer = '-H "Authorization: Bearer $TOKEN"'
    return [
        f"TOKEN=$(curl -s -u inm-chp:{SECRET} -d grant_type=client_credentials {gateway}/oauth/token | {read})",
        f"curl -s {bearer} {gateway}/v1/intake/encounters",
        f"curl -s {bearer} -H 'Content-Type: application/json' -H \"Idempotency-Key: $(date +%s%N)\" "
        f"-d '{json.dumps(encounter)}' {gateway}/v1/intake/encounters",
    ]


@dataclass
class _Patience:
    """How long to wait before a process that keeps dying is started again."""

    delay: float = FIRST_DELAY
    started: float = field(default_factory=time.monotonic)
    due: float | None = None

    def after_end(self) -> None:
        now = time.monotonic()
        if now - self.started > STABLE_SECONDS:
            self.delay = FIRST_DELAY
        self.due = now + self.delay
        self.delay = min(self.delay * 2, LONGEST_DELAY)

    def after_start(self) -> None:
        self.started, self.due = time.monotonic(), None


async def _supervise(system: System) -> NoReturn:
    """Start again whatever ends by itself."""
    patience = {name: _Patience() for name in PROGRAMS}
    while True:
        await asyncio.sleep(0.2)
        for name, code in system.take_ended().items():
            patience[name].after_end()
            say(f"{name} ended ({_how(code)}) and is started again; its log: {system.log(name)}")
        for name, wait in patience.items():
            if wait.due is None or wait.due > time.monotonic():
                continue
            try:
                await system.start(name)
                wait.after_start()
            except Fault as fault:
                wait.after_end()
                say(str(fault))


def _how(code: int) -> str:
    try:
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
