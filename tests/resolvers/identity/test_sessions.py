"""Logins: passwords, the rotation of refresh tokens, and what ends a login."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from sqlalchemy import func, select

from persistence.repositories.accounts import Accounts
from persistence.tables import refresh_tokens, user_sessions
from resolvers.context import RequestContext, Services
from resolvers.errors import InvalidCredentials, TooManyAttempts
from resolvers.identity.secrets import secret_hash
from resolvers.identity.sessions import LoginCredentials, RefreshToken, SessionTokens, login, logout, refresh
from resolvers.policy import Role, Viewer
from tests.actors import new_tenant
from tests.identity import PASSWORD, Account, clocked, new_account, stranger, waits_for_a_lock


def credentials(email: str, password: str = PASSWORD) -> LoginCredentials:
    return LoginCredentials(email=email, password=password)


async def refreshed(services: Services, token: str) -> SessionTokens:
    return await refresh(stranger(services), RefreshToken(refresh_token=token))


async def revoked(account: Account, token: str) -> bool:
    async with account.services.database.write_account() as session:
        record = await Accounts(session).lock_refresh_token(secret_hash(token))
    assert record is not None
    return record.revoked_at is not None


async def logins(account: Account) -> int:
    async with account.services.database.read_account() as session:
        statement = select(func.count()).where(user_sessions.c.user_id == account.user_id)
        return int(await session.scalar(statement))


async def test_login_gives_tokens_and_the_operation_goes_on_as_the_user(services: Services) -> None:
    account = await new_account(services)
    context = stranger(services)
    signed_in = await login(context, credentials(account.email.upper()))
    assert signed_in.viewer == Viewer(user_id=account.user_id, session_id=signed_in.session.session_id)
    assert context.viewer == signed_in.viewer
    assert signed_in.session.refresh_token != account.tokens.refresh_token


async def test_login_starts_in_the_tenant_joined_first(services: Services) -> None:
    actor = await new_tenant(services, Role.ADMIN)
    async with services.database.write_account() as session:
        old = "no password"
        assert await Accounts(session).replace_password_hash(
            actor.user_id, old, PasswordHasher.from_parameters(CHEAPEST).hash(PASSWORD)
        )
    signed_in = await login(stranger(services), credentials(actor.email))
    expected = msgspec.structs.replace(actor.viewer, session_id=signed_in.session.session_id)
    assert signed_in.viewer == expected


async def test_wrong_password_and_unknown_email_say_the_same_and_begin_no_login(services: Services) -> None:
    account = await new_account(services)
    before = await logins(account)
    with pytest.raises(InvalidCredentials) as wrong:
        await login(stranger(services), credentials(account.email, "not the password"))
    with pytest.raises(InvalidCredentials) as unknown:
        await login(stranger(services), credentials("nobody@example.com", "not the password"))
    assert (wrong.value.message, wrong.value.path) == (unknown.value.message, unknown.value.path)
    assert await logins(account) == before


async def test_only_the_hash_of_a_refresh_token_is_stored(services: Services) -> None:
    account = await new_account(services)
    async with services.database.read_account() as session:
        stored = await session.rows(select(refresh_tokens.c.token_hash))
    hashes = {row[0] for row in stored}
    assert secret_hash(account.tokens.refresh_token) in hashes
    assert account.tokens.refresh_token not in hashes


async def test_secrets_are_not_in_the_text_of_values(services: Services) -> None:
    account = await new_account(services)
    shown = repr([account, credentials(account.email), RefreshToken(refresh_token=account.tokens.refresh_token)])
    assert PASSWORD not in shown
    assert account.tokens.refresh_token not in shown
    assert account.tokens.access_token not in shown


async def test_password_is_hashed_anew_when_the_parameters_changed(services: Services) -> None:
    account = await new_account(services)
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    async with services.database.write_account() as session:
        known = await Accounts(session).credentials(account.email, "")
        assert known is not None
        await Accounts(session).replace_password_hash(account.user_id, known.password_hash, old)
    await login(stranger(services), credentials(account.email))
    async with services.database.read_account() as session:
        known = await Accounts(session).credentials(account.email, "")
    assert known is not None
    assert known.password_hash != old
    assert not services.identity.passwords.outdated(known.password_hash)


async def test_refresh_gives_the_next_tokens_of_the_same_login(services: Services) -> None:
    account = await new_account(services)
    first = await refreshed(services, account.tokens.refresh_token)
    second = await refreshed(services, first.refresh_token)
    assert len({account.tokens.refresh_token, first.refresh_token, second.refresh_token}) == 3
    assert await logins(account) == 1


async def test_reuse_of_a_refresh_token_ends_the_family(services: Services) -> None:
    account = await new_account(services)
    following = await refreshed(services, account.tokens.refresh_token)
    with pytest.raises(InvalidCredentials):
        await refreshed(services, account.tokens.refresh_token)
    assert await revoked(account, following.refresh_token)
    with pytest.raises(InvalidCredentials):
        await refreshed(services, following.refresh_token)


async def test_reuse_ends_no_other_login_of_the_user(services: Services) -> None:
    account = await new_account(services)
    other = await login(stranger(services), credentials(account.email))
    await refreshed(services, account.tokens.refresh_token)
    with pytest.raises(InvalidCredentials):
        await refreshed(services, account.tokens.refresh_token)
    assert (await refreshed(services, other.session.refresh_token)).refresh_token


async def test_refresh_waits_for_the_one_under_way_and_counts_as_reuse(services: Services) -> None:
    account = await new_account(services)
    token_hash = secret_hash(account.tokens.refresh_token)
    async with services.database.write_account() as session:
        await Accounts(session).lock_refresh_token(token_hash)
        second = asyncio.create_task(refreshed(services, account.tokens.refresh_token))
        await waits_for_a_lock(services.database, second)
        await Accounts(session).mark_used(token_hash, services.clock())
    with pytest.raises(InvalidCredentials):
        await second
    assert await revoked(account, account.tokens.refresh_token)


async def test_of_two_concurrent_refreshes_one_succeeds_and_the_family_ends(services: Services) -> None:
    account = await new_account(services)
    outcomes = await asyncio.gather(
        refreshed(services, account.tokens.refresh_token),
        refreshed(services, account.tokens.refresh_token),
        return_exceptions=True,
    )
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, SessionTokens)]
    [loser] = [outcome for outcome in outcomes if isinstance(outcome, InvalidCredentials)]
    assert loser.code == "INVALID_CREDENTIALS"
    assert await revoked(account, winner.refresh_token)


async def test_expired_refresh_token_is_refused_and_stays_unused(services: Services) -> None:
    clocked_services, clock = clocked(services)
    account = await new_account(clocked_services)
    clock.now += timedelta(days=30)
    with pytest.raises(InvalidCredentials):
        await refreshed(clocked_services, account.tokens.refresh_token)
    clock.now -= timedelta(seconds=1)
    assert (await refreshed(clocked_services, account.tokens.refresh_token)).refresh_token


async def test_login_forgets_the_users_expired_tokens_and_no_others(services: Services) -> None:
    clocked_services, clock = clocked(services)
    account = await new_account(clocked_services)
    clock.now += timedelta(days=31)
    second = await login(stranger(clocked_services), credentials(account.email))
    await login(stranger(clocked_services), credentials(account.email))
    async with services.database.write_account() as session:
        accounts = Accounts(session)
        assert await accounts.lock_refresh_token(secret_hash(account.tokens.refresh_token)) is None
        assert await accounts.lock_refresh_token(secret_hash(second.session.refresh_token)) is not None


@pytest.mark.parametrize("token", ["", "x" * 43, "pgk_1_" + "x" * 43])
async def test_unknown_refresh_token_is_refused(services: Services, token: str) -> None:
    with pytest.raises(InvalidCredentials):
        await refreshed(services, token)


async def test_logout_ends_the_login_for_good_and_may_be_repeated(services: Services) -> None:
    account = await new_account(services)
    token = RefreshToken(refresh_token=account.tokens.refresh_token)
    await logout(stranger(services), token)
    await logout(stranger(services), token)
    assert await revoked(account, account.tokens.refresh_token)
    with pytest.raises(InvalidCredentials):
        await refreshed(services, account.tokens.refresh_token)


async def test_logout_with_an_unknown_token_says_the_same(services: Services) -> None:
    await logout(stranger(services), RefreshToken(refresh_token="x" * 43))


async def wrong_guesses(contexts: list[RequestContext], email: str) -> list[type[Exception]]:
    """The error of each wrong guess, one guess from each context."""
    found: list[type[Exception]] = []
    for context in contexts:
        with pytest.raises((InvalidCredentials, TooManyAttempts)) as error:
            await login(context, credentials(email, "a wrong password"))
        found.append(error.type)
    return found


@pytest.mark.parametrize("known", [True, False])
async def test_the_eleventh_guess_at_an_account_from_one_address_is_refused(services: Services, known: bool) -> None:
    own_services, _ = clocked(services)
    email = (await new_account(own_services)).email if known else "nobody.at.all@example.com"
    guesses = [stranger(own_services, "one address") for _ in range(11)]
    assert await wrong_guesses(guesses, email) == [InvalidCredentials] * 10 + [TooManyAttempts]


async def test_guesses_side_by_side_are_counted(services: Services) -> None:
    own_services, _ = clocked(services)
    account = await new_account(own_services)
    outcomes = await asyncio.gather(
        *(
            login(stranger(own_services, "one address"), credentials(account.email, "a wrong password"))
            for _ in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, InvalidCredentials) for outcome in outcomes) == 10
    assert sum(isinstance(outcome, TooManyAttempts) for outcome in outcomes) == 10


async def test_guesses_from_elsewhere_stop_elsewhere_but_not_the_owner_at_a_known_address(services: Services) -> None:
    own_services, _ = clocked(services)
    account = await new_account(own_services)
    guesses = [stranger(own_services, f"attacker {number}") for number in range(21)]
    assert await wrong_guesses(guesses, account.email) == [InvalidCredentials] * 20 + [TooManyAttempts]
    with pytest.raises(TooManyAttempts) as refused:
        await login(stranger(own_services, "elsewhere"), credentials(account.email))
    assert 1 <= refused.value.retry_after <= 15 * 60
    assert (await login(stranger(own_services, account.address), credentials(account.email))).viewer.user_id


async def test_one_address_may_not_try_one_password_on_every_account(services: Services) -> None:
    own_services, _ = clocked(services)
    for number in range(100):
        assert await wrong_guesses([stranger(own_services, "sprayer")], f"user{number}@example.com") == [
            InvalidCredentials
        ]
    assert await wrong_guesses([stranger(own_services, "sprayer")], "user100@example.com") == [TooManyAttempts]


async def test_a_right_password_forgives_the_wrong_ones_before(services: Services) -> None:
    own_services, _ = clocked(services)
    account = await new_account(own_services)
    home = [stranger(own_services, account.address) for _ in range(9)]
    for _ in range(2):
        assert await wrong_guesses(home, account.email) == [InvalidCredentials] * 9
        await login(stranger(own_services, account.address), credentials(account.email))


async def test_refused_guess_hashes_nothing(services: Services) -> None:
    own_services, _ = clocked(services)
    account = await new_account(own_services)
    await wrong_guesses([stranger(own_services, "one address") for _ in range(10)], account.email)
    hashed: list[str] = []

    class Counting:
        async def hashed(self, password: str) -> str:
            raise AssertionError

        async def matches(self, password: str, password_hash: str | None) -> bool:
            hashed.append(password)
            return False

        def outdated(self, password_hash: str) -> bool:
            raise AssertionError

    identity = msgspec.structs.replace(own_services.identity, passwords=Counting())
    counted = msgspec.structs.replace(own_services, identity=identity)
    assert await wrong_guesses([stranger(counted, "one address")], account.email) == [TooManyAttempts]
    assert hashed == []
