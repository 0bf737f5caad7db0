"""Ids come of keys, households of addresses; neither says what it came of."""

import ipaddress

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from persistence.ids import TenantId
from resolvers.events.identity import AddressNotPublic, Households, event_id

TENANT, OTHER = TenantId(7), TenantId(8)
HOUSEHOLDS = Households("a secret", TENANT)


def test_id_of_a_key_never_changes() -> None:
    assert event_id(TENANT, "order-1") == 1657803335285860304


def test_same_key_has_another_id_in_another_tenant() -> None:
    assert event_id(TENANT, "order-1") != event_id(OTHER, "order-1")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128))
def test_ids_are_positive_and_have_62_bits(key: str) -> None:
    assert 0 < event_id(TENANT, key) < 2**62


def test_household_never_changes() -> None:
    assert HOUSEHOLDS.household("203.0.113.7") == 2690236918809424413


def test_household_is_another_one_for_another_tenant_or_secret() -> None:
    found = {
        HOUSEHOLDS.household("203.0.113.7"),
        Households("a secret", OTHER).household("203.0.113.7"),
        Households("another secret", TENANT).household("203.0.113.7"),
    }
    assert len(found) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("203.0.113.7", "::ffff:cb00:7107"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("2001:DB8:1:2::1", "2001:0db8:0001:0002::9"),
    ],
)
def test_addresses_of_one_household(one: str, other: str) -> None:
    assert HOUSEHOLDS.household(one) == HOUSEHOLDS.household(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("203.0.113.7", "203.0.113.8"), ("2001:db8:1:2::1", "2001:db8:1:3::1"), ("192.0.2.1", "2001:db8::")],
)
def test_addresses_of_two_households(one: str, other: str) -> None:
    assert HOUSEHOLDS.household(one) != HOUSEHOLDS.household(other)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.1", "10.0.0.0", "10.255.255.255", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1"),
        *("172.31.255.255", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "fdff::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::808:808", "2001::1"),
    ],
)
def test_address_that_is_nobodys_home(address: str) -> None:
    with pytest.raises(AddressNotPublic):
        HOUSEHOLDS.household(address)


@pytest.mark.parametrize(
    "address",
    [
        "9.255.255.255",
        "11.0.0.0",
        "172.32.0.0",
        "192.0.2.1",
        "198.51.100.1",
        "223.255.255.255",
        "2001:db8::1",
        "2a00::1",
    ],
)
def test_address_beside_the_ranges_is_taken(address: str) -> None:
    assert 0 < HOUSEHOLDS.household(address) < 2**62


@pytest.mark.parametrize(
    "text",
    ["", "x", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", " 1.2.3.4", "1.2.3.4\x00", "2a00::1%eth0", "\ud800", ":"],
)
def test_text_that_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        HOUSEHOLDS.household(text)


DOCUMENTATION = [ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


@given(st.ip_addresses(v=4))
@example(ipaddress.ip_address("192.0.0.9"))
@example(ipaddress.ip_address("233.0.0.1"))
def test_ipv4_addresses_of_the_internet_and_for_documentation_are_homes(address: ipaddress.IPv4Address) -> None:
    home = address.is_global and not address.is_multicast and address not in ipaddress.ip_network("192.0.0.0/24")
    assert is_home(str(address)) == (home or any(address in network for network in DOCUMENTATION))


@given(st.ip_addresses(v=6) | st.ip_addresses(v=6, network="2000::/3") | st.ip_addresses(v=6, network="2001::/22"))
def test_ipv6_addresses_that_are_global_unicast_are_homes(address: ipaddress.IPv6Address) -> None:
    # An IPv4-mapped address is the IPv4 address.
    assume(address.ipv4_mapped is None)
    home = address in ipaddress.ip_network("2000::/3") and address not in ipaddress.ip_network("2001::/23")
    assert is_home(str(address)) == home


def is_home(address: str) -> bool:
    try:
        HOUSEHOLDS.household(address)
    except AddressNotPublic:
        return False
    return True
