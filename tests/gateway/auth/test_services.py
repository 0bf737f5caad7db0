"""The services of identity as a process gets them."""

from datetime import timedelta

import pytest

from gateway.auth.services import open_authentication
from persistence.ids import SessionId, UserId
from resolvers.errors import TooManyAttempts
from resolvers.identity.ports import Guess
from tests.identity import SIGNING_KEY, Clock


async def test_parts_work_together_with_the_values_of_the_settings() -> None:
    clock = Clock()
    opened = open_authentication(
        signing_keys=[SIGNING_KEY],
        hash_key="a hash key",
        access_token_lifetime=timedelta(minutes=5),
        refresh_token_lifetime=timedelta(days=10),
        invite_lifetime=timedelta(days=2),
        clock=clock,
        redis=None,
    )
    token = opened.identity.access_tokens.issued(UserId(1), SessionId(2))
    assert token.expires_at == clock.now + timedelta(minutes=5)
    assert opened.keyring.verified(token.text).user_id == 1
    assert opened.identity.refresh_token_lifetime == timedelta(days=10)
    assert opened.identity.invite_lifetime == timedelta(days=2)
    for _ in range(10):
        await opened.identity.guess_limits.admit(Guess.LOGIN_BY_ACCOUNT_AND_ADDRESS, "ada", "home")
    with pytest.raises(TooManyAttempts):
        await opened.identity.guess_limits.admit(Guess.LOGIN_BY_ACCOUNT_AND_ADDRESS, "ada", "home")
    opened.close()
