"""What the identity use cases need, put together from the settings' values."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from redis.asyncio import Redis

from gateway.auth.access_tokens import Keyring
from gateway.auth.addresses import AddressHasher
from gateway.auth.guess_limits import Guesses
from gateway.auth.passwords import Passwords
from resolvers.identity.ports import IdentityServices


class Authentication(msgspec.Struct, frozen=True):
    """`identity` belongs into `resolvers.context.Services`, `keyring` and `addresses` into `gateway.context`."""

    identity: IdentityServices
    keyring: Keyring
    addresses: AddressHasher
    passwords: Passwords

    def close(self) -> None:
        self.passwords.close()


def open_authentication(
    *,
    signing_keys: Sequence[str],
    hash_key: str,
    access_token_lifetime: timedelta,
    refresh_token_lifetime: timedelta,
    invite_lifetime: timedelta,
    clock: Callable[[], datetime],
    redis: Redis | None,
) -> Authentication:
    """The caller closes it. `redis` counts guesses for all processes; its client stays the caller's."""
    keyring = Keyring(signing_keys, lifetime=access_token_lifetime, clock=clock)
    passwords = Passwords()
    identity = IdentityServices(
        passwords=passwords,
        access_tokens=keyring,
        guess_limits=Guesses(hash_key, redis),
        refresh_token_lifetime=refresh_token_lifetime,
        invite_lifetime=invite_lifetime,
    )
    return Authentication(identity=identity, keyring=keyring, addresses=AddressHasher(hash_key), passwords=passwords)
