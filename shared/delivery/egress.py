"""Which addresses a webhook may reach: public ones by allow-list, vetted when the socket is made.

Names, literals, redirects and rebinding all end in a socket, so this is the one place to look.
`ipaddress.is_global` is no help alone: it accepts NAT64, 6to4 and multicast addresses.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

_PUBLIC_V6 = IPv6Network("2000::/3")
_TUNNELS = tuple(IPv6Network(net) for net in ("2002::/16", "2001::/32", "2001:db8::/32", "3fff::/20"))


class ForbiddenAddress(OSError):
    """The name or literal leads to an address that is not a public one."""


def is_public(address: str) -> bool:
    """Whether a literal IP address is a public unicast one that embeds no other."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not parsed.is_multicast
    assert isinstance(parsed, IPv6Address)
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
