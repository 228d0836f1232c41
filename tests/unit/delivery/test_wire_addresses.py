"""Where a message may go: ranges and names row by row, and what is dialled when names lead elsewhere."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from shared.delivery import egress, sender
from shared.delivery.egress import open_socket
from shared.delivery.rules import Outcome
from tests.unit.delivery.wire import OK, Names, parcel, presenting, saying, send, sending, trusting, wire
from tests.unit.delivery.wire import on_each_loop as pytest_generate_tests  # noqa: F401  (pytest calls it)

NAME = "hooks.example.org"


# -- ranges ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "187.191.71.192", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.1", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0",
        "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
        "223.255.255.255",
        "2606:4700::1111", "2800:3f0:4001::200e", "2001:200::1", "2001:1218::1", "2a00:1450::5efe:1:1:1",
        "2003::1", "2a0f:ffff::1",
    ],
)  # fmt: skip
def test_a_public_address_may_be_reached(address: str) -> None:
    assert egress.is_public(address)
    assert egress.may_name(address)
    egress.vetted_socket((*_kind(address), "", (address, 443))).close()


NOT_PUBLIC = {
    "this network": ["0.0.0.1", "0.255.255.255"],
    "private": ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
    "carriers'": ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    "loopback": ["127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"],
    "link-local": ["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1"],
    "Azure's host": ["168.63.129.16"],
    "IETF protocols": ["192.0.0.0", "192.0.0.8", "192.0.0.9", "192.0.0.170", "192.0.0.192", "192.0.0.255",
                       "2001:1::1", "2001:3::1", "2001:4:112::1"],
    "documentation": ["192.0.2.0", "192.0.2.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255",
                      "2001:db8::1", "3fff::1", "3fff:fff::1"],
    "measurements": ["198.18.0.0", "198.19.255.255", "2001:2::1"],
    "sinks": ["192.31.196.1", "192.175.48.1", "2620:4f:8000::1"],
    "relays": ["192.52.193.1", "192.88.99.0", "192.88.99.1", "192.88.99.255"],
    "multicast": ["224.0.0.0", "239.255.255.255", "ff00::1", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.0", "255.255.255.254", "255.255.255.255", "4000::1", "1fff::1", "5f00::1", "100::1"],
    "unspecified": ["0.0.0." + "0", "::"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"],
    "compatible": ["::7f00:1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "64:ff9b:1:ffff::8.8.8.8"],
    "6to4": ["2002::", "2002:7f00:1::1", "2002:808:808::1", "2002:ffff:ffff::1"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ORCHID": ["2001:10::1", "2001:20::1"],
    "ISATAP": ["::5efe:7f00:1", "fe80::5efe:a00:1", "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:7f00:1",
               "2a00:1450:4001:81b:0:5efe:808:808"],
    "site-local": ["fec0::1", "feff::1"],
    "unique local": ["fc00::1", "fd00:ec2::254", "fdff:ffff::1"],
    "given back": ["3ffe::1"],
    "with a zone": ["2606:4700::1111%eth0", "2606:4700::1111%1"],
    "decimal": ["2130706433", "134744072"],
    "hexadecimal": ["0x7f000001", "0x7f.0.0.1", "0x8.8.8.8", "0x08080808"],
    "octal": ["0177.0.0.1", "017700000001", "010.8.8.8", "127.0.0.01"],
    "short": ["127.1", "127.0.1", "8.8", "1.2.3", "0"],
    "long": ["1.2.3.4.5", "127.0.0.1.", "8.8.8.8."],
    "none": ["", ".", "localhost", "::g", "1.2.3.256", "8.8.8.8/32", " 8.8.8.8", "8.8.8.8\n", "[::1]", "８.8.8.8",
             "1.2.3.٤", "2606:4700::1111::1"],
}  # fmt: skip


@pytest.mark.hard_case(20)
@pytest.mark.parametrize(
    "address", [pytest.param(each, id=f"{kind} {each!r}") for kind in NOT_PUBLIC for each in NOT_PUBLIC[kind]]
)
def test_any_other_address_may_not(address: str) -> None:
    assert not egress.is_public(address)
    assert not egress.may_name(address)
    with pytest.raises(egress.NoWay, match="forbidden_address"):
        egress.vetted_socket((*_kind(address), "", (address, 443)))


def _kind(address: str) -> tuple[int, int, int]:
    return (socket.AF_INET6 if ":" in address else socket.AF_INET), socket.SOCK_STREAM, socket.IPPROTO_TCP


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [NAME, "a.b", "1.example.org", "7f.0x.example", "xn--maana-pta.example", "A.Example.ORG", "a_b.example.org",
     "a." * 126 + "b", f"{'a' * 63}.org", "example.co1"],
)  # fmt: skip
def test_a_full_name_may_be_named(host: str) -> None:
    assert egress.may_name(host)


@pytest.mark.hard_case(22)
@pytest.mark.parametrize(
    "host",
    [
        "", ".", "referral", "localhost", "LOCALHOST", "a.localhost", "a.LocalHost", "localhost.localdomain",
        "db.internal", "x.local", "x.lan", "x.home", "router.home.arpa", "1.0.0.127.in-addr.arpa", "x.onion", "x.corp",
        "x.intranet", "x.private", "referral.ruta.svc", "referral.ruta.svc.cluster.local", "localhost.",
        f"{NAME}.", "a..b", ".a.b", "-a.org", "a-.org", "a b.org", "a.org\n", "a/b.org", "a%2eb.org", "127.0.0.%31",
        "a@b.org", "mañana.example", "аррӏе.com", "a。b", "１２７.0.0.1", "1.2.3.0x", "0x7f.1", "a.0x", "a.1",
        f"{'a' * 64}.org", "a." * 127 + "b", "*.example.org", "a:b.org", "[::1]", "\x00.org",
    ],
)  # fmt: skip
def test_what_is_inside_or_crooked_may_not_be_named(host: str) -> None:
    assert not egress.may_name(host)


CROOKED = [
    "", "x", "//hooks.example.org/", "http://", "https://", "https:///x", "ftp://hooks.example.org/", "file:///etc/passwd",
    "javascript:alert(1)", "https://[::1/", "https://hooks.example.org:0/", "https://hooks.example.org:99999/",
    "https://hooks.example.org:x/", "https://hooks.example.org:-1/", "https://u@hooks.example.org/",
    "https://u:p@hooks.example.org/", "https://:p@hooks.example.org/", "https://:@hooks.example.org/",
    "https://@hooks.example.org/", "https://hooks.example.org./", "https://hooks.example.org\\@evil.example/",
    "https://127.0.0.1\\@hooks.example.org/", "https://mañana.example/", "https://аррӏе.com/", "https://127.0.0.%31/",
    "https://hooks.example.org/\r\nx-a: b", "https://hooks.example.org/ HTTP/1.1", "https://hooks.example.org/\x00",
    "https://hooks.example.org/ñ", "https://hooks。example.org/", "\thttps://hooks.example.org/",
]  # fmt: skip


@pytest.mark.hard_case(22)
@pytest.mark.parametrize("url", CROOKED)
@pytest.mark.parametrize("loopback", [True, False])
async def test_a_crooked_url_is_not_dialled_even_where_it_got_past_registration(url: str, loopback: bool) -> None:
    if loopback and url in ("https://hooks.example.org./", "https://127.0.0.%31/"):
        return  # the sandbox does not look at names
    names = Names()
    result = await send(url, loopback=loopback, sender={"resolver": names})
    assert (result.outcome, result.status, names.asked) == (Outcome.FORBIDDEN_ADDRESS, None, [])


# -- what is dialled -------------------------------------------------------------------------------------


@pytest.mark.hard_case(20)
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "127.1", "0x7f000001", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]",
     "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[::1]", "[::]", "0.0.0.1", "0", "[fe80::1%25lo]"],
)  # fmt: skip
async def test_no_spelling_of_the_loopback_is_reached(host: str) -> None:
    async with wire(saying(OK)) as receiver:
        for url in (receiver.at(host), receiver.url.replace("127.0.0.1", host)):
            assert (await send(url, loopback=False)).outcome is Outcome.FORBIDDEN_ADDRESS
        assert receiver.connections == 0


async def test_outside_only_tls_is_spoken() -> None:
    names = Names(hooks_example_org=[["127.0.0.1"]])
    result = await send(f"http://{NAME}/", loopback=False, sender={"resolver": names})
    assert (result.outcome, names.asked) == (Outcome.FORBIDDEN_ADDRESS, [])


async def test_a_sister_may_be_inside() -> None:
    async with wire(saying(OK)) as receiver:
        for host in ("127.0.0.1", "localhost"):
            url = receiver.url.replace("127.0.0.1", host)
            result = await send(url, loopback=False, internal=True, sender={"resolver": Names()})
            assert result.outcome is Outcome.DELIVERED


@pytest.mark.hard_case(18)
@pytest.mark.parametrize(
    "inside", [["127.0.0.1"], ["::1"], ["10.0.0.1", "127.0.0.1"], ["169.254.169.254", "::ffff:127.0.0.1"]]
)
async def test_a_name_that_leads_inside_is_not_dialled(inside: list[str]) -> None:
    async with wire(saying(OK)) as receiver:
        names = {"resolver": Names(hooks_example_org=[inside])}
        result = await send(receiver.at(NAME), loopback=False, sender=names)
        assert (result.outcome, receiver.connections) == (Outcome.FORBIDDEN_ADDRESS, 0)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> str:
    """One address of this machine that counts as public; all others of it stay private."""
    address = "127.0.0.1"
    for module in (egress, sender):
        monkeypatch.setattr(module, "is_public", lambda asked: asked == address)
    return address


@pytest.mark.hard_case(18)
async def test_a_name_that_turns_inside_later_is_caught(outside: str, tmp_path: Any) -> None:
    async with wire(saying(OK), tls=presenting(NAME)) as receiver:
        names = Names(hooks_example_org=[[outside], ["::1", "127.0.0.2"]])
        async with sending(allow_loopback=False, resolver=names, trusted_ca=trusting(tmp_path)) as made:
            outcomes = []
            for _ in range(2):
                outcomes.append((await made.send(parcel(receiver.at(NAME)))).outcome)
                await asyncio.sleep(0.05)
                made._outside.connector.clear_dns_cache()  # type: ignore[union-attr]  # as ten seconds do
        assert outcomes == [Outcome.DELIVERED, Outcome.FORBIDDEN_ADDRESS]
        assert (receiver.connections, len(names.asked)) == (1, 2)


@pytest.mark.hard_case(19)
@pytest.mark.parametrize("order", [1, -1])
async def test_of_mixed_addresses_only_the_public_one_is_dialled(outside: str, order: int, tmp_path: Any) -> None:
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=presenting(NAME))
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    dialled: list[Any] = []

    def noting(info: Any) -> socket.socket:
        dialled.append(info[4][0])
        return egress.vetted_socket(info)

    async with wire(saying(OK), tls=presenting(NAME)) as receiver:
        names = Names(hooks_example_org=[["::1", outside, "10.0.0.1"][::order]])
        async with sending(allow_loopback=False, resolver=names, trusted_ca=trusting(tmp_path)) as made:
            made._outside.connector._socket_factory = noting  # type: ignore[union-attr]
            assert (await made.send(parcel(receiver.at(NAME)))).outcome is Outcome.DELIVERED
            down = await made.send(parcel(f"https://{NAME}:{port}/"))
        assert (down.outcome, dialled) == (Outcome.UNREACHABLE, [outside, outside])  # nor where it is down


async def test_a_socket_is_vetted_even_if_names_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "is_public", lambda _: True)
    async with wire(saying(OK)) as receiver:
        names = {"resolver": Names(hooks_example_org=[["127.0.0.1"]])}
        result = await send(receiver.at(NAME), loopback=False, sender=names)
        assert (result.outcome, receiver.connections) == (Outcome.FORBIDDEN_ADDRESS, 0)


async def test_an_expired_permit_leaves_no_socket_behind() -> None:
    made: list[socket.socket] = []

    def remembered(info: Any) -> socket.socket:
        made.append(open_socket(info))
        return made[-1]

    async with wire(saying(OK)) as mute, sending(timeout=10) as sending_out:
        sending_out._outside.connector._socket_factory = remembered  # type: ignore[union-attr]
        for _ in range(3):
            until = asyncio.get_running_loop().time() + 0.1
            ended = await sending_out.send(parcel(mute.at("127.0.0.1"), until=until))  # it waits for TLS
            assert ended.outcome is Outcome.PERMIT_EXPIRED
        await asyncio.sleep(0.05)
        assert [each.fileno() for each in made] == [-1] * 3


# -- names that do not resolve ---------------------------------------------------------------------------


@pytest.mark.hard_case(28)
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (socket.EAI_NONAME, Outcome.UNKNOWN_NAME), (socket.EAI_NODATA, Outcome.UNKNOWN_NAME),
        (socket.EAI_AGAIN, Outcome.UNREACHABLE), (socket.EAI_FAIL, Outcome.UNREACHABLE),
        (socket.EAI_SYSTEM, Outcome.UNREACHABLE),
    ],
)  # fmt: skip
async def test_a_name_that_does_not_exist_is_told_from_one_that_nobody_can_look_up(code: int, outcome: Outcome) -> None:
    names = {"resolver": Names(hooks_example_org=socket.gaierror(code, "no"))}
    for loopback in (True, False):
        assert (await send(f"https://{NAME}/", loopback=loopback, sender=names)).outcome is outcome


async def test_a_name_of_no_address_is_unreachable() -> None:
    names = {"resolver": Names(hooks_example_org=[[]])}
    assert (await send(f"https://{NAME}/", loopback=False, sender=names)).outcome is Outcome.UNREACHABLE


async def test_the_system_knows_the_loopback() -> None:
    async with wire(saying(OK)) as receiver:
        assert (await send(receiver.url.replace("127.0.0.1", "localhost"))).outcome is Outcome.DELIVERED
        assert (await send(receiver.url.replace("127.0.0.1", "localhost"), internal=True)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_where_nobody_listens_nobody_is_reached(host: str) -> None:
    for scheme in ("http", "https"):
        assert (await send(f"{scheme}://{host}:1/")).outcome is Outcome.UNREACHABLE


async def test_names_that_are_slow_to_resolve_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    real, ended = socket.getaddrinfo, threading.Event()

    def slow(host: Any, *rest: Any, **more: Any) -> Any:
        if str(host).startswith("slow"):
            ended.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    async with wire(saying(OK)) as receiver, sending(timeout=1) as made:
        stuck = [asyncio.create_task(made.send(parcel(f"http://slow{n}.example.org/"))) for n in range(50)]
        await asyncio.sleep(0.1)
        quick = await made.send(parcel(receiver.url.replace("127.0.0.1", "localhost")))
        sister = await made.send(parcel(receiver.url.replace("127.0.0.1", "localhost"), internal=True))
        assert (quick.outcome, sister.outcome) == (Outcome.DELIVERED, Outcome.DELIVERED)
        assert {each.outcome for each in await asyncio.gather(*stuck)} == {Outcome.TIMEOUT}
        ended.set()
