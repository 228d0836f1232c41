"""Which addresses a webhook may reach: public ones by allow-list, vetted when the socket is made.

Names, literals, redirects and rebinding all end in a socket, so this is the one place to look.
`ipaddress.is_global` is no help alone: it accepts NAT64, 6to4 and multicast addresses.
"""

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any

_PUBLIC_V6 = IPv6Network("2000::/3")
_RELAYS = IPv4Network("192.88.99.0/24")  # 6to4
_TUNNELS = tuple(IPv6Network(net) for net in ("2002::/16", "2001::/32", "2001:db8::/32", "3fff::/20"))


_INNER = frozenset({"localhost", "local", "internal", "lan", "home", "arpa", "onion"})


class ForbiddenAddress(OSError):
    """The name or literal leads to an address that is not a public one."""


def may_name(host: str) -> bool:
    """Whether an endpoint's URL may name this host: a full name, or a public address in its plain form."""
    last = host.rpartition(".")[2]
    if ":" in host or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):  # also 2130706433, 127.1 and 0x7f.1
        return is_public(host)
    return "." in host and last not in _INNER


def is_public(address: str) -> bool:
    """Whether a literal IP address is a public unicast one that embeds no other."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not parsed.is_multicast and parsed not in _RELAYS
    return parsed in _PUBLIC_V6 and parsed.is_global and not any(parsed in net for net in _TUNNELS)


def vetted_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for one resolved address (aiohttp's `socket_factory`), or refuse."""
    family, kind, protocol, _, address = address_info
    if not is_public(address[0]):
        raise ForbiddenAddress("not a public address")
    return open_socket((family, kind, protocol, "", address))


def open_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket without vetting: for sister services, and for the sandbox's loopback."""
    family, kind, protocol, _, _ = address_info
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made
