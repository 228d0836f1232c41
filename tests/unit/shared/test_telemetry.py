"""The edge: limits before anything is kept, one JSON line per request, bounded metrics."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send

from shared import clock, problems, telemetry
from shared.errors import Refusal
from shared.telemetry import Edge
from shared.testing import key
from tests.unit.shared.world import CANARY, World

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
REQUEST_ID = "req_" + "a" * 32
Headers = list[tuple[bytes, bytes]]
HOST: Headers = [(b"host", b"a")]


@dataclass
class App:
    """Reads the whole body and says how long it was."""

    bodies: list[int] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        self.bodies.append(size)
        scope["route_template"] = "/app"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"mine")]})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes
    read: int


async def call(
    app: Any, headers: Headers, pieces: Iterable[bytes] = (b"",), *, method: str = "POST", **edge: Any
) -> Answer:
    """Send a raw request through an edge."""
    messages: list[Message] = [{"type": "http.request", "body": each, "more_body": True} for each in pieces]
    messages[-1]["more_body"] = False
    sent: list[Message] = []
    total = len(messages)

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": method, "path": "/", "headers": headers, "query_string": b""}
    told = {"service": "test", "body_limit": 1024, "refuse": problems.render, "trust_id": False} | edge
    await Edge(app, **told)(scope, receive, send)  # type: ignore[arg-type]
    start, *bodies = sent
    return Answer(
        start["status"], dict(start["headers"]), b"".join(each["body"] for each in bodies), total - len(messages)
    )


async def refused(*args: Any, **more: Any) -> tuple[int, str]:
    app = App()
    answer = await call(app, *args, **more)
    assert app.bodies == []
    return answer.status, json.loads(answer.body)["code"]


class Reading(App):
    """An app that renders refusals, as ours do."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Refusal as refusal:
            await problems.render(refusal)(scope, receive, send)


@pytest.mark.parametrize(
    "length", [b"1025", b"99999999999999999999999", b"-1", b"+4", b"1e3", b"", b" 4", "٤".encode()]
)
async def test_a_body_that_says_it_is_too_long_is_not_read(length: bytes) -> None:
    app = App()
    answer = await call(app, [*HOST, (b"content-length", length)], [b"x" * 2000])
    assert (answer.status, answer.read, app.bodies) == (413, 0, [])


@pytest.mark.parametrize("headers", [HOST, [*HOST, (b"content-length", b"1024")], [*HOST, (b"content-length", b"10")]])
async def test_a_body_that_grows_too_long_is_cut_off(headers: Headers) -> None:
    answer = await call(Reading(), headers, [b"x" * 100] * 1000)
    assert (answer.status, json.loads(answer.body)["code"]) == (413, "too_large")
    assert answer.read == 11


async def test_a_body_of_exactly_the_limit_passes() -> None:
    app = App()
    assert (await call(app, [*HOST, (b"content-length", b"1024")], [b"x" * 1000, b"x" * 24])).status == 200
    assert app.bodies == [1024]


async def test_too_many_or_too_large_headers_are_refused() -> None:
    many: Headers = [(b"x-%d" % n, b"a") for n in range(63)]
    assert (await call(App(), HOST + many)).status == 200
    assert await refused(HOST + many + [(b"x", b"a")]) == (431, "headers_too_large")
    assert await refused([*HOST, (b"x", b"a" * 16 * 1024)]) == (431, "headers_too_large")


async def test_a_request_names_one_host() -> None:
    assert await refused([]) == (400, "bad_host")
    assert await refused(HOST + HOST) == (400, "bad_host")


async def test_a_request_id_is_ours_or_a_sisters() -> None:
    given = [*HOST, (b"x-request-id", REQUEST_ID.encode())]
    own = (await call(App(), given)).headers[b"x-request-id"]
    assert own != REQUEST_ID.encode()
    assert own.startswith(b"req_")
    assert (await call(App(), given, trust_id=True)).headers[b"x-request-id"] == REQUEST_ID.encode()
    for odd in (b"req_x", REQUEST_ID.encode() + b"\n", b"", b"a" * 9000, CANARY.encode()):
        answer = await call(App(), [*HOST, (b"x-request-id", odd)], trust_id=True)
        assert answer.headers[b"x-request-id"].startswith(b"req_0")


async def test_every_answer_has_the_edges_headers() -> None:
    headers = (await call(App(), HOST)).headers
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"


async def test_an_app_that_breaks_is_a_bare_500_and_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise OSError(CANARY)

    async def broken_late(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError(CANARY)

    answer = await call(broken, HOST)
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "internal_error")
    assert (await call(broken_late, HOST)).status == 200  # and the server breaks the connection off
    assert CANARY not in caplog.text
    assert telemetry.request_id() is None


async def test_what_is_noted_can_never_hide_what_the_edge_says(caplog: pytest.LogCaptureFixture) -> None:
    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        telemetry.note(status="fine", event="other", ms=0, child="chd_1", route="x", at="never")
        await App()(scope, receive, send)

    caplog.set_level(logging.INFO, "ruta")
    assert (await call(noting, HOST)).status == 200
    (line,) = [json.loads(record.getMessage()) for record in caplog.records]
    assert (line["event"], line["status"], line["route"], line["child"]) == ("request", 200, "/app", "chd_1")
    assert isinstance(line["ms"], float)


@pytest.mark.parametrize("microsecond", [0, 7, 999_999])
async def test_a_line_says_when_its_answer_ended_to_the_microsecond(
    microsecond: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ruta")
    moment = datetime(2026, 11, 22, 23, 59, 59, microsecond, UTC)
    with clock.at(moment):
        await call(App(), HOST)
    (line,) = [json.loads(record.getMessage()) for record in caplog.records]
    assert abs(datetime.fromisoformat(line["at"]) - moment) <= timedelta(microseconds=1)
    assert line["trace"] == line["request_id"].removeprefix("req_")


async def test_of_two_lengths_the_longer_one_counts() -> None:
    lengths: Headers = [(b"content-length", b"1"), (b"content-length", b"1025")]
    assert await refused(HOST + lengths) == (413, "too_large")
    assert await refused(HOST + lengths[::-1]) == (413, "too_large")


async def test_what_is_no_request_passes() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    edge = Edge(app, service="t", body_limit=1, refuse=problems.render, trust_id=False)
    await edge({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_line_is_one_line_whatever_is_in_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ruta")
    telemetry.say("info", "test", words="a\nb\r\u2028\ud800", where=Path("a"))
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert record.getMessage().isascii()


@ONE
async def test_a_request_is_one_line_and_the_quiet_paths_are_none(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ruta")
    async with world.as_() as inm:
        await inm.post("/v1/referral/memos", json={"words": "hola"}, headers=key())
        await inm.post("/v1/referral/hot", json={"words": "hola"}, headers=key())
        await inm.get(f"/v1/referral/memos/mem_{'0' * 32}?words={CANARY}", headers={"X-Request-Id": REQUEST_ID})
        for path in ("/livez", "/readyz", "/metrics"):
            await inm.get(path)
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "ruta"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/referral/memos", 201),
        ("POST", "/v1/referral/hot", 201),
        ("GET", "/v1/referral/memos/{memo_id}", 404),
    ]
    assert lines[2]["request_id"] == REQUEST_ID


def labels() -> set[tuple[str, ...]]:
    metrics = [metric for metric in REGISTRY.collect() if metric.name.startswith("ruta_request")]
    return {tuple(sample.labels.values()) for metric in metrics for sample in metric.samples}


@ONE
async def test_random_paths_and_methods_make_no_new_label_values(world: World) -> None:
    async with world.as_() as inm:

        async def wander(n: int) -> None:
            for path in (f"/{CANARY}{n}", f"/v1/referral/memos/{CANARY}{n}", f"/v1/referral/memos/mem_{n:032x}"):
                for method in ("GET", f"{CANARY}{n}", "PUT", "PATCH"):
                    await inm.request(method, path)

        await wander(0)
        before = labels()
        for n in range(1, 6):
            await wander(n)
        assert labels() == before
        assert CANARY not in (await inm.get("/metrics")).text
