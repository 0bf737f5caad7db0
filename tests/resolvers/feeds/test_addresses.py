"""Which addresses are public."""

from ipaddress import ip_address, ip_network

import pytest

from resolvers.feeds.addresses import is_public, literal_address, may_fetch_from, system_addresses

PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254"),  # noqa: S104  # not bound to
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1"),
    *("100::1", "2001::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12::1"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
]
PUBLIC = ["8.8.8.8", "100.128.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_special_address_is_not_public(address: str) -> None:
    assert is_public(ip_address(address)) is False


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_address_is_public(address: str) -> None:
    assert is_public(ip_address(address)) is True


def test_allowed_network_admits_its_addresses_and_no_others() -> None:
    allowed = [ip_network("127.0.0.1/32")]
    assert may_fetch_from(ip_address("127.0.0.1"), allowed)
    assert may_fetch_from(ip_address("::ffff:127.0.0.1"), allowed)
    assert not may_fetch_from(ip_address("127.0.0.2"), allowed)
    assert not may_fetch_from(ip_address("::1"), allowed)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("8.8.8.8.", "8.8.8.8"),
        ("0x7f.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("3232235777", "192.168.1.1"),
        ("::1", "::1"),
    ],
)
def test_literal_is_read_as_resolvers_read_it(host: str, address: str) -> None:
    assert literal_address(host) == ip_address(address)


@pytest.mark.parametrize("host", ["a.example", "1.example", "x7f", "0x.example", "dead.beef"])
def test_name_is_no_literal(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize("host", ["1.2.3.4.5", "256.256.256.256", "a.1", "1:2"])
def test_malformed_literal_is_an_error(host: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the message is ipaddress' own
        literal_address(host)


async def test_system_resolver_knows_the_machine_itself_and_no_impossible_name() -> None:
    assert ip_address("127.0.0.1") in await system_addresses("localhost", 80)
    assert await system_addresses("a" * 64 + ".invalid", 80) == ()
