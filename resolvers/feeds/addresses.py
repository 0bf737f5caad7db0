"""Which network addresses a feed may be fetched from: public ones, whatever they are wrapped in."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[IPAddress]]]
"""A host name and a port to the addresses to connect to; empty if there are none."""

# Python's is_global misses some of these and calls others global, differently in each release: hence our own list,
# IANA's special-purpose registries of 2025, and is_global on top of it.
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48"),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


async def system_addresses(host: str, port: int) -> Sequence[IPAddress]:
    """What the machine's resolver says. The caller sets the timeout."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # no such name; a label that no name can have
        return ()
    return tuple(dict.fromkeys(ip_address(str(address[0])) for *_, address in found))


def literal_address(host: str) -> IPAddress | None:
    """The address that `host` spells out, also in the octal, hexadecimal and short forms that resolvers accept.

    None: `host` is a name. Raises ValueError where it looks like a number and is no address.
    """
    name = host.removesuffix(".")
    if ":" in name:
        return ip_address(name)
    if _NUMBER.fullmatch(name.rpartition(".")[2]) is None:
        return None
    try:
        return IPv4Address(socket.inet_aton(name))
    except OSError as error:
        raise ValueError(name) from error


def is_public(address: IPAddress) -> bool:
    """False for every address that reaches this machine, its network or nobody; wrapped addresses are unwrapped.

    6to4, Teredo and IPv4-compatible addresses are refused whatever they carry: no host is reached that way any more.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def may_fetch_from(address: IPAddress, allowed: Sequence[IPNetwork]) -> bool:
    """True for public addresses and for those within `allowed`."""
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
    return is_public(address) or any(inner in network for network in allowed)
