"""Client addresses as keyed hashes: enough to recognise one, too little to find out whose it is."""

import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_IPV6_PREFIX: Final = 64
"""One customer of a provider has at least a /64, and could take a new address of it for every guess."""


_REMEMBERED: Final = 1_000
"""Addresses whose hashes a process remembers, those seen last."""


class AddressHasher:
    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._remembered = lru_cache(_REMEMBERED)(self._hashed)

    def hashed(self, address: str | None) -> str:
        """The same for all IPv6 addresses of one /64. None: no address is known, as behind a Unix socket."""
        return self._remembered(address)

    def _hashed(self, address: str | None) -> str:
        return hmac.digest(self._key, _network(address).encode(), "sha256").hex()[:32]


def _network(address: str | None) -> str:
    if address is None:
        return "unknown"
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
