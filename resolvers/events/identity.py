"""Who an event is and whose it is: ids of idempotency keys, households of network addresses.

Both are 62 bits of blake2b, so that they are the same wherever they are computed and nobody can count by them.
"""

import socket
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from persistence.ids import EventId, TenantId

_UNUSED_BITS: Final = 2
"""Of 64, which leaves what a bigint and every typed id can hold."""

_NOT_PUBLIC_V4: Final = (
    "0.0.0.0/8",  # unspecified
    "10.0.0.0/8",
    "100.64.0.0/10",  # shared by the customers of a carrier: many households
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "224.0.0.0/3",  # multicast, reserved, broadcast
)
"""Ranges of RFC 6890 that are nobody's home. Those for documentation are taken: examples and tests use them."""

_NOT_PUBLIC_V6: Final = (
    "::/3",  # unspecified, loopback, translated; IPv4-mapped addresses are IPv4
    "2001::/23",  # tunnels: one /64 for all clients of a Teredo server
    "4000::/2",
    "8000::/1",  # unique local, link-local, multicast
)
"""All but 2000::/3, which alone is global unicast, and what in it names no customer."""

_MAPPED: Final = bytes(10) + b"\xff\xff"
_V6_NETWORK_BYTES: Final = 8
"""A /64: the least that one customer of a provider has."""


class AddressNotPublic(Exception):
    """The address names no household that could be told from others."""


def event_id(tenant_id: TenantId, key: str) -> EventId:
    """The id of the tenant's event with this idempotency key. Raises UnicodeEncodeError for half a surrogate pair."""
    digest = blake2b(key.encode(), digest_size=8, person=_of_tenant(tenant_id)).digest()
    return EventId(_positive(digest))


class Households:
    """Households of one tenant: the same address is another household for another tenant."""

    def __init__(self, secret: str, tenant_id: TenantId) -> None:
        self._key = blake2b(secret.encode(), digest_size=32, person=_of_tenant(tenant_id)).digest()

    def household(self, address: str) -> int:
        """The same for all IPv6 addresses of one /64. Raises ValueError for what is no address, AddressNotPublic."""
        return _positive(blake2b(_network(address), digest_size=8, key=self._key).digest())


def _network(address: str) -> bytes:
    # inet_pton takes a third of the time of `ipaddress`, and no leading zeros or zones either.
    try:
        if ":" not in address:
            return _public(socket.inet_pton(socket.AF_INET, address), _V4_BOUNDS)
        packed = socket.inet_pton(socket.AF_INET6, address)
    except OSError:
        raise ValueError("no address") from None
    if packed.startswith(_MAPPED):
        return _public(packed[len(_MAPPED) :], _V4_BOUNDS)
    return _public(packed, _V6_BOUNDS)[:_V6_NETWORK_BYTES]


def _public(packed: bytes, bounds: Sequence[bytes]) -> bytes:
    # `bounds` are first and last addresses in turn: an odd number of them below means within a range.
    position = bisect_right(bounds, packed)
    if position % 2 or (position and bounds[position - 1] == packed):
        raise AddressNotPublic
    return packed


def _bounds(networks: Sequence[IPv4Network | IPv6Network]) -> tuple[bytes, ...]:
    return tuple(end.packed for network in networks for end in (network.network_address, network.broadcast_address))


_V4_BOUNDS: Final = _bounds([IPv4Network(network) for network in _NOT_PUBLIC_V4])
_V6_BOUNDS: Final = _bounds([IPv6Network(network) for network in _NOT_PUBLIC_V6])


def _of_tenant(tenant_id: TenantId) -> bytes:
    return tenant_id.to_bytes(8)


def _positive(digest: bytes) -> int:
    return int.from_bytes(digest) >> _UNUSED_BITS or 1
