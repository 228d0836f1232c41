"""Where a webhook may go, and by which way: public addresses by allow-list, and our own proxy where there is one.

Names, literals, redirects and rebinding all end in a socket, so addresses are vetted where it is made.
`ipaddress.is_global` is no help: it accepts NAT64, 6to4 and multicast, and its answers differ between
versions of Python. The ranges below are those of IANA's registries of special-purpose addresses.
"""

import asyncio
import base64
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote

from shared.delivery.rules import Outcome

_NOT_PUBLIC_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16",  # this network, loopback, link-local
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",  # private, and carriers' own
        "168.63.129.16/32",  # looks public, yet is the host below a guest of Azure
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15",  # documentation, measurements
        "192.31.196.0/24", "192.175.48.0/24",  # AS112, a sink
        "192.52.193.0/24", "192.88.99.0/24",  # relays: AMT, 6to4
        "224.0.0.0/4", "240.0.0.0/4",  # multicast, reserved, broadcast
    )
)  # fmt: skip
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # Teredo, ORCHID, measurements, IETF protocols
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back
    )
)  # fmt: skip
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""Third quarter of an IPv6 address whose last quarter is an IPv4 address to tunnel to (RFC 5214, 6.1)."""

_INNER = frozenset({
    "localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private", "svc", "arpa",
    "onion", "alt",
})  # fmt: skip
_LOOK_UPS = 64
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


class NoWay(OSError):
    """Nothing of the message left, or will: `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def may_name(host: str) -> bool:
    """Whether an endpoint's URL may name this host: a full name, or a public address in its plain form."""
    host = host.lower()
    labels = host.split(".")
    if ":" in host or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # also 2130706433, 127.1 and 0x7f.1
        return is_public(host)
    full = len(labels) > 1 and len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    return full and labels[-1] not in _INNER


def is_public(address: str) -> bool:
    """Whether a literal IP address is a public unicast one that embeds no other."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in net for net in _NOT_PUBLIC_V4)
    if parsed.scope_id or int(parsed) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return False
    return parsed in _PUBLIC_V6 and not any(parsed in net for net in _NOT_PUBLIC_V6)


def vetted_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for one resolved address (aiohttp's `socket_factory`), or refuse. Raises NoWay."""
    if not is_public(address_info[4][0]):
        raise NoWay(Outcome.FORBIDDEN_ADDRESS)
    return open_socket(address_info)


def open_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket without vetting: for sister services, our proxy, and the sandbox's loopback."""
    family, kind, protocol, _, _ = address_info
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


class LookUps:
    """Asks the operating system for addresses, in threads of its own: slow names would hold uvloop's four."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="names")

    async def ask(self, host: str, port: int, family: socket.AddressFamily) -> list[tuple[Any, ...]]:
        """Return what `socket.getaddrinfo` says of streams. Raises socket.gaierror."""
        ask = partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


# -- our own proxy ---------------------------------------------------------------------------------

_PROXY = re.compile(
    r"http://((?P<user>[^:@/]+):(?P<password>[^:@/]*)@)?(?P<host>[A-Za-z0-9._-]+|\[[0-9a-f:]+\]):(?P<port>[0-9]{1,5})/?"
)
_ANSWER_BYTES = 16 * 1024
_STATUS = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})( .*)?")
_FAULT = re.compile(r'^(?:proxy-status:.*?;\s*error="?|x-squid-error:\s*)([a-z_]+)', re.IGNORECASE | re.MULTILINE)
_FAULTS = {
    "destination_ip_prohibited": Outcome.FORBIDDEN_ADDRESS,
    "connection_timeout": Outcome.TIMEOUT,
    **dict.fromkeys(
        ("dns_timeout", "dns_error", "destination_not_found", "destination_unavailable", "destination_ip_unroutable",
         "connection_refused", "connection_terminated", "err_dns_fail", "err_connect_fail"),
        Outcome.UNREACHABLE,
    ),
}  # fmt: skip
"""What a proxy may say of the receiver, in `Proxy-Status` (RFC 9209, 2.3) or as Squid does."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Our own way out, and how we make ourselves known to it."""

    host: str
    port: int
    authorization: str | None = None

    @classmethod
    def parse(cls, url: str) -> "Proxy":
        """Read `http://[user:password@]host:port`. Raises ValueError, which does not quote it."""
        found = _PROXY.fullmatch(url)
        if found is None or int(found["port"]) not in range(1, 65536):
            raise ValueError("The egress proxy is http://host:port, with user:password@ before the host if it asks.")
        known = None
        if found["user"] is not None:
            pair = f"{unquote(found['user'])}:{unquote(found['password'])}"
            known = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(found["host"].strip("[]"), int(found["port"]), known)

    async def tunnel(self, host: str, port: int, patience: float) -> socket.socket:
        """Return a socket that the proxy has connected to a receiver. It must be reached in `patience` seconds.

        Raises NoWay: PROXY_DOWN, or what the proxy says of the receiver.
        """
        made = await self._reach(patience)
        try:
            _judge(await self._ask(made, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))
        except BaseException:
            made.close()
            raise
        return made

    async def _reach(self, patience: float) -> socket.socket:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(patience):
                for found in await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                    if (made := await _connected(found)) is not None:
                        return made
        except (OSError, UnicodeError):  # its name or its network, or `patience` is over
            pass
        raise NoWay(Outcome.PROXY_DOWN)

    async def _ask(self, made: socket.socket, target: str) -> str:
        loop = asyncio.get_running_loop()
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        head = b""
        try:
            await loop.sock_sendall(made, "\r\n".join([*lines, "", ""]).encode("ascii"))
            while b"\r\n\r\n" not in head and len(head) < _ANSWER_BYTES:
                piece = await loop.sock_recv(made, 4096)
                if not piece:
                    break
                head += piece
        except OSError:
            head = b""
        return head.decode("latin-1")


async def _connected(address_info: tuple[Any, ...]) -> socket.socket | None:
    made = open_socket(address_info)
    try:
        await asyncio.get_running_loop().sock_connect(made, address_info[4])
    except OSError:
        made.close()
        return None
    except BaseException:
        made.close()
        raise
    return made


def _judge(answer: str) -> None:
    """Return if a proxy's answer to CONNECT says that we are connected, and nothing more. Raises NoWay."""
    head, end, rest = answer.partition("\r\n\r\n")
    status = _STATUS.fullmatch(head.partition("\r\n")[0])
    if not end or status is None:
        raise NoWay(Outcome.PROXY_DOWN)
    if status[1].startswith("2"):
        if rest:  # behind TLS the receiver speaks second: this is somebody else
            raise NoWay(Outcome.PROXY_DOWN)
        return
    if status[1] == "403":
        raise NoWay(Outcome.FORBIDDEN_ADDRESS)
    fault = _FAULT.search(head)
    raise NoWay(_FAULTS.get(fault[1].lower(), Outcome.PROXY_DOWN) if fault else Outcome.PROXY_DOWN)
