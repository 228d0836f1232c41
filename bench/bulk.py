"""Files of encounters: how many lines a second go in, what a line costs, and what the database alone would need.

Generated children, as officers wrote them down, go to the real process of intake over HTTP, as NDJSON and as CSV.
References of the same run: the same rows by the driver's executemany in transactions of as many lines, with no service
at all; and the same encounters one POST after another on one connection. CPU is what the kernel counted.
"""

import argparse
import csv
import http.client
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

from bench import rows
from bench.databases import Served, kinds, served
from bench.people import TUNING_SEED
from bench.people.children import DAY_ZERO
from bench.people.meetings import Meeting, meetings
from bench.variants import cpu_ns
from bench.variants import served as serving
from services.intake.bulk.rules import BATCH
from shared import auth, clock, ids, testing
from shared.crypto import Vault
from shared.db import Database
from shared.keyring import Keyring
from shared.migrate import upgrade_now
from shared.testing import Keys
from tests import postgres

PACKAGE = "services.intake"
PATH = "/v1/intake/encounters"
LINES, WARM, SINGLES = 6_000, 500, 300
FIRST = 1_500
"""Lines a second, from HTTP to the commit."""
_TIES = {"NOBODY": "NOBODY", "PARENT": "PARENTAL_AUTHORITY", "CUSTOMARY_CARER": "CUSTOMARY_CARE"}
_CELLS = (
    "external_id", "kind", "occurred_at", "state", "municipality", "tie", "given_names", "first_surname",
    "second_surname", "birth_date", "age_low", "age_high", "age_basis", "sex", "nationalities", "languages",
)  # fmt: skip


@dataclass(slots=True)
class Round:
    """What one round came to."""

    rate: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    database_cpu: dict[str, float] = field(default_factory=dict)
    errors: int = 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure on each database. Returns the figures and whether the first goal is met."""
    lines = options.events or LINES
    results = {}
    for kind in kinds(options.database):
        results[kind] = _judged([_round(kind, lines) for _ in range(options.rounds)])
        _print(kind, results[kind])
    return {"passed": all(each["passed"] for each in results.values()), "lines": lines, "databases": results}


def _round(kind: str, lines: int) -> Round:
    done, keys = Round(), Keys()
    with tempfile.TemporaryDirectory() as folder, served(kind, PACKAGE) as database, _gateway(keys) as gateway:
        environment = _environment(Path(folder), keys, database, gateway)
        with serving("intake", lambda _: [sys.executable, "-m", PACKAGE, "api"], environment) as intake:
            pid, client = intake.process.pid, _Client(intake.port, keys)
            client.ready()
            bodies = [_body(number, each) for number, each in enumerate(islice(_meetings(), 2 * lines + WARM))]
            client.upload(_ndjson(bodies[:WARM]), "application/x-ndjson")
            files = {
                "NDJSON": (_ndjson(bodies[WARM : WARM + lines]), "application/x-ndjson"),
                "CSV": (_table(bodies[WARM + lines :]), "text/csv"),
            }
            for name, (content, media_type) in files.items():
                before = cpu_ns(pid), _server_ns(database)
                began = time.perf_counter()
                answer = client.upload(content, media_type)
                done.rate[name] = lines / (time.perf_counter() - began)
                done.cpu[name] = (cpu_ns(pid) - before[0]) / 1000 / lines
                done.database_cpu[name] = (_server_ns(database) - before[1]) / 1000 / lines
                done.errors += lines - int(answer["recorded"])
            done.rate["executemany"] = (2 * lines + WARM) / _floor(database, 2 * lines + WARM)
            _singles(client, pid, done)
    return done


def _singles(client: "_Client", pid: int, done: Round) -> None:
    before, began = cpu_ns(pid), time.perf_counter()
    for number, meeting in enumerate(islice(_meetings(), SINGLES)):
        done.errors += (
            client.post(PATH, json.dumps(_body(number, meeting, "single")).encode(), "application/json")[0] != 201
        )
    done.rate["single POSTs"] = SINGLES / (time.perf_counter() - began)
    done.cpu["single POSTs"] = (cpu_ns(pid) - before) / 1000 / SINGLES


# -- what is sent --------------------------------------------------------------------------------------


def _meetings() -> Iterator[Meeting]:
    return (each for each in meetings(TUNING_SEED) if each.at.date() < DAY_ZERO and _born(each))


def _born(meeting: Meeting) -> bool:
    """A date that was written down wrongly may lie after the meeting: such a line is refused, and none is to be."""
    written = meeting.identity["birth_date"]
    return written is None or written < meeting.at.date().isoformat()


def _body(number: int, meeting: Meeting, prefix: str = "bench") -> dict[str, Any]:
    """Return a meeting as an agency's system sends it."""
    known = {name: value for name, value in meeting.identity.items() if value is not None}
    return {
        "external_id": f"{prefix}-{number}",
        "kind": "BETA_MET" if meeting.nationality == "MEX" else "FOREIGN_MET",
        "occurred_at": meeting.at.isoformat(),
        "place": {"state": meeting.state, "municipality": meeting.municipality},
        "adult": {"tie": _TIES[meeting.tie]},
        "child": known | {"sex": meeting.sex, "nationalities": [meeting.nationality], "languages": [meeting.language]},
    }


def _ndjson(bodies: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(body, ensure_ascii=False).encode() + b"\n" for body in bodies)


def _table(bodies: list[dict[str, Any]]) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, _CELLS, restval="", extrasaction="ignore")
    writer.writeheader()
    for body in bodies:
        child = body["child"]
        estimate = child.get("estimated_age", {})
        cells = body | body["place"] | body["adult"] | child
        cells |= {f"age_{name}": estimate[name] for name in estimate}
        cells |= {"nationalities": "|".join(child["nationalities"]), "languages": "|".join(child["languages"])}
        writer.writerow(cells)
    return written.getvalue().encode()


class _Client:
    """A federal office of INM, on one connection."""

    def __init__(self, port: int, keys: Keys) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.keys = keys

    def ready(self) -> None:
        """Wait until the service is."""
        end = time.monotonic() + 30
        while self._ask("GET", "/readyz", None, {})[0] != 200:
            if time.monotonic() > end:
                raise RuntimeError("intake is not ready")
            time.sleep(0.1)

    def upload(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Send a file."""
        status, answer = self.post(f"{PATH}/bulk", content, media_type)
        assert status == 201, answer
        return dict(json.loads(answer))

    def post(self, path: str, content: bytes, media_type: str) -> tuple[int, bytes]:
        """Send a body."""
        claims = {
            "aud": "ruta", "sub": "inm-fed-system", "client_id": "inm-fed-system", "jti": ids.opaque("jti"),
            "agency": "inm-fed", "agency_kind": "INM", "role": "officer", "scope": "intake:write",
        }  # fmt: skip
        token = self.keys.signers["gateway"].sign(claims, typ=auth.ACCESS_TYPE, life=auth.ACCESS_LIFE)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": media_type, "Idempotency-Key": ids.opaque("idk")}
        return self._ask("POST", path, content, headers)

    def _ask(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self.connection.request(method, path, content, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


# -- what it runs on -----------------------------------------------------------------------------------


def _environment(folder: Path, keys: Keys, database: Served, gateway: str) -> dict[str, str]:
    keyring = f"sqlite:///{folder / 'keyring.db'}"
    if not database.url.startswith("sqlite"):
        keyring = postgres.Server(database.url).create()
    postgres.run(_create_keyring(keyring))
    made = testing.settings("intake", folder, keys, database.url, keyring_url=keyring)
    found = {f"RUTA_{name.upper()}": str(value) for name, value in made.model_dump(exclude_defaults=True).items()}
    return found | {"RUTA_GATEWAY_URL": gateway, "RUTA_REFERRAL_URL": "http://127.0.0.1:9"}


async def _create_keyring(url: str) -> None:
    database = Database(url, pool_size=1)
    await Keyring(database, Vault("k1", {"k1": bytes(32)})).create()
    await database.close()


@contextmanager
def _gateway(keys: Keys) -> Iterator[str]:
    """Say, as the gateway does, that everybody stands."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {"at": clock.now().isoformat(), "keys": [keys.signers["gateway"].public_jwk()], "tokens": [],
                    "clients": {}, "agencies": {}}  # fmt: skip
            content = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _server_ns(database: Served) -> int:
    return cpu_ns(database.pid) if database.pid is not None else 0


def _floor(database: Served, lines: int) -> float:
    """Return the seconds that the driver needs to put the same rows into an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        sqlite = database.url.startswith("sqlite")
        copy = f"sqlite:///{Path(folder) / 'floor.db'}" if sqlite else postgres.Server(database.url).create()
        upgrade_now(PACKAGE, copy)
        return rows.copied(database.url, copy, -(-lines // BATCH))


# -- what came of it -----------------------------------------------------------------------------------


def _judged(rounds: list[Round]) -> dict[str, Any]:
    def middle(name: str, of: str) -> float:
        return float(statistics.median(getattr(each, of)[name] for each in rounds))

    rates = {name: [round(each.rate[name]) for each in rounds] for name in rounds[0].rate}
    found = {name: round(middle(name, "rate")) for name in rates}
    errors = sum(each.errors for each in rounds)
    ratios = {
        reference: round(statistics.median(each.rate["NDJSON"] / each.rate[reference] for each in rounds), 3)
        for reference in ("executemany", "single POSTs")
    }
    return {
        "errors": errors,
        "lines per second": rates,
        "median": found,
        "CPU µs of the service per line": {name: round(middle(name, "cpu")) for name in rounds[0].cpu},
        "CPU µs of the database server per line": {
            name: round(middle(name, "database_cpu")) for name in rounds[0].database_cpu
        },
        "NDJSON against": ratios,
        "passed": errors == 0 and min(found["NDJSON"], found["CSV"]) >= FIRST,
    }


def _print(kind: str, found: dict[str, Any]) -> None:
    cpu, server = found["CPU µs of the service per line"], found["CPU µs of the database server per line"]
    print(f"\n{kind}: lines a second (median of the rounds; first: {FIRST}), errors {found['errors']}")
    for name, rate in found["median"].items():
        spent = f"{cpu[name]} µs of the service's CPU" if name in cpu else ""
        more = f", {server[name]} µs of the server's" if server.get(name) else ""
        print(f"  {name:<14}{rate:>8}  {spent}{more}")
    for name, ratio in found["NDJSON against"].items():
        print(f"  NDJSON against {name}: {ratio}")
