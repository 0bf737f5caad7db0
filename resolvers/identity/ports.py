"""What the identity use cases need from outside; `gateway.auth` provides it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from persistence.ids import SessionId, UserId


class Guess(StrEnum):
    """What is tried, and by whom it is counted."""

    LOGIN_BY_ADDRESS = "login by address"
    LOGIN_BY_ACCOUNT_AND_ADDRESS = "login by account and address"
    LOGIN_BY_ACCOUNT_ELSEWHERE = "login by account, addresses that it never logged in from"
    REGISTER_BY_ADDRESS = "register by address"
    REFRESH_BY_ADDRESS = "refresh by address"
    INVITE_BY_ADDRESS = "invite by address"


class GuessLimits(Protocol):
    """How often something may be tried. A limit ends by itself: nobody is locked out for good."""

    async def admit(self, guess: Guess, *subject: str) -> None:
        """Counts one guess by the subject. Raises TooManyAttempts."""

    async def forgive(self, guess: Guess, *subject: str) -> None:
        """Forgets the subject's guesses: the last one was right."""


class PasswordHasher(Protocol):
    async def hashed(self, password: str) -> str:
        """A salted hash to store."""

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is this password's. Of None it never is, after as much work."""

    def outdated(self, password_hash: str) -> bool:
        """Whether new passwords are hashed with other parameters."""


class AccessToken(msgspec.Struct, frozen=True):
    text: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"AccessToken(expires_at={self.expires_at!r})"


class AccessTokens(Protocol):
    def issued(self, user_id: UserId, session_id: SessionId) -> AccessToken:
        """A signed, short-lived token for one login of one user."""


class IdentityServices(msgspec.Struct, frozen=True):
    """What lives as long as the process."""

    passwords: PasswordHasher
    access_tokens: AccessTokens
    guess_limits: GuessLimits
    refresh_token_lifetime: timedelta
    """Of each refresh token; every refresh gives a new one."""
    invite_lifetime: timedelta
