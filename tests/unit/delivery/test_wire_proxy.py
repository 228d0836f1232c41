"""Our own way out: all outside by CONNECT, and its faults are nobody else's."""

import asyncio
import base64
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from shared.delivery.egress import Proxy
from shared.delivery.rules import UNCHARGED, Outcome
from tests.unit.delivery.wire import (
    OK,
    Names,
    Talk,
    authority,
    dripping,
    hang,
    ours,
    parcel,
    presenting,
    relay,
    saying,
    send,
    sending,
    trusting,
    wire,
)
from tests.unit.delivery.wire import on_each_loop as pytest_generate_tests  # noqa: F401  (pytest calls it)

NAME, OTHER = "hooks.example.org", "other.example.org"


async def by(url: str, target: str = f"https://{NAME}/", **options: Any) -> Any:
    """Send by a proxy. No name is resolved here, and nothing but its own address is dialled."""
    names = Names()
    result = await send(target, loopback=False, sender={"proxy": url, "resolver": names, **options})
    assert names.asked == []
    return result


# -- the way ---------------------------------------------------------------------------------------------


async def test_a_message_goes_by_the_proxy_end_to_end_in_tls(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(NAME), keep=True) as receiver, relay(to=receiver.port) as proxy:
        options: dict[str, Any] = {"proxy": proxy.url, "trusted_ca": trusting(tmp_path), "resolver": Names()}
        async with sending(allow_loopback=False, **options) as sender:
            for _ in range(3):
                assert (await sender.send(parcel(f"https://{NAME}/hook"))).outcome is Outcome.DELIVERED
            asked = await sender.ask_consent(f"https://{NAME}/hook", "a.example", mutual_tls=False)
            assert asked.outcome is Outcome.DELIVERED
        assert proxy.asked == [b"CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n" % (NAME.encode(), NAME.encode())]
        assert receiver.greeted == [NAME]
        assert [request.split(b" HTTP")[0] for request in receiver.got] == [b"POST /hook"] * 3 + [b"OPTIONS /hook"]


async def test_each_name_has_a_tunnel_of_its_own(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(NAME), keep=True) as receiver, relay(to=receiver.port) as proxy:
        options: dict[str, Any] = {"proxy": proxy.url, "trusted_ca": trusting(tmp_path)}
        async with sending(allow_loopback=False, **options) as sender:
            outcomes = [(await sender.send(parcel(f"https://{name}/"))).outcome for name in (NAME, OTHER, NAME)]
        assert outcomes == [Outcome.DELIVERED, Outcome.TLS_FAILED, Outcome.DELIVERED]
        assert len(proxy.asked) == 2


async def test_we_make_ourselves_known_to_the_proxy_and_to_nobody_behind_it(tmp_path: Path) -> None:
    async with wire(saying(OK), tls=presenting(NAME)) as receiver, relay(to=receiver.port) as proxy:
        url = proxy.url.replace("//", "//ruta:p%40ss:w%C3%B6rd@").replace("s:w", "s%3Aw")
        result = await by(url, trusted_ca=trusting(tmp_path))
        assert result.outcome is Outcome.DELIVERED
        pair = base64.b64encode("ruta:p@ss:wörd".encode())
        assert b"\r\nProxy-Authorization: Basic %s\r\n" % pair in proxy.asked[0]
        assert b"authorization" not in receiver.got[0].lower()


async def test_our_certificate_is_for_the_receiver_behind_the_proxy(tmp_path: Path) -> None:
    context = presenting(NAME)
    authority("senders").configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with wire(saying(OK), tls=context) as receiver, relay(to=receiver.port) as proxy:
        options = {"proxy": proxy.url, "trusted_ca": trusting(tmp_path), "certificate": ours(tmp_path)}
        result = await send(f"https://{NAME}/", loopback=False, mutual_tls=True, sender=options)
        assert result.outcome is Outcome.DELIVERED
        assert receiver.known[0] is not None


async def test_an_address_is_written_as_the_proxy_reads_it(tmp_path: Path) -> None:
    address = "2606:4700::1111"
    async with wire(saying(OK), tls=presenting(address)) as receiver, relay(to=receiver.port) as proxy:
        result = await by(proxy.url, f"https://[{address}]:8443/", trusted_ca=trusting(tmp_path))
        assert result.outcome is Outcome.DELIVERED
        assert proxy.asked[0].startswith(b"CONNECT [2606:4700::1111]:8443 HTTP/1.1\r\n")


async def test_sisters_are_reached_without_the_proxy() -> None:
    async with wire(saying(OK)) as sister, relay() as proxy:
        result = await send(sister.url, loopback=False, internal=True, sender={"proxy": proxy.url})
        assert (result.outcome, proxy.asked) == (Outcome.DELIVERED, [])


async def test_no_proxy_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with wire(saying(OK)) as receiver, relay() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await send(receiver.url)).outcome is Outcome.DELIVERED
        assert (await send(receiver.at("127.0.0.1"))).outcome is not Outcome.DELIVERED  # it speaks no TLS
        assert proxy.asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "127.1", "2130706433", "0x7f.1", "[::1]", "[fe80::1]",
     "[64:ff9b::7f00:1]", "referral", "db.internal", "x.svc.cluster.local", "hooks.example.org."],
)  # fmt: skip
async def test_what_is_inside_is_not_even_named_to_the_proxy(host: str) -> None:
    async with relay() as proxy:
        assert (await by(proxy.url, f"https://{host}/")).outcome is Outcome.FORBIDDEN_ADDRESS
        assert (await by(proxy.url, f"http://{NAME}/")).outcome is Outcome.FORBIDDEN_ADDRESS
        assert proxy.asked == []


# -- its faults ------------------------------------------------------------------------------------------


def answering(status: bytes, more: bytes = b"") -> Talk:
    return saying(b"HTTP/1.1 %s\r\n%scontent-type: text/html\r\n\r\n<p>sorry" % (status, more))


@pytest.mark.hard_case(29)
@pytest.mark.parametrize(
    "says",
    [
        *(answering(b"%d No" % code) for code in (400, 401, 404, 405, 407, 429, 500, 502, 503, 504, 301)),
        saying(), saying(b"HTTP/1.1 200"), saying(b"SSH-2.0-x\r\n\r\n"), saying(b"HTTP/1.1 2000 OK\r\n\r\n"),
        saying(b"HTTP/2 200 OK\r\n\r\n"), saying(b"x" * 100_000), saying(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 9000),
        saying(OK + OK), saying(b"\r\n\r\n"), dripping(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n" * 600),
    ],
)  # fmt: skip
async def test_a_fault_of_the_proxy_is_no_attempt_of_the_receivers(says: Talk) -> None:
    async with relay(says) as proxy:
        result = await by(proxy.url, timeout=5)
        assert (result.outcome, result.status, result.answer) == (Outcome.PROXY_DOWN, None, b"")
        assert result.outcome in UNCHARGED


@pytest.mark.hard_case(29)
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://nobody.invalid:3128", "http://..:3128", "http://[::1]:1"]
)
async def test_a_proxy_that_is_not_there_is_no_fault_of_the_receivers(url: str) -> None:
    assert (await by(url)).outcome is Outcome.PROXY_DOWN


@pytest.mark.hard_case(29)
async def test_a_proxy_that_takes_no_connection_is_no_fault_of_the_receivers() -> None:
    """Its network swallows everything: here, a queue that is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        await asyncio.sleep(0.05)
        result = await by(f"http://127.0.0.1:{port}", timeout=1)
        for filler in fillers:
            filler.close()
    assert result.outcome is Outcome.PROXY_DOWN
    assert result.milliseconds < 1000


async def test_a_proxy_that_forbids_says_so() -> None:
    async with relay(answering(b"403 Forbidden")) as proxy:
        assert (await by(proxy.url)).outcome is Outcome.FORBIDDEN_ADDRESS


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (b"Proxy-Status: a.example; error=destination_unavailable", Outcome.UNREACHABLE),
        (b"proxy-status: a; received-status=502;  error=connection_refused; details=x, b; error=proxy_internal_error",
         Outcome.UNREACHABLE),
        (b"Proxy-Status: a; error=dns_error; rcode=NXDOMAIN", Outcome.UNREACHABLE),
        (b"Proxy-Status: a; error=connection_timeout", Outcome.TIMEOUT),
        (b"Proxy-Status: a; error=destination_ip_prohibited", Outcome.FORBIDDEN_ADDRESS),
        (b"X-Squid-Error: ERR_CONNECT_FAIL 111", Outcome.UNREACHABLE),
        (b"X-Squid-Error: ERR_DNS_FAIL 0", Outcome.UNREACHABLE),
        (b"Proxy-Status: a; error=proxy_internal_error", Outcome.PROXY_DOWN),
        (b"Proxy-Status: a", Outcome.PROXY_DOWN),
        (b"X-Squid-Error: ERR_CANNOT_FORWARD 0", Outcome.PROXY_DOWN),
        (b"X-A: proxy-status: a; error=connection_refused", Outcome.PROXY_DOWN),
    ],
)  # fmt: skip
async def test_a_proxy_that_blames_the_receiver_is_believed(says: bytes, outcome: Outcome) -> None:
    async with relay(answering(b"503 Service Unavailable", says + b"\r\n")) as proxy:
        assert (await by(proxy.url)).outcome is outcome


@pytest.mark.hard_case(13)
async def test_what_comes_after_the_tunnel_stands_is_the_receivers(tmp_path: Path) -> None:
    async with relay(hang) as proxy:  # it waits for the receiver
        assert (await by(proxy.url)).outcome is Outcome.TIMEOUT
    async with relay() as proxy:  # the receiver hangs up
        assert (await by(proxy.url)).outcome is Outcome.UNREACHABLE
    async with wire(hang, tls=presenting(NAME)) as receiver, relay(to=receiver.port) as proxy:
        assert (await by(proxy.url, trusted_ca=trusting(tmp_path))).outcome is Outcome.TIMEOUT
        assert (await by(proxy.url)).outcome is Outcome.TLS_FAILED
    bad = saying(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
    async with wire(bad, tls=presenting(NAME)) as receiver, relay(to=receiver.port) as proxy:
        result = await by(proxy.url, trusted_ca=trusting(tmp_path))
        assert (result.outcome, result.status) == (Outcome.FAILED, 502)


async def test_a_permit_that_ends_in_the_tunnel_sends_nothing(tmp_path: Path) -> None:
    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async with wire(saying(OK), tls=presenting(NAME), keep=True) as receiver, relay(slow, to=receiver.port) as proxy:
        options: dict[str, Any] = {"proxy": proxy.url, "trusted_ca": trusting(tmp_path), "timeout": 5}
        async with sending(allow_loopback=False, **options) as sender:
            now = asyncio.get_running_loop().time()
            assert (await sender.send(parcel(f"https://{NAME}/", until=now + 0.1))).outcome is Outcome.PERMIT_EXPIRED
            await asyncio.sleep(0.4)
            assert (receiver.got, receiver.greeted) == ([], [])
            assert (await sender.send(parcel(f"https://{NAME}/", until=now + 9))).outcome is Outcome.DELIVERED
            assert (await sender.send(parcel(f"https://{NAME}/", until=now))).outcome is Outcome.PERMIT_EXPIRED
            assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    ["", "x", "proxy:3128", "http://proxy", "http://:3128", "https://proxy:3128", "socks5://proxy:1080", "http://proxy:0",
     "http://proxy:65536", "http://proxy:3128/path", "http://proxy:3128?x", "http://u@proxy:3128", "http://a b:1"],
)  # fmt: skip
def test_a_proxy_is_named_plainly(url: str) -> None:
    with pytest.raises(ValueError, match="http://host:port"):
        Proxy.parse(url)


def test_what_is_wrong_with_a_proxys_address_is_said_without_its_password() -> None:
    with pytest.raises(ValueError, match="egress proxy") as refused:
        Proxy.parse("https://ruta:hidden@proxy:3128")
    assert "hidden" not in str(refused.value)
    assert Proxy.parse("http://proxy.example:3128/") == Proxy("proxy.example", 3128)
    assert Proxy.parse("http://[fd00::1]:3128") == Proxy("fd00::1", 3128)
