"""Identity services for tests: real, with argon2 parameters that are too cheap for anything else."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from argon2.profiles import CHEAPEST
from sqlalchemy import text

from gateway.auth.access_tokens import Keyring
from gateway.auth.guess_limits import Guesses
from gateway.auth.passwords import Passwords
from persistence.database import Database
from persistence.ids import TenantId, UserId
from resolvers.context import RequestContext, Services
from resolvers.identity.accounts import Registration, register
from resolvers.identity.ports import IdentityServices
from resolvers.identity.sessions import SessionTokens
from resolvers.policy import Role, Viewer

PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - opens accounts of tests alone
SIGNING_KEY: Final = "a signing key of the tests, 32 bytes and more"


def now() -> datetime:
    return datetime.now(UTC)


def keyring(clock: Callable[[], datetime] = now) -> Keyring:
    return Keyring([SIGNING_KEY], lifetime=timedelta(minutes=15), clock=clock)


def identity_services(clock: Callable[[], datetime] = now) -> IdentityServices:
    return IdentityServices(
        passwords=Passwords(CHEAPEST),
        access_tokens=keyring(clock),
        guess_limits=Guesses("the tests' hash key", None),
        refresh_token_lifetime=timedelta(days=30),
        invite_lifetime=timedelta(days=7),
    )


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def clocked(services: Services) -> tuple[Services, Clock]:
    """The same process, with guesses counted from zero and a clock to move."""
    clock = Clock()
    return msgspec.structs.replace(services, clock=clock, identity=identity_services(clock)), clock


def stranger(services: Services, address: str | None = None) -> RequestContext:
    """Nobody yet, at an address of their own unless one is given."""
    return RequestContext(services, None, address or services.random_token())


class Account(msgspec.Struct, frozen=True):
    """A registered user, and the login that came with registering."""

    services: Services
    user_id: UserId
    email: str
    address: str
    tokens: SessionTokens

    def context(self, tenant_id: TenantId | None = None, role: Role | None = None) -> RequestContext:
        viewer = Viewer(user_id=self.user_id, session_id=self.tokens.session_id, tenant_id=tenant_id, role=role)
        return RequestContext(self.services, viewer, self.address)


async def new_account(services: Services, email: str | None = None) -> Account:
    """A user who registered with PASSWORD from an address of their own, and has no tenant."""
    email = email or f"{services.random_token()[:12].lower()}@example.com"
    context = stranger(services)
    user, signed_in = await register(context, Registration(email=email, name="Ada", password=PASSWORD))
    return Account(services, user.id, user.email, context.address_hash, signed_in.session)


async def waits_for_a_lock(database: Database, task: asyncio.Task[Any]) -> None:
    """Returns when the task's statement waits for another transaction, or when the task is done without waiting."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(10), database.read_account() as session:
        while not task.done() and not await session.scalar(waiting):
            await asyncio.sleep(0.005)
