"""The whole system as real processes: `dev.py up` shows it, the end-to-end tests break it on purpose."""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox import schema
from sandbox.faults import Fault
from sandbox.keys import Keys
from sandbox.launchers import Child, Interpreters, Launcher, best_launcher
from sandbox.ports import HOST, get, is_free, pid_in

READY_SECONDS = 30.0
STOP_SECONDS = 4.0
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Program:
    """One process of the system: what runs in it, and its port as a distance from the base port."""

    name: str
    module: str
    arguments: tuple[str, ...]
    offset: int

    @property
    def service(self) -> str:
        """The service that it belongs to; its settings, keys and database are shared with its worker."""
        return self.name.removesuffix("-worker")

    @property
    def is_worker(self) -> bool:
        """Workers stop first: they start new work by themselves."""
        return self.name.endswith("-worker")


PROGRAMS = {
    program.name: program
    for program in (
        Program("gateway", "gateway", ("api",), 0),
        Program("intake", "services.intake", ("api",), 1),
        Program("referral", "services.referral", ("api",), 2),
        Program("consular", "services.consular", ("api",), 3),
        Program("intake-worker", "services.intake", ("worker",), 4),
        Program("referral-worker", "services.referral", ("worker",), 5),
        Program("consular-worker", "services.consular", ("worker",), 6),
        Program("receiver", "sandbox.receiver", (), 7),
    )
}
MIGRATED = ("gateway", "intake", "referral", "consular")
DATABASES = (*MIGRATED, "keyring")


class System:
    """Ruta on one data directory. Nothing here depends on an event loop, so tests may share one over many.

    `databases` names a PostgreSQL URL for each of DATABASES; without it each is a SQLite file.
    `settings` are further environment variables for every process. `fork` chooses how processes
    are started: None takes the best way that this machine has.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 8000,
        databases: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        fork: bool | None = None,
    ) -> None:
        self.data = data.resolve()
        self.port = port
        self.keys = Keys(self.data / "secrets")
        self._databases = databases
        self._settings = settings or {}
        self._fork = fork
        self._lock: int | None = None
        self._launcher: Launcher | None = None
        self._children: dict[str, Child] = {}

    async def __aenter__(self) -> Self:
        """Prepare, migrate and start everything."""
        try:
            self.prepare()
            await self.migrate()
            await self.start_all()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- where things are ------------------------------------------------------------------------------

    def url(self, name: str) -> str:
        """Where a process answers."""
        return f"http://{HOST}:{self.port_of(name)}"

    def port_of(self, name: str) -> int:
        """The port of a process."""
        return self.port + PROGRAMS[name].offset

    def log(self, name: str) -> Path:
        """What a process has said, over all its starts."""
        return self.data / "logs" / f"{name}.log"

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now."""
        return {name: child.pid for name, child in self._children.items() if child.poll() is None}

    def database_url(self, name: str) -> str:
        """The database of a service, or `keyring`."""
        if self._databases is not None:
            return self._databases[name]
        return f"sqlite+aiosqlite:///{self._database_file(name)}"

    def _database_file(self, name: str) -> Path:
        return self.data / "databases" / f"{name}.db"

    def environment(self, name: str) -> dict[str, str]:
        """The whole environment of a process: ours, and nothing of the caller's that could steer Ruta."""
        service = PROGRAMS[name].service
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RUTA_")}
        given = {"ENVIRONMENT": "sandbox", "HOST": HOST, "PORT": str(self.port_of(name))}
        if service == "receiver":
            return inherited | _prefixed(given | {"INBOX_FILE": str(self._database_file("receiver"))})
        given |= {
            "SERVICE": service,
            "DATABASE_URL": self.database_url(service),
            "KEK_FILE": str(self.keys.kek(service)),
            "SIGNING_KEY_FILE": str(self.keys.signing(service)),
            "TRUST_FILE": str(self.keys.trust),
            "ISSUER": self.url("gateway"),
            "JWKS_URL": self.url("gateway") + "/.well-known/jwks.json",
            "ALLOW_LOOPBACK_WEBHOOKS": "true",
        }
        given |= {f"{peer.upper()}_URL": self.url(peer) for peer in MIGRATED}
        if service != "gateway":
            given["EVENT_SECRETS_FILE"] = str(self.keys.events(service))
        if service == "intake":
            given["KEYRING_URL"] = self.database_url("keyring")
        return inherited | _prefixed(given) | dict(self._settings)

    # -- the whole -------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the data directory ready and take it for ourselves."""
        try:
            for folder in (self.data, self.data / "logs", self.data / "databases"):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._take_lock()
            for name in PROGRAMS:
                self._require_free_port(name)
            if self._fork is False:
                self._launcher = Interpreters(self._lock)
            else:
                self._launcher = best_launcher(self._lock, self.log("zygote"))
            self.keys.ensure(self.url("gateway"))
        except OSError as error:
            raise Fault(
                f"Cannot use {self.data} for data ({error.strerror}); choose a writable place with --data."
            ) from error

    def _take_lock(self) -> int:
        """Every process inherits this lock, so it also tells of those that a killed supervisor left."""
        lock = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode() or "unknown"
            os.close(lock)
            raise Fault(
                f"Ruta already runs on {self.data} (process {holder}); "
                "stop it first, or choose another directory with --data."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock

    async def migrate(self) -> None:
        """Bring every database to the schema of this code, all at once: each is its own service's."""
        record, files = self.data / "migrated.json", [self._database_file(name) for name in DATABASES]
        if self._databases is None and schema.is_current(record, files):
            return
        children = {service: self._launch(service, ("migrate",)) for service in MIGRATED}
        for service, child in children.items():
            while (code := child.poll()) is None:
                await asyncio.sleep(POLL_SECONDS)
            if code != 0:
                raise Fault(f"The database of {service} could not be migrated; {self._last_words(service)}")
        if self._databases is None:
            schema.remember(record, files)

    async def start_all(self) -> None:
        """Start every process and wait until all are ready."""
        for name in PROGRAMS:
            await self.start(name)
        for name in PROGRAMS:
            await self.wait_ready(name)

    async def stop(self) -> None:
        """Stop everything, workers first, and let go of the data directory."""
        await self._stop_these(name for name in PROGRAMS if PROGRAMS[name].is_worker)
        await self._stop_these(PROGRAMS)
        if self._launcher:
            self._launcher.close()
            self._launcher = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _stop_these(self, names: Iterable[str]) -> None:
        """Ask all of them at once; who has not gone in time is killed."""
        children = [self._children.pop(name) for name in names if name in self._children]
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            for child in children:
                _signal(child, number)
            deadline = time.monotonic() + seconds
            while any(child.poll() is None for child in children) and time.monotonic() < deadline:
                await asyncio.sleep(POLL_SECONDS)

    # -- one process -----------------------------------------------------------------------------------

    async def start(self, name: str) -> int:
        """Start one process, without waiting until it is ready; returns its process id."""
        if name in self.pids:
            raise Fault(f"{name} already runs (process {self.pids[name]}).")
        self._require_free_port(name)
        child = self._launch(name, PROGRAMS[name].arguments)
        self._children[name] = child
        return child.pid

    async def kill(self, name: str) -> None:
        """End a process as a power cut would (SIGKILL)."""
        await self._end(name, signal.SIGKILL)

    async def terminate(self, name: str) -> int:
        """Ask a process to finish (SIGTERM) and wait for as long as it takes; returns its exit code."""
        return await self._end(name, signal.SIGTERM)

    async def restart(self, name: str) -> None:
        """Finish a process if it runs, start it, and wait until it is ready."""
        if name in self._children:
            await self.terminate(name)
        await self.start(name)
        await self.wait_ready(name)

    async def _end(self, name: str, number: signal.Signals) -> int:
        child = self._children.pop(name)  # first, so that nobody takes the end for an accident
        _signal(child, number)
        while (code := child.poll()) is None:
            await asyncio.sleep(POLL_SECONDS)
        return code

    def take_ended(self) -> dict[str, int]:
        """Exit codes of the processes that ended without being asked, each told once."""
        codes = {name: child.poll() for name, child in self._children.items()}
        ended = {name: code for name, code in codes.items() if code is not None}
        for name in ended:
            del self._children[name]
        return ended

    async def wait_ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Wait until a process says that it is ready, and make sure that it is ours that says so."""
        child = self._children[name]
        port = self.port_of(name)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (code := child.poll()) is not None:
                raise Fault(f"{name} ended while starting (exit code {code}); {self._last_words(name)}")
            status, body = await get(port, "/livez")
            if status == 200 and pid_in(body) != child.pid:
                raise Fault(f"Port {port} is answered by somebody else's server; {_HOW_TO_MOVE}")
            if status == 200 and (await get(port, "/readyz"))[0] == 200:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise Fault(f"{name} was not ready within {seconds:.0f} s; {self._last_words(name)}")

    def _launch(self, name: str, arguments: tuple[str, ...]) -> Child:
        if self._launcher is None:
            raise Fault("The system is not prepared.")
        return self._launcher.launch(PROGRAMS[name].module, arguments, self.environment(name), self.log(name))

    def _require_free_port(self, name: str) -> None:
        port = self.port_of(name)
        if not is_free(port):
            raise Fault(f"Port {port}, which {name} needs, is taken; {_HOW_TO_MOVE}")

    def _last_words(self, name: str) -> str:
        log = self.log(name)
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "nothing")
        return f"its log {log} ends with: {last}"


_HOW_TO_MOVE = f"free it, or choose another {len(PROGRAMS)} ports in a row with --port BASE."


def _prefixed(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"RUTA_{name}": value for name, value in settings.items()}


def _signal(child: Child, number: signal.Signals) -> None:
    if child.poll() is None:
        os.kill(child.pid, number)
