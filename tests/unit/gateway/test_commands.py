"""The command line against a gateway on a real socket, and on a database of its own."""

import asyncio
import contextlib
import json
import re
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlmodel import col, select

from gateway import __main__ as program
from gateway.clients import local
from gateway.main import api
from shared import settings
from shared.audit import AuditEntry
from shared.db import Database
from shared.runtime import Runtime
from shared.settings import Settings
from tests.listening import listening

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
WHY = ("--reason", "new_partner", "--reference", "OPS-1")


class Desk:
    """Whoever types commands, and a folder with keys."""

    def __init__(self, url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.folder = folder
        self.capsys = capsys
        self.first_two: tuple[str, ...] = ()

    async def run(self, *argv: str) -> str:
        """Run one command that succeeds; return what it printed."""
        self.capsys.readouterr()
        await asyncio.to_thread(program.run, list(argv))
        return self.capsys.readouterr().out

    async def refused(self, *argv: str) -> str:
        """Run one command that is refused; return what it said."""
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(program.run, list(argv))
        assert isinstance(ended.value.code, str)
        return ended.value.code

    async def soon(self, *argv: str) -> None:
        """Run one command until it succeeds: the gateway looks every two seconds who is suspended."""
        for _ in range(100):
            with contextlib.suppress(SystemExit):
                await self.run(*argv)
                return
            await asyncio.sleep(0.1)
        raise AssertionError("still refused")

    async def key(self, name: str) -> str:
        """Make a key pair; return the file of its public half."""
        public = self.folder / f"{name}.jwk"
        public.write_text(await self.run("keys", "make", str(self.folder / f"{name}.pem")))
        return str(public)

    async def bootstrap(self) -> str:
        """Make Ana and Beto the first two administrators."""
        keys = [await self.key(name) for name in ("ana", "beto")]
        self.first_two = (
            "administrators",
            "bootstrap",
            "--id",
            "ana",
            "--key",
            keys[0],
            "--id",
            "beto",
            "--key",
            keys[1],
        )
        return await self.run(*self.first_two)

    def by(self, who: str, key: str = "") -> tuple[str, ...]:
        """The arguments that say who asks."""
        return ("--url", self.url, "--as", who, "--key", str(self.folder / f"{key or who}.pem"))


@contextlib.asynccontextmanager
async def served(current: Settings) -> AsyncIterator[str]:
    """Run a gateway that is issuer under the address that it listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = api(Runtime.build(current.model_copy(update={"issuer": url})))
        config = uvicorn.Config(app, lifespan="on", access_log=False, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
            assert not task.done()
        yield url
        server.should_exit = True
        await task


@pytest.fixture
async def desk(
    stored: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    monkeypatch.setattr(settings, "load", lambda: stored)
    async with served(stored) as url:
        yield Desk(url, tmp_path, capsys)


async def test_two_administrators_run_a_gateway_from_their_command_lines(desk: Desk, stored: Settings) -> None:
    keys = {name: await desk.key(name) for name in ("con-1", "con-2")}
    ana, beto, consulate = desk.by("ana"), desk.by("beto"), desk.by("con-hnd", "con-1")
    assert await desk.bootstrap() == "ana and beto administer the gateway. Their keys count for 180 days.\n"
    assert "There is an administrator" in await desk.refused(*desk.first_two)

    register: tuple[str, ...] = (
        "clients",
        "register",
        "con-hnd",
        "--agency",
        "con-hnd-tapachula",
        "--kind",
        "CONSULATE",
    )
    register += ("--kind", "CONSULATE", "--country", "HND", "--role", "officer", "--scopes", "consular:read")
    register += ("--jwk", keys["con-1"])
    waiting = await desk.run(*register, *WHY, *ana)
    assert "waits for a second administrator" in waiting
    change = re.search(r"chg_[0-9a-f]{32}", waiting)
    assert change is not None
    assert "invalid_client" in await desk.refused("clients", "me", *consulate)
    assert "Another administrator" in await desk.refused("changes", "approve", change[0], *ana)
    assert change[0] in await desk.run("changes", "list", *beto)
    assert json.loads(await desk.run("changes", "show", change[0], *beto))["payload"]["country"] == "HND"
    assert json.loads(await desk.run("changes", "approve", change[0], *beto))["state"] == "applied"
    assert await desk.run("changes", "list", *ana) == "Nothing.\n"
    assert json.loads(await desk.run("clients", "me", *consulate))["scopes"] == ["consular:read"]

    async def approved(*argv: str) -> None:
        waiting = re.search(r"chg_[0-9a-f]{32}", await desk.run(*argv, *WHY, *ana))
        assert waiting is not None
        await desk.run("changes", "approve", waiting[0], *beto)

    suspended = json.loads(await desk.run("suspensions", "suspend", "client", "con-hnd", *WHY, *beto))["id"]
    assert "invalid_client" in await desk.refused("clients", "me", *consulate)
    assert suspended in await desk.run("suspensions", "list", *ana)
    assert "\tsuspended\t" in await desk.run("clients", "list", *ana)
    await approved("suspensions", "lift", suspended)
    await desk.soon("clients", "me", *consulate)

    await approved("clients", "add-key", "con-hnd", "--jwk", keys["con-2"])
    kid = json.loads(Path(keys["con-1"]).read_text())["kid"]
    await desk.run("clients", "remove-key", "con-hnd", "--kid", kid, *WHY, *ana)
    assert "invalid_client" in await desk.refused("clients", "me", *consulate)
    assert json.loads(await desk.run("clients", "me", *desk.by("con-hnd", "con-2")))["id"] == "con-hnd"
    await desk.run("clients", "disable", "con-hnd", *WHY, *ana)
    assert "invalid_client" in await desk.refused("clients", "me", *desk.by("con-hnd", "con-2"))
    assert (await audited(stored))[:4] == [("system", "bootstrap")] * 2 + [("ana", "propose"), ("beto", "approve")]


async def audited(current: Settings) -> list[tuple[str, str]]:
    database = Database(current.database_url)
    async with database.work(write=False) as session:
        rows = (await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all()
    await database.close()
    return [(row.client_id, row.action) for row in rows]


async def test_a_partner_is_registered_and_changed_at_once_and_what_is_wrong_is_said(desk: Desk) -> None:
    keys = {name: await desk.key(name) for name in ("ana", "beto", "dif", "next")}
    await desk.run(
        "administrators", "bootstrap", "--id", "ana", "--key", keys["ana"], "--id", "beto", "--key", keys["beto"]
    )
    ana = desk.by("ana")
    register: tuple[str, ...] = ("clients", "register", "dif-1", "--agency", "dif-chp", "--kind", "DIF")
    register += ("--role", "officer", "--scopes", "referral:read", "--state", "MX-CHP")
    made = json.loads(await desk.run(*register, "--jwk", keys["dif"], *WHY, *ana))
    assert (made["id"], made["state"], made["takes_two"]) == ("dif-1", "MX-CHP", False)
    assert "(403)" in await desk.refused("clients", "list", *desk.by("dif-1", "dif"))
    more = ("--scopes", "referral:read referral:write", "--dpop", "--state", "")
    changed = json.loads(await desk.run("clients", "change", "dif-1", *more, *WHY, *ana))
    assert (changed["scopes"], changed["dpop"], changed["state"]) == (["referral:read", "referral:write"], True, None)
    assert json.loads(await desk.run("clients", "show", "dif-1", *ana)) == changed
    repeated = ("clients", "add-key", "dif-1", "--jwk", keys["next"], *WHY, *ana, "--repeat", "one-key")
    assert await desk.run(*repeated) == await desk.run(*repeated)

    wrong = await desk.refused("clients", "change", "dif-1", "--scopes", "all", *WHY, *ana)
    assert "/scopes: not_acceptable" in wrong
    assert "request_id: req_" in wrong
    assert "404" in await desk.refused("clients", "disable", "nobody/../x", *WHY, *ana)
    assert "private key" in await desk.refused(*register, "--jwk", str(private_jwk(desk.folder)), *WHY, *ana)
    assert "invalid_client" in await desk.refused("clients", "list", *desk.by("ana", "beto"))


def private_jwk(folder: Path) -> Path:
    file = folder / "private.jwk"
    file.write_text(json.dumps({"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "k", "d": "d"}))
    return file


async def test_a_token_is_asked_for_only_where_it_is_safe(desk: Desk, stored: Settings) -> None:
    await desk.key("ana")
    key = ("--as", "ana", "--key", str(desk.folder / "ana.pem"))
    for url, said in (
        ("http://ruta.example.mx", "https"), ("ftp://127.0.0.1", "address"), ("https://x/path", "address"),
        ("http://127.0.0.1:1", "No answer"), (desk.url.replace("127.0.0.1", "localhost"), "calls itself"),
    ):  # fmt: skip
        assert said in await desk.refused("clients", "list", "--url", url, *key)
    assert "No such file" in await desk.refused("clients", "list", "--url", desk.url, "--as", "ana", "--key", "/none")
    assert (await audited(stored)) == []


async def test_an_answer_that_got_lost_is_asked_for_again_by_its_key(desk: Desk) -> None:
    await desk.key("ana")
    asked: list[bytes] = []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give a token, and hang up on whoever wants something done."""
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        content = {"issuer": url, "access_token": "a.b.c"} if b"/v1/gateway" not in asked[-1] else None
        if content is not None:
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(content).encode())

    async with listening(deaf) as port:
        url = f"http://127.0.0.1:{port}"
        lost = ("suspensions", "suspend", "client", "beto", *WHY, "--url", url, *desk.by("ana")[2:])
        said = re.search(
            r"done all the same: repeat the command with --repeat (idk_[0-9a-f]{32})", await desk.refused(*lost)
        )
        assert said is not None
        assert f"Idempotency-Key: {said[1]}\r\n".encode() in asked[-1]
        await desk.refused(*lost, "--repeat", said[1])
        assert f"Idempotency-Key: {said[1]}\r\n".encode() in asked[-1]


def test_a_private_key_is_written_for_its_owner_alone_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], database_kind: str
) -> None:
    file = tmp_path / "mine.pem"
    program.run(["keys", "make", str(file)])
    public: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert public.keys() == {"kty", "crv", "x", "y", "kid"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    with pytest.raises(SystemExit, match="File exists"):
        program.run(["keys", "make", str(file)])
    assert file.read_bytes() == before


def test_bootstrap_makes_two_people_and_no_fewer(
    stored: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "load", lambda: stored)
    for name in ("a", "b"):
        program.run(["keys", "make", str(tmp_path / f"{name}.pem")])
        (tmp_path / f"{name}.jwk").write_text(capsys.readouterr().out)
    a, b = (["--key", str(tmp_path / f"{name}.jwk")] for name in "ab")
    for argv, said in (
        (["--id", "ana", *a], "exactly two"),
        (["--id", "ana", *a, "--id", "beto", *b, "--id", "caro", *b], "exactly two"),
        (["--id", "ana", *a, "--id", "ana", *b], "two people"),
        (["--id", "ana", *a, "--id", "beto", *a], "fresh one for each client"),
    ):
        with pytest.raises(SystemExit, match=said):
            program.run(["administrators", "bootstrap", *argv])
    program.run(["administrators", "bootstrap", "--id", "ana", *a, "--id", "beto", *b])


def test_in_production_nobody_registers_clients_past_the_administrators(
    stored: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = stored.model_copy(update={"environment": "production"})
    monkeypatch.setattr(settings, "load", lambda: production)
    add = ["clients", "add", "dif-1", "--agency", "dif-chp", "--kind", "DIF", "--role", "officer"]
    with pytest.raises(SystemExit, match="administrators bootstrap"):
        program.run([*add, "--scopes", "referral:read", "--secret"])


def test_help_says_both_ways(capsys: pytest.CaptureFixture[str], database_kind: str) -> None:
    for argv in (["--help"], ["clients", "--help"]):
        with pytest.raises(SystemExit):
            program.run(argv)
        said = capsys.readouterr().out
        assert "Against a running gateway" in said
        assert "On the database itself" in said
    assert set(local.CHANGEABLE) == {"role", "scopes", "office", "state"}
