"""A process that imports the heavy libraries once and then forks: each child becomes one process of Ruta.

A forked child starts in a fraction of the time of a fresh interpreter and shares the memory of
what was imported (Linux copies a page only when somebody writes to it). Forking is safe here
because this process has one thread, no event loop and no open connection. It reads orders from
a socket and reports the ends of its children there; when the other side goes away, so do they.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import time
from typing import Any

HEAVY = (
    "aiohttp",
    "aiosqlite",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "fastapi",
    "httpx",
    "pydantic_settings",
    "sqlalchemy.ext.asyncio",
    "sqlmodel",
    "uvicorn",
    "uvloop",
)
OWN = ("shared", "services", "gateway")
PARTING_SECONDS = 5
Order = dict[str, Any]


def main(control: socket.socket) -> None:
    """Import, then take orders until the other side is gone; each child goes on to do its work here."""
    gc.disable()  # a collection before the fork would scatter changes over pages that are to be shared
    _preload()
    gc.freeze()
    order = _take_orders(control)
    if order is not None:
        _become(order)


def _preload() -> None:
    own = [name for package in OWN for name in _modules(package)]
    for name in (*HEAVY, *own):
        try:
            importlib.import_module(name)
        except Exception as error:
            # Only a head start is lost: whoever needs the module fails on it in words of its own.
            print(f"not preloaded: {name}: {error!r}", flush=True)
    with contextlib.suppress(Exception):  # whoever needs its tables fails on them in words of its own
        importlib.import_module("sqlalchemy.orm").configure_mappers()  # else each child would, in pages of its own


def _modules(package: str) -> list[str]:
    """Return the modules of a package that are there to be imported."""
    path = importlib.import_module(package).__path__
    found = [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    return [name for name in found if not name.endswith((".__main__", ".env")) and name != "shared.testing"]


def _take_orders(control: socket.socket) -> Order | None:
    """Fork for each order. Returns the order in a child, and None in the parent once nobody gives orders."""
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that the wake-up below is written at all
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(1024)
            _report_ends(control, children)
        if control in ready:
            message = control.recv(1 << 20)
            if not message:
                _part_from(children)
                return None
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for end in (control, woken, wake):
                    end.close()
                return dict(json.loads(message))
            children.add(pid)
            control.send(json.dumps({"started": pid}).encode())


def _report_ends(control: socket.socket, children: set[int]) -> None:
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            children.discard(pid)
            with contextlib.suppress(OSError):  # nobody listens any more; the loop notices by itself
                control.send(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _part_from(children: set[int]) -> None:
    """Whoever gave the orders was killed: end the children as it would have done."""
    for pid in children:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PARTING_SECONDS
    while children and time.monotonic() < deadline:
        time.sleep(0.05)
        children -= {pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]}
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _become(order: Order) -> None:
    """Turn this child into what `python -m <module> <arguments>` would be."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: nobody outlives a killed zygote unseen
    for number, action in (
        (signal.SIGCHLD, signal.SIG_DFL),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),
    ):
        signal.signal(number, action)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]
    gc.enable()
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
