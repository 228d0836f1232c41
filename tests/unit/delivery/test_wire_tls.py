"""Who answers is whom the certificate names, and nobody learns more than that they are called."""

import asyncio
import ssl
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from shared import testing
from shared.delivery.rules import Outcome
from shared.settings import UnsafeSettings
from tests.listening import listening
from tests.unit.delivery.wire import (
    LONG_AGO,
    OK,
    Names,
    answering_by_thread,
    authority,
    dripping,
    hang,
    ours,
    parcel,
    presenting,
    saying,
    send,
    sending,
    trusting,
    wire,
)
from tests.unit.delivery.wire import on_each_loop as pytest_generate_tests  # noqa: F401  (pytest calls it)

ONE, OTHER = "one.example.org", "other.example.org"


def told(folder: Path) -> dict[str, Any]:
    """What a sender needs to believe our receivers, under their names."""
    return {"resolver": Names(one_example_org=[["127.0.0.1"]], other_example_org=[["127.0.0.1"]]),
            "trusted_ca": trusting(folder)}  # fmt: skip


def asking(context: ssl.SSLContext, mode: ssl.VerifyMode) -> ssl.SSLContext:
    """Have a receiver ask senders for their certificate."""
    authority("senders").configure_trust(context)
    context.verify_mode = mode
    return context


# -- theirs ----------------------------------------------------------------------------------------------


async def test_a_receiver_with_a_private_authority_is_believed_where_that_is_named(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(ONE)) as receiver:
        assert (await send(receiver.at(ONE), sender=told(tmp_path))).outcome is Outcome.DELIVERED
        stranger = told(tmp_path) | {"trusted_ca": None}
        assert (await send(receiver.at(ONE), sender=stranger)).outcome is Outcome.TLS_FAILED
        assert len(receiver.got) == 1


async def test_an_address_is_believed_by_a_certificate_for_it(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting("127.0.0.1")) as receiver:
        assert (await send(receiver.at("127.0.0.1"), sender=told(tmp_path))).outcome is Outcome.DELIVERED
        assert (await send(receiver.at(ONE), sender=told(tmp_path))).outcome is Outcome.TLS_FAILED


@pytest.mark.hard_case(23)
@pytest.mark.parametrize(
    ("names", "by", "until"),
    [
        ([OTHER], "receivers", None), (["127.0.0.1"], "receivers", None), ([ONE], "receivers", LONG_AGO),
        ([ONE], "strangers", None), (["*.org"], "receivers", None), ([f"a.{ONE}"], "receivers", None),
    ],
    ids=["wrong name", "its address only", "expired", "of nobody", "too wide", "one level too deep"],
)  # fmt: skip
async def test_a_wrong_certificate_gets_nothing(
    names: list[str], by: str, until: datetime | None, tmp_path: Path
) -> None:
    async with wire(saying(OK), tls=presenting(*names, by=by, until=until)) as receiver:
        result = await send(receiver.at(ONE), sender=told(tmp_path))
        assert (result.outcome, result.status, receiver.got) == (Outcome.TLS_FAILED, None, [])


@pytest.mark.hard_case(23)
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
async def test_an_old_protocol_gets_nothing(version: str, tmp_path: Path) -> None:
    old = presenting(ONE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion[version]
    old.set_ciphers("ALL:@SECLEVEL=0")
    with answering_by_thread(old) as (port, got):
        result = await send(f"https://{ONE}:{port}/", sender=told(tmp_path))
        assert (result.outcome, got) == (Outcome.TLS_FAILED, [])


@pytest.mark.hard_case(23)
async def test_a_receiver_of_today_is_spoken_to_in_either_version(tmp_path: Path) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = presenting(ONE)
        context.minimum_version = context.maximum_version = version
        async with wire(saying(OK), tls=context) as receiver:
            assert (await send(receiver.at(ONE), sender=told(tmp_path))).outcome is Outcome.DELIVERED


@pytest.mark.hard_case(23)
@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        (b"HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n", Outcome.TLS_FAILED),
        (b"\x15\x03\x03\x00\x02\x02\x28", Outcome.TLS_FAILED), (b"", Outcome.UNREACHABLE), (None, Outcome.TIMEOUT),
    ],
    ids=["plain HTTP", "an alert", "hangs up", "silence"],
)  # fmt: skip
async def test_what_speaks_no_tls_is_not_spoken_to_in_clear(
    first: bytes | None, outcome: Outcome, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        if first is None:
            await reader.read()
        writer.write(first or b"")

    async with listening(talk) as port:
        assert (await send(f"https://{ONE}:{port}/", sender=told(tmp_path))).outcome is outcome
    assert len(heard) == 1
    assert heard[0].startswith(b"\x16\x03")
    assert b"webhook-id" not in heard[0]


@pytest.mark.hard_case(21)
async def test_two_names_at_one_address_never_share_a_connection(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(ONE, OTHER), keep=True) as receiver:
        async with sending(**told(tmp_path)) as sender:
            for name in (ONE, OTHER, ONE, OTHER):
                assert (await sender.send(parcel(receiver.at(name)))).outcome is Outcome.DELIVERED
        assert receiver.greeted == [ONE, OTHER]
        assert receiver.connections == 2
        assert [_host(request) for request in receiver.got] == [ONE, OTHER, ONE, OTHER]


@pytest.mark.hard_case(21)
async def test_nor_does_one_name_vouch_for_another(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(ONE), keep=True) as receiver, sending(**told(tmp_path)) as sender:
        outcomes = [(await sender.send(parcel(receiver.at(name)))).outcome for name in (ONE, OTHER, ONE)]
        assert outcomes == [Outcome.DELIVERED, Outcome.TLS_FAILED, Outcome.DELIVERED]
        assert [_host(request) for request in receiver.got] == [ONE, ONE]


def _host(request: bytes) -> str:
    return request.split(b"Host: ")[1].split(b":")[0].decode()


async def test_the_answers_over_tls_have_the_same_limits(tmp_path: Path) -> None:
    for talk, outcome, kept in (
        (hang, Outcome.TIMEOUT, 0),
        (dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096), Outcome.DELIVERED, 2048),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nxx"), Outcome.DELIVERED, 2),
    ):
        async with wire(talk, tls=presenting(ONE)) as receiver:
            result = await send(receiver.at(ONE), sender=told(tmp_path))
            assert (result.outcome, len(result.answer)) == (outcome, kept)


async def test_a_permit_that_ends_during_the_handshake_sends_nothing(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            heard.append(piece)

    async with listening(mute) as port, sending(**told(tmp_path), timeout=5) as sender:
        until = asyncio.get_running_loop().time() + 0.1
        result = await sender.send(parcel(f"https://{ONE}:{port}/", until=until))
    assert result.outcome is Outcome.PERMIT_EXPIRED
    assert result.milliseconds < 1000
    assert len(heard) == 1  # the greeting, and not a byte more


async def test_nor_over_a_connection_that_is_open_already(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(ONE), keep=True) as receiver, sending(**told(tmp_path)) as sender:
        now = asyncio.get_running_loop().time()
        outcomes = [
            (await sender.send(parcel(receiver.at(ONE), until=until))).outcome for until in (now + 10, now, now + 10)
        ]
        assert outcomes == [Outcome.DELIVERED, Outcome.PERMIT_EXPIRED, Outcome.DELIVERED]
        assert (len(receiver.got), receiver.connections) == (2, 1)


# -- ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_our_certificate_is_shown_to_those_only_who_are_meant_to_see_it(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    context = asking(presenting(ONE), ssl.CERT_OPTIONAL)
    context.maximum_version = version
    async with wire(saying(OK), tls=context, keep=True) as receiver:
        async with sending(**told(tmp_path), certificate=ours(tmp_path)) as sender:
            for known in (True, False, True, False):
                assert (await sender.send(parcel(receiver.at(ONE), mutual_tls=known))).outcome is Outcome.DELIVERED
        assert [shown is not None for shown in receiver.known] == [True, False, True, False]
        assert receiver.connections == 2
        assert receiver.known[0] is not None
        assert ("DNS", "ruta.example.org") in receiver.known[0]["subjectAltName"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_receiver_that_asks_who_we_are_refuses_who_does_not_say(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    context = asking(presenting(ONE), ssl.CERT_REQUIRED)
    context.maximum_version = version
    with answering_by_thread(context) as (port, got):
        url = f"https://{ONE}:{port}/hook"
        async with sending(**told(tmp_path), certificate=ours(tmp_path)) as sender:
            assert (await sender.send(parcel(url))).outcome is Outcome.TLS_FAILED
            assert got == []
            assert (await sender.send(parcel(url, mutual_tls=True))).outcome is Outcome.DELIVERED
            asked = await sender.ask_consent(url, "ruta.example.org", mutual_tls=True)
            assert asked.outcome is Outcome.DELIVERED
    assert [request.split(b" ")[0] for request in got] == [b"POST", b"OPTIONS"]


async def test_its_refusal_is_heard_even_if_it_comes_before_our_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = aiohttp.TCPConnector.connect

    async def slowly(*asked: Any, **more: Any) -> Any:
        made = await connect(*asked, **more)
        while made.protocol is not None and made.protocol.is_connected():
            await asyncio.sleep(0.01)
        return made

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", slowly)
    with answering_by_thread(asking(presenting(ONE), ssl.CERT_REQUIRED)) as (port, got):
        result = await send(f"https://{ONE}:{port}/", sender=told(tmp_path))
        assert (result.outcome, got) == (Outcome.TLS_FAILED, [])


async def test_without_a_certificate_of_our_own_nobody_is_called_who_asks_for_one(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(ONE)) as receiver:
        assert (await send(receiver.at(ONE), mutual_tls=True, sender=told(tmp_path))).outcome is Outcome.TLS_FAILED
        known = told(tmp_path) | {"certificate": ours(tmp_path)}
        assert (await send(receiver.url, mutual_tls=True, sender=known)).outcome is Outcome.TLS_FAILED  # http
        assert receiver.connections == 0


async def test_our_certificate_does_not_open_the_way_inside(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(ONE)) as receiver:
        known = told(tmp_path) | {"certificate": ours(tmp_path)}
        for host in (ONE, "127.0.0.1"):
            result = await send(receiver.at(host), mutual_tls=True, loopback=False, sender=known)
            assert (result.outcome, receiver.connections) == (Outcome.FORBIDDEN_ADDRESS, 0)


@pytest.mark.parametrize("spoiled", ["no file", "no certificate", "another's key", "a key with a password"])
async def test_a_certificate_that_cannot_be_used_stops_the_start(spoiled: str, tmp_path: Path) -> None:
    certificate, key = ours(tmp_path)
    if spoiled == "no file":
        certificate.unlink()
    elif spoiled == "no certificate":
        certificate.write_text("x")
    elif spoiled == "another's key":
        trustme.CA().private_key_pem.write_to_path(str(key))
    else:
        key.write_bytes(_sealed(key.read_bytes()))
    with pytest.raises((OSError, ssl.SSLError)):
        async with sending(certificate=(certificate, key)):
            pass


def _sealed(key: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return form.load_pem_private_key(key, None).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize("half", ["webhook_certificate_file", "webhook_key_file"])
def test_production_does_not_start_with_half_a_certificate_or_a_file_that_is_not_there(
    half: str, tmp_path: Path
) -> None:
    made = testing.settings("referral", tmp_path, testing.Keys(), "postgresql://db/referral")
    production = made.model_copy(update={"environment": "production"})
    for change, told_of in (
        ({half: trusting(tmp_path)}, "go together"),
        ({"webhook_ca_file": tmp_path / "nowhere.pem"}, "nowhere.pem cannot be read"),
    ):
        with pytest.raises(UnsafeSettings, match=told_of):
            production.model_copy(update=change).refuse_unsafe()
