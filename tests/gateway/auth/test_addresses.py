"""Client addresses as keyed hashes."""

import pytest

from gateway.auth.addresses import AddressHasher

hasher = AddressHasher("a key")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        (None, None, True),
        (None, "192.0.2.1", False),
        ("testclient", "another name", False),
    ],
)
def test_addresses_of_one_customer_are_one(one: str | None, other: str | None, same: bool) -> None:
    assert (hasher.hashed(one) == hasher.hashed(other)) is same


def test_hash_needs_the_key_and_does_not_hold_the_address() -> None:
    hashed = hasher.hashed("192.0.2.1")
    assert len(hashed) == 32
    assert "192" not in hashed or hashed != AddressHasher("another key").hashed("192.0.2.1")
    assert hashed != AddressHasher("another key").hashed("192.0.2.1")
