"""What an answer means, however badly it is given, and what exactly was sent to get it."""

import asyncio
import gzip
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import app, clock
from shared.delivery.rules import Outcome
from shared.delivery.sender import AGENT
from tests.unit.delivery.wire import (
    BODY,
    HEAD,
    HEADERS,
    OK,
    Names,
    Talk,
    dripping,
    hang,
    parcel,
    saying,
    send,
    sending,
    wire,
)
from tests.unit.delivery.wire import on_each_loop as pytest_generate_tests  # noqa: F401  (pytest calls it)


def case(number: int, name: str, *row: Any) -> Any:
    return pytest.param(*row, id=name, marks=[pytest.mark.hard_case(number)] if number else [])


def status(code: int, more: bytes = b"") -> Talk:
    return saying(b"HTTP/1.1 %d X\r\n%scontent-length: 0\r\n\r\n" % (code, more))


@pytest.mark.parametrize(
    ("talk", "outcome", "code", "kept"),
    [
        case(0, "204", saying(b"HTTP/1.1 204 No Content\r\n\r\n"), Outcome.DELIVERED, 204, b""),
        case(0, "a body", saying(HEAD + b"content-length: 2\r\n\r\nok"), Outcome.DELIVERED, 200, b"ok"),
        case(0, "a body in chunks", saying(HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
              Outcome.DELIVERED, 200, b"ok"),
        case(0, "a body of 2 KiB", saying(HEAD + b"content-length: 2048\r\n\r\n" + b"x" * 2048),
              Outcome.DELIVERED, 200, b"x" * 2048),
        case(0, "a body of no length", saying(HEAD + b"\r\n", b"ok"), Outcome.DELIVERED, 200, b"ok"),
        case(14, "breaks off in its body", saying(HEAD + b"content-length: 99\r\n\r\nok"),
             Outcome.DELIVERED, 200, b"ok"),
        case(14, "breaks off in its chunks", saying(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nok"),
             Outcome.DELIVERED, 200, b"ok"),
        case(0, "chunks that are none", saying(HEAD + b"transfer-encoding: chunked\r\n\r\nno\r\n"),
              Outcome.UNREACHABLE, None, b""),
        case(15, "endless body", dripping(HEAD + b"\r\n", b"x" * 4096), Outcome.DELIVERED, 200, b"x" * 2048),
        case(15, "endless chunks", dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"9\r\nxxxxxxxxx\r\n" * 300),
             Outcome.DELIVERED, 200, b"x" * 2048),
        case(15, "endless body of a failure", dripping(b"HTTP/1.1 503 X\r\n\r\n", b"x" * 4096),
             Outcome.FAILED, 503, b"x" * 2048),
        case(12, "body that drips", dripping(HEAD + b"content-length: 9999\r\n\r\n", b"x"),
             Outcome.DELIVERED, 200, ...),
        case(12, "body that never comes", dripping(HEAD + b"content-length: 9\r\n\r\n", b""),
             Outcome.DELIVERED, 200, b""),
        case(12, "head that drips", dripping(HEAD, b"x-a: b\r\n"), Outcome.TIMEOUT, None, b""),
        case(12, "line that drips", dripping(HEAD + b"x-a: ", b"b"), Outcome.TIMEOUT, None, b""),
        case(12, "hints that never end", dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
             Outcome.TIMEOUT, None, b""),
        case(13, "silence", hang, Outcome.TIMEOUT, None, b""),
        case(0, "a hint first", saying(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK), Outcome.DELIVERED, 200, b""),
        case(0, "another protocol", saying(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx"),
              Outcome.REFUSED, 101, ...),
        case(0, "nothing", saying(), Outcome.UNREACHABLE, None, b""),
        case(0, "no HTTP", saying(b"SSH-2.0-x\r\n\r\n"), Outcome.UNREACHABLE, None, b""),
        case(0, "a line without end", saying(HEAD, b"x-a: ", *[b"b" * 4000] * 40), Outcome.UNREACHABLE, None, b""),
        case(0, "headers without end", saying(HEAD, *[b"x-a: b\r\n"] * 4000), Outcome.UNREACHABLE, None, b""),
        *(case(0, str(code), status(code), outcome, code, b"") for code, outcome in (
            (202, Outcome.DELIVERED), (400, Outcome.REFUSED), (401, Outcome.MISCONFIGURED), (410, Outcome.GONE),
            (429, Outcome.BUSY), (500, Outcome.FAILED), (999, Outcome.FAILED),
        )),
    ],
)  # fmt: skip
async def test_an_answer_decides(talk: Talk, outcome: Outcome, code: int | None, kept: Any) -> None:
    async with wire(talk) as receiver:
        started = time.monotonic()
        result = await send(receiver.url)
        assert (result.outcome, result.status) == (outcome, code)
        assert len(result.answer) <= 2048
        assert kept is ... or result.answer == kept
        assert time.monotonic() - started < 3
        assert len(receiver.got) == 1


@pytest.mark.hard_case(12)
@pytest.mark.hard_case(13)
@pytest.mark.parametrize("talk", [hang, dripping(HEAD + b"x-a: ", b"b")], ids=["silent", "slow"])
async def test_a_slow_receiver_takes_up_no_place_of_another(talk: Talk) -> None:
    async with wire(talk) as slow, wire(saying(OK), keep=True) as quick, sending(timeout=2) as sender:
        stuck = [asyncio.create_task(sender.send(parcel(slow.url))) for _ in range(150)]
        await asyncio.sleep(0.3)
        results = [await sender.send(parcel(quick.url)) for _ in range(5)]
        assert slow.connections <= 16
        assert [each.outcome for each in results] == [Outcome.DELIVERED] * 5
        assert max(each.milliseconds for each in results) < 1000
        ended = await asyncio.gather(*stuck)
        assert {each.outcome for each in ended} == {Outcome.TIMEOUT}  # those too that waited for a connection
        assert max(each.milliseconds for each in ended) < 2700


@pytest.mark.hard_case(12)
async def test_nobody_waits_for_the_end_of_a_body() -> None:
    async with wire(dripping(HEAD + b"content-length: 9999\r\n\r\n", b"x")) as receiver:
        result = await send(receiver.url, sender={"timeout": 10})
        assert (result.outcome, result.milliseconds < 3000) == (Outcome.DELIVERED, True)


@pytest.mark.hard_case(16)
async def test_a_compressed_answer_is_not_opened() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with wire(saying(head + bomb)) as receiver:
        result = await send(receiver.url)
        assert (result.outcome, result.answer) == (Outcome.DELIVERED, bomb[:2048])
        assert b"\r\naccept-encoding: identity\r\n" in receiver.got[0]


@pytest.mark.hard_case(17)
@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    async with wire(saying(OK)) as target:
        for location in (target.url, "http://169.254.169.254/latest/meta-data", "//x", ""):
            async with wire(status(code, b"location: %s\r\n" % location.encode())) as receiver:
                result = await send(receiver.url)
                assert (result.outcome, result.status) == (Outcome.MISCONFIGURED, code)
                assert receiver.connections == 1
        assert target.connections == 0


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.hard_case(25)
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (b"120", 120), (b"0", 0), (b"1000000000", 3600), (b"soon", None), (b"-1", None), (b"\xff", None), (b"", None),
        (b"Sun, 22 Nov 2026 12:02:00 GMT", 120), (b"Sun, 22 Nov 2026 11:00:00 GMT", 0), (b"9" * 4000, 3600),
    ],
)  # fmt: skip
async def test_a_wish_for_patience_is_read(asked: bytes, seconds: int | None) -> None:
    with clock.at(NOON):
        async with wire(status(429, b"Retry-After: %s\r\n" % asked)) as receiver:
            result = await send(receiver.url)
            assert result.outcome is Outcome.BUSY
            assert result.retry_after == (None if seconds is None else timedelta(seconds=seconds))


# -- what is sent ----------------------------------------------------------------------------------------


@pytest.mark.hard_case(41)
async def test_the_bytes_on_the_wire_are_these_and_no_others() -> None:
    async with wire(saying(OK)) as receiver:
        target = "/hook/~a/../%7e/%C3%B1?b=%20c+d&e=[1]"
        await send(
            f"http://127.0.0.1:{receiver.port}{target}", headers={"Webhook-Id": "evt_1", "X-A": "b \t c".expandtabs(1)}
        )
        assert receiver.got == [
            b"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nwebhook-id: evt_1\r\nx-a: b   c\r\n"
            b"user-agent: %s\r\naccept-encoding: identity\r\nAccept: */*\r\nContent-Length: %d\r\n\r\n%s"
            % (target.encode(), receiver.port, AGENT.encode(), len(BODY), BODY)
        ]  # fmt: skip
        assert f"Ruta-Webhooks/{app.VERSION}" == AGENT


@pytest.mark.hard_case(41)
@pytest.mark.parametrize("body", [b"", b"\0", b"\xff\xfe", b"a.b\r\n\r\nPOST / HTTP/1.1\r\n\r\n", b"x" * 300_000])
async def test_what_was_signed_arrives_to_the_byte(body: bytes) -> None:
    async with wire(saying(OK)) as receiver:
        signed = {"webhook-id": "evt_1", "webhook-signature": "v1,a+/= v1a,b"}
        assert (await send(receiver.url, body=body, headers=signed)).outcome is Outcome.DELIVERED
        head, _, arrived = receiver.got[0].partition(b"\r\n\r\n")
        assert arrived == body
        assert b"\r\nwebhook-id: evt_1\r\nwebhook-signature: v1,a+/= v1a,b\r\n" in head


@pytest.mark.hard_case(41)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("x-a", value) for value in ("b\r\nx-b: c", "b\nx-b: c", "b\rc", "b\0", "ñ", "\x7f", "b\x85c", "b\u2028c")),
        *((name, "b") for name in ("x-a: c\r\nx-b", "x a", "x:a", "", "x-ñ", "x\n")),
        *((name, "1") for name in ("Host", "content-length", "Transfer-Encoding", "connection", "Expect", "TE")),
    ],
)
async def test_no_header_can_be_read_as_two(name: str, value: str) -> None:
    async with wire(saying(OK)) as receiver:
        result = await send(receiver.url, headers=HEADERS | {name: value})
        assert (result.outcome, result.status, receiver.connections) == (Outcome.REFUSED, None, 0)


async def test_cookies_are_neither_kept_nor_sent() -> None:
    async with wire(saying(HEAD + b"set-cookie: a=b\r\ncontent-length: 0\r\n\r\n"), keep=True) as receiver:
        async with sending(resolver=Names(hooks_example_org=[["127.0.0.1"]])) as sender:
            for _ in range(2):
                await sender.send(parcel(f"http://hooks.example.org:{receiver.port}/"))
        assert len(receiver.got) == 2
        assert b"cookie" not in b"".join(receiver.got).lower()


# -- one connection after another ------------------------------------------------------------------------


async def test_a_connection_is_used_again_only_where_its_answer_has_ended() -> None:
    for talk, connections in (
        (saying(HEAD + b"content-length: 2\r\n\r\nok"), 1),
        (saying(HEAD + b"content-length: 9999\r\n\r\n" + b"x" * 9999), 3),
        (saying(HEAD + b"connection: close\r\ncontent-length: 0\r\n\r\n"), 3),
    ):
        async with wire(talk, keep=True) as receiver, sending() as sender:
            for _ in range(3):
                assert (await sender.send(parcel(receiver.url))).outcome is Outcome.DELIVERED
            assert receiver.connections == connections


async def test_nothing_is_sent_twice_in_one_attempt() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(receiver.got) > 1:
            writer.transport.abort()  # a connection that was idle goes away with the message
        writer.write(OK)

    async with wire(once, keep=True) as receiver, sending() as sender:
        outcomes = [(await sender.send(parcel(receiver.url))).outcome for _ in range(2)]
        await asyncio.sleep(0.05)
        assert outcomes == [Outcome.DELIVERED, Outcome.UNREACHABLE]
        assert (len(receiver.got), receiver.connections) == (2, 1)


async def test_what_was_said_unasked_is_no_answer() -> None:
    async with wire(saying(OK + OK), keep=True) as receiver, sending() as sender:
        for _ in range(3):
            assert (await sender.send(parcel(receiver.url))).outcome is Outcome.DELIVERED
        assert (len(receiver.got), receiver.connections) == (3, 3)

    async def later(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        if len(receiver.got) == 1:
            await asyncio.sleep(0.05)
            writer.write(OK)

    async with wire(later, keep=True) as receiver, sending() as sender:
        assert (await sender.send(parcel(receiver.url))).outcome is Outcome.DELIVERED
        await asyncio.sleep(0.1)
        assert (await sender.send(parcel(receiver.url))).outcome is Outcome.UNREACHABLE
        assert (await sender.send(parcel(receiver.url))).outcome is Outcome.DELIVERED
        assert (len(receiver.got), receiver.connections) == (2, 2)


async def test_a_receiver_that_answers_without_listening_is_not_waited_for() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n")
        await asyncio.sleep(30)

    async with wire(deaf, hears=False) as receiver:
        result = await send(receiver.url, body=b"x" * 1_000_000, sender={"timeout": 10})
        assert (result.outcome, result.status) == (Outcome.REFUSED, 413)
        assert result.milliseconds < 2000


# -- the permit ------------------------------------------------------------------------------------------


async def test_when_the_permit_has_ended_nobody_is_called() -> None:
    async with wire(saying(OK)) as receiver:
        now = asyncio.get_running_loop().time()
        assert (await send(receiver.url, until=now)).outcome is Outcome.PERMIT_EXPIRED
        assert receiver.connections == 0
        assert (await send(receiver.url, until=now + 10)).outcome is Outcome.DELIVERED


async def test_nor_over_a_connection_that_is_open_already() -> None:
    async with wire(saying(OK), keep=True) as receiver, sending() as sender:
        now = asyncio.get_running_loop().time()
        outcomes = [
            (await sender.send(parcel(receiver.url, until=until))).outcome for until in (now + 10, now, now + 10, None)
        ]
        assert outcomes == [Outcome.DELIVERED, Outcome.PERMIT_EXPIRED, Outcome.DELIVERED, Outcome.DELIVERED]
        assert (len(receiver.got), receiver.connections) == (3, 1)


async def test_a_permit_that_ends_while_the_connection_is_made_sends_nothing() -> None:
    class Slow(Names):
        async def resolve(self, *_: Any, **__: Any) -> Any:
            await asyncio.sleep(5)

    async with sending(timeout=10, resolver=Slow()) as sender:
        until = asyncio.get_running_loop().time() + 0.05
        result = await sender.send(parcel("http://hooks.example.org/", until=until))
        assert result.outcome is Outcome.PERMIT_EXPIRED
        assert result.milliseconds < 2500


async def test_a_permit_that_ends_between_connection_and_message_sends_nothing() -> None:
    async with wire(saying(OK)) as receiver, sending() as sender:
        until = asyncio.get_running_loop().time() + 0.3
        connector: Any = sender._outside.connector
        connect = connector.connect

        async def stalled(*asked: Any, **more: Any) -> Any:
            made = await connect(*asked, **more)
            time.sleep(0.35)  # the loop stands still, just after it handed the connection out
            return made

        connector.connect = stalled
        assert (await sender.send(parcel(receiver.url, until=until))).outcome is Outcome.PERMIT_EXPIRED
        await asyncio.sleep(0.05)
        assert (receiver.connections, receiver.got) == (1, [])
