"""The sandbox as processes, tried with the one process that needs no service: the receiver."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from sandbox.faults import Fault
from sandbox.inbox import Inbox, Message
from sandbox.inbox_page import page
from sandbox.keys import EVENT_ROUTES, SERVICES, Keys
from sandbox.ports import HOST, free_ports
from sandbox.receiver import verify
from sandbox.system import PROGRAMS, System

either_way = pytest.mark.parametrize("fork", [True, False], ids=["forked", "interpreter"])

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def fork() -> bool:
    return False


@pytest.fixture
async def system(tmp_path: Path, fork: bool) -> AsyncIterator[System]:
    system = System(tmp_path / "data", port=free_ports(len(PROGRAMS)), fork=fork)
    system.prepare()
    yield system
    await system.stop()


@pytest.fixture
async def receiver(system: System) -> str:
    await system.start("receiver")
    await system.wait_ready("receiver")
    return system.url("receiver")


async def call(method: str, url: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
    def send() -> tuple[int, str]:
        request = urllib.request.Request(  # noqa: S310  # our own server
            url, body.encode() or None, headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # as above
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(send)


def signed(body: str, message_id: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    """Headers made by the reference library, so that the receiver's own verification is put to the test."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }


async def received(receiver: str, name: str = "honduras") -> list[tuple[str, bool, int]]:
    _, body = await call("GET", f"{receiver}/hooks/{name}")
    return [(item["id"], item["verified"], item["times"]) for item in json.loads(body)["items"]]


# -- processes -----------------------------------------------------------------------------------------


@either_way
async def test_a_process_is_real_and_its_kill_is_a_kill(system: System, receiver: str) -> None:
    pid = system.pids["receiver"]
    await system.kill("receiver")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert system.pids == {}
    assert system.take_ended() == {}, "an end that was asked for is no accident"

    await system.restart("receiver")
    assert system.pids["receiver"] != pid


@either_way
async def test_an_accident_is_told_once(system: System, receiver: str) -> None:
    os.kill(system.pids["receiver"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not (ended := system.take_ended()) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert ended == {"receiver": -signal.SIGKILL}
    assert system.take_ended() == {}


async def test_terminate_ends_a_process_in_order(system: System, receiver: str) -> None:
    assert await system.terminate("receiver") in (0, -signal.SIGTERM)


@either_way
async def test_a_process_that_fails_to_start_is_named_with_its_log(system: System) -> None:
    system.log("receiver").write_text("")
    (system.data / "databases" / "receiver.db").mkdir()  # where its inbox should be a file
    await system.start("receiver")
    with pytest.raises(Fault, match=r"receiver ended while starting .* its log .*receiver\.log ends with"):
        await system.wait_ready("receiver")


async def test_the_end_of_the_supervisor_ends_the_forked(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys, time\n"
        "from sandbox.system import System\n"
        "async def run():\n"
        f"    system = System(pathlib.Path({str(tmp_path)!r}), port={free_ports(len(PROGRAMS))})\n"
        "    system.prepare()\n"
        "    print(await system.start('receiver'), flush=True)\n"
        "    await system.wait_ready('receiver')\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid, ready = int(supervisor.stdout.readline()), supervisor.stdout.readline().strip()
    assert ready == "ready"
    supervisor.kill()
    supervisor.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


# -- plain sentences -----------------------------------------------------------------------------------


def test_a_taken_port_is_named_with_who_wanted_it_and_how_to_choose_another(tmp_path: Path) -> None:
    base = free_ports(len(PROGRAMS))
    with socket.create_server((HOST, base + PROGRAMS["referral"].offset)):
        with pytest.raises(Fault) as refusal:
            System(tmp_path, port=base).prepare()
    assert f"Port {base + 2}, which referral needs, is taken" in str(refusal.value)
    assert "--port" in str(refusal.value)


async def test_somebody_elses_server_is_not_taken_for_ours(system: System, receiver: str) -> None:
    ours = system._children["receiver"]
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        system._children["receiver"] = stranger  # as if ours were this one, while another answers its port
        with pytest.raises(Fault, match="answered by somebody else's server"):
            await system.wait_ready("receiver")
    finally:
        system._children["receiver"] = ours
        stranger.communicate(b"\n")


async def test_a_second_system_on_the_same_data_is_refused(system: System) -> None:
    second = System(system.data, port=free_ports(len(PROGRAMS)))
    with pytest.raises(Fault, match=rf"already runs on .* \(process {os.getpid()}\); stop it first"):
        second.prepare()


def test_a_place_that_cannot_hold_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match=r"Cannot use .*/file/data .* --data"):
        System(tmp_path / "file" / "data").prepare()


# -- keys ----------------------------------------------------------------------------------------------


def test_keys_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "secrets")
    keys.ensure("http://127.0.0.1:8000")
    first = {file: file.read_bytes() for file in keys.folder.rglob("*") if file.is_file()}
    assert {stat.S_IMODE(file.stat().st_mode) for file in first} == {0o600}
    assert len(first) == 4 + 4 + 3 + 1

    keys.ensure("http://127.0.0.1:8000")

    assert {file: file.read_bytes() for file in first} == first


def test_whom_to_trust_follows_the_gateways_address_and_nothing_else_does(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.ensure("http://127.0.0.1:8000")
    before = json.loads(keys.trust.read_text())["issuers"]
    keys.ensure("http://127.0.0.1:9000")
    after = json.loads(keys.trust.read_text())["issuers"]
    assert before.pop("http://127.0.0.1:8000") == after.pop("http://127.0.0.1:9000")
    assert before == after
    assert set(after) == {f"urn:ruta:{service}" for service in SERVICES}


def test_both_ends_of_a_route_hold_the_same_secret_and_no_other_pair_does(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.ensure("http://127.0.0.1:8000")
    files = {service: json.loads(keys.events(service).read_text()) for service in SERVICES}
    secrets = [files[sender]["outgoing"][receiver] for sender, receiver in EVENT_ROUTES]
    assert secrets == [files[receiver]["incoming"][sender] for sender, receiver in EVENT_ROUTES]
    assert len(set(secrets)) == len(EVENT_ROUTES)


def test_the_callers_own_settings_do_not_leak_into_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUTA_DATABASE_URL", "postgresql://production")
    monkeypatch.setenv("RUTA_SINGLE_NODE", "true")
    environment = System(tmp_path).environment("intake-worker")
    assert environment["RUTA_DATABASE_URL"].startswith("sqlite+aiosqlite:///")
    assert environment["RUTA_SERVICE"] == "intake"
    assert "RUTA_SINGLE_NODE" not in environment


# -- the receiver --------------------------------------------------------------------------------------


async def test_a_message_counts_once_however_often_it_comes_and_survives_a_kill(system: System, receiver: str) -> None:
    body = json.dumps({"type": "notice.released"})
    hook = f"{receiver}/hooks/honduras"
    assert (await call("PUT", f"{hook}/secret", SECRET))[0] == 204
    assert (await call("POST", hook, body, signed(body)))[0] == 200
    await system.kill("receiver")
    await system.restart("receiver")
    assert (await call("POST", hook, body, signed(body)))[0] == 200
    assert await received(receiver) == [("msg_1", True, 2)]


async def test_a_forged_message_is_refused_and_kept_apart(receiver: str) -> None:
    body = json.dumps({"type": "notice.released"})
    hook = f"{receiver}/hooks/honduras"
    await call("PUT", f"{hook}/secret", SECRET)
    forged = signed(body, secret="whsec_" + base64.b64encode(bytes(32)).decode())
    assert await call("POST", hook, body, forged) == (401, "webhook-signature does not match")
    assert (await call("POST", hook, body, signed(body)))[0] == 200
    assert await received(receiver) == [("msg_1", False, 1), ("msg_1", True, 1)]


async def test_an_endpoint_can_be_made_to_misbehave(receiver: str) -> None:
    hook = f"{receiver}/hooks/honduras"
    for mode, status in (("down", 503), ("status:410", 410)):
        assert (await call("PUT", f"{hook}/mode", mode))[0] == 204
        assert (await call("POST", hook, "{}", signed("{}")))[0] == status
    assert (await call("PUT", f"{hook}/mode", "status:99"))[0] == 422
    await call("PUT", f"{hook}/mode", "hang")
    hanging = asyncio.create_task(call("POST", hook, "{}", signed("{}")))
    await asyncio.sleep(0.3)
    assert not hanging.done()
    await call("PUT", f"{hook}/secret", SECRET)
    await call("PUT", f"{hook}/mode", "ok")
    assert (await hanging)[0] == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"webhook-id": ""}, "missing"),
        ({"webhook-id": "msg_2"}, "does not match"),
        ({"webhook-timestamp": "1700000300"}, "does not match"),
        ({"webhook-timestamp": "soon"}, "malformed"),
        ({"webhook-timestamp": "1699999699"}, "5 minutes"),
        ({"webhook-signature": ""}, "does not match"),
        ({"webhook-signature": "v1a,AAAA"}, "does not match"),
    ],
)
def test_a_signature_holds_for_exactly_what_was_signed(change: dict[str, str], reason: str) -> None:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1700000000"}
    digest = hmac.digest(bytes(range(32)), b"msg_1.1700000000.{}", hashlib.sha256)
    headers["webhook-signature"] = "v1,AAAA v1," + base64.b64encode(digest).decode()
    told = verify(SECRET, headers | change, b"{}", now=1700000000)
    assert reason in told
    assert bool(reason) == bool(told)


def test_the_page_shows_what_came_and_runs_none_of_it(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.db")
    inbox.add(Message("honduras", "msg_1", True, "", "1", '{"type": "<script>alert(1)</script>"}'))
    inbox.add(Message("peru", "msg_2", False, "webhook-signature does not match", "1", "not JSON"))
    shown = page(inbox.messages())
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "webhook-signature does not match" in shown
    assert "http://" not in shown
    assert "https://" not in shown
