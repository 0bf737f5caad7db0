"""Registering and changing the password."""

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from persistence.tables import users
from resolvers.context import Services
from resolvers.errors import Conflict, Forbidden, InvalidCredentials, TooManyAttempts, Unauthenticated
from resolvers.identity.accounts import PasswordChange, Registration, change_password, register
from resolvers.identity.sessions import LoginCredentials, RefreshToken, login, refresh
from resolvers.policy import Viewer
from tests.identity import PASSWORD, clocked, new_account, stranger

NEW = "another long password"


def registration(email: str, password: str = PASSWORD) -> Registration:
    return Registration(email=email, name="Ada", password=password)


async def accounts_of(services: Services, email: str) -> int:
    async with services.database.read_account() as session:
        return int(await session.scalar(select(func.count()).where(users.c.email == email)))


async def test_registered_user_is_signed_in_and_may_sign_in_again(services: Services) -> None:
    email = f"{services.random_token()[:12]}@Example.COM"
    context = stranger(services)
    user, signed_in = await register(context, registration(f"  {email} "))
    assert (user.email, user.name) == (email.lower(), "Ada")
    assert context.viewer == signed_in.viewer == Viewer(user_id=user.id, session_id=signed_in.session.session_id)
    again = await login(stranger(services), LoginCredentials(email=email, password=PASSWORD))
    assert again.viewer.user_id == user.id


async def test_taken_email_is_a_conflict_and_keeps_the_first_password(services: Services) -> None:
    account = await new_account(services)
    with pytest.raises(Conflict) as taken:
        await register(stranger(services), registration(account.email.upper(), NEW))
    assert taken.value.path == ("input", "email")
    assert await accounts_of(services, account.email) == 1
    with pytest.raises(InvalidCredentials):
        await login(stranger(services), LoginCredentials(email=account.email, password=NEW))


async def test_one_address_registers_at_most_thirty_accounts_an_hour(services: Services) -> None:
    own_services, _ = clocked(services)
    prefix = services.random_token()[:12].lower()
    for number in range(30):
        await register(stranger(own_services, "one address"), registration(f"{prefix}{number}@example.com"))
    with pytest.raises(TooManyAttempts):
        await register(stranger(own_services, "one address"), registration(f"{prefix}30@example.com"))
    assert await accounts_of(services, f"{prefix}30@example.com") == 0


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("eleven char", "password_too_short"),
        ("e\u0301" * 11, "password_too_short"),
        ("aaaaaaaaaaaaaaaa", "password_too_simple"),
        ("a" * 1_025, "string_too_long"),
        ("é" * 513, "password_too_long"),
        ("twelve chars\x00", "unstorable_character"),
    ],
)
def test_unfit_password_is_refused_with_its_reason(password: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        registration("ada@example.com", password)
    assert [error["type"] for error in refused.value.errors()] == [code]


@pytest.mark.parametrize("password", ["twelve chars", "éèêëéèêëéèêë", "a " * 512, "abc" * 341])
def test_any_long_password_is_accepted(password: str) -> None:
    assert registration("ada@example.com", password).password


def test_one_password_in_two_forms_of_unicode_is_one() -> None:
    composed, decomposed = "caf\u00e9 au lait, s.v.p.", "cafe\u0301 au lait, s.v.p."
    assert registration("a@b.example", composed).password == registration("a@b.example", decomposed).password


@pytest.mark.parametrize(
    "email",
    ["", "ada", "@example.com", "ada@", "ada@example", "a b@example.com", "ada@exa mple.com", "ada@-x.com", "a@b@c.com",
     "ada@example.com\nBcc: x@y.com", "a" * 65 + "@example.com", "a@" + "b" * 250 + ".com"],
)  # fmt: skip
def test_what_is_no_email_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        registration(email)


async def test_changed_password_ends_every_login_but_the_new_one(services: Services) -> None:
    account = await new_account(services)
    change = PasswordChange(current_password=PASSWORD, new_password=NEW)
    tokens = await change_password(account.context(), change)
    with pytest.raises(InvalidCredentials):
        await refresh(stranger(services), RefreshToken(refresh_token=account.tokens.refresh_token))
    with pytest.raises(InvalidCredentials):
        await login(stranger(services), LoginCredentials(email=account.email, password=PASSWORD))
    await refresh(stranger(services), RefreshToken(refresh_token=tokens.refresh_token))
    await login(stranger(services), LoginCredentials(email=account.email, password=NEW))


async def test_wrong_current_password_changes_nothing_and_is_counted(services: Services) -> None:
    own_services, _ = clocked(services)
    account = await new_account(own_services)
    change = PasswordChange(current_password=NEW, new_password=NEW)
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await change_password(account.context(), change)
    with pytest.raises(TooManyAttempts):
        await change_password(account.context(), change)
    await login(stranger(services), LoginCredentials(email=account.email, password=PASSWORD))
    await refresh(stranger(services), RefreshToken(refresh_token=account.tokens.refresh_token))


async def test_strangers_and_api_keys_have_no_password_to_change(services: Services) -> None:
    change = PasswordChange(current_password=PASSWORD, new_password=NEW)
    with pytest.raises(Unauthenticated):
        await change_password(stranger(services), change)
    context = stranger(services)
    context.become(Viewer(api_key_id=None, tenant_id=None))
    with pytest.raises(Forbidden):
        await change_password(context, change)
