"""An answer in one message is the answer in two, byte for byte, and falls back to uvicorn where it is not usual."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from shared.edge.answers import WHOLE, send_whole
from tests.unit.gateway.test_smuggling import App, closes

PLAIN = [(b"content-type", b"text/plain"), (b"content-length", b"2")]


class Answering(App):
    """Answers in one message, or in two where the path says so, with `headers`."""

    headers = PLAIN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/two":
            scope["extensions"] = {}
        await send_whole(scope, send, 200, list(self.headers), b"ok")


@pytest.fixture
async def app() -> AsyncIterator[Answering]:
    made = Answering()
    async with made.running():
        yield made


async def answered(app: Answering, path: str, request: str = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n") -> bytes:
    reader, writer = await app.connect()
    writer.write(request.format(path).encode())
    if b"\r\nHost: a\r\n\r\n" in request.encode():
        writer.write(b"GET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    raw = await closes(reader)
    return b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"date: "))


@pytest.mark.parametrize(
    "request_head",
    [
        "GET {} HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD {} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET {} HTTP/1.0\r\nHost: a\r\n\r\n",
    ],
)
async def test_one_message_is_two_byte_for_byte(app: Answering, request_head: str) -> None:
    one, two = await answered(app, "/one", request_head), await answered(app, "/two", request_head)
    assert one == two
    assert one.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"connection", b"close"), *PLAIN],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"text/plain"), (b"transfer-encoding", b"chunked")],
    ],
)
async def test_what_is_not_usual_is_two_byte_for_byte_too(
    app: Answering, headers: list[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answering, "headers", headers)
    one, two = await answered(app, "/one"), await answered(app, "/two")
    assert one == two
    assert one.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "odd",
    [(b"x-a", b"1\r\nx-b: 2"), (b"x-a", b"\x00"), (b"x\n", b"1"), (b"content-length", b"3"), (b"content-length", b"1")],
)
async def test_what_would_break_an_answer_in_two_is_never_sent_as_one(
    app: Answering, odd: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answering, "headers", [pair for pair in PLAIN if pair[0] != odd[0]] + [odd])
    reader, writer = await app.connect()
    writer.write(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
    raw = await closes(reader)
    assert b"x-b" not in raw
    assert raw.count(b"ok") == 0 or b"content-length: 3" in raw  # broken off: nobody takes it for the whole


@pytest.mark.parametrize(
    ("sent", "raw_answer"),
    [
        ([], b"HTTP/1.1 500 Internal Server Error"),
        ([{"type": "http.response.start", "status": 200, "headers": PLAIN}], b"HTTP/1.1 200 OK"),
    ],
)
@pytest.mark.parametrize("broken", [True, False])
async def test_an_app_that_ends_without_an_answer_ends_its_connection(
    app: Answering, sent: list[Message], raw_answer: bytes, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ending(_: Answering, scope: Scope, receive: Receive, send: Send) -> None:
        for each in sent:
            await send(each)
        if broken:
            raise OSError("broken")

    monkeypatch.setattr(Answering, "__call__", ending)
    reader, writer = await app.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    raw = await closes(reader)
    assert raw.startswith(raw_answer)
    assert not raw.endswith(b"ok")
    assert app.server is not None
    assert app.server.server_state.tasks == set()  # else the end of the process would wait for it


@pytest.mark.parametrize(
    ("target", "path", "raw", "query"),
    [
        ("/a%C3%B1o", "/año", b"/a%C3%B1o", b""),
        ("/a?b=%20c", "/a", b"/a", b"b=%20c"),
        ("http://other.example/a?b", "/a", b"/a", b"b"),
    ],
)
async def test_an_app_sees_the_path_as_it_was_sent_and_as_it_reads(
    app: Answering, target: str, path: str, raw: bytes, query: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Scope] = []

    async def seeing(_: Answering, scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send_whole(scope, send, 200, PLAIN, b"ok")

    monkeypatch.setattr(Answering, "__call__", seeing)
    assert (await answered(app, target, "GET {} HTTP/1.0\r\nHost: a\r\n\r\n")).endswith(b"ok")
    (scope,) = seen
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw, query)
    assert (scope["method"], scope["http_version"], scope["root_path"]) == ("GET", "1.0", "")


async def test_an_app_learns_of_it_by_its_scope_alone() -> None:
    sent: list[str] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    await send_whole({"type": "http"}, send, 200, [], b"")
    await send_whole({"type": "http", "extensions": {WHOLE: {}}}, send, 200, [], b"")
    assert sent == ["http.response.start", "http.response.body", WHOLE]


async def test_answers_in_one_message_keep_the_order_of_their_requests(app: Answering) -> None:
    reader, writer = await app.connect()
    writer.write(
        b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + b"GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    assert (await closes(reader)).count(b"\r\n\r\nok") == 21
