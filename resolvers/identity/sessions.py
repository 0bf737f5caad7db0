"""Logins. Each login begins a family of refresh tokens: every refresh uses one up and gives the next.

A token that is used twice has been stolen or raced: its whole family ends, also for whoever came first, because
nobody can tell which of the two is the thief. An ended family's access tokens are refused at once (`gateway.context`).
"""

from datetime import datetime

import msgspec
from pydantic import BaseModel, Field

from persistence.ids import SessionId, UserId
from persistence.repositories.accounts import Accounts, Credentials, RefreshTokenRecord
from persistence.repositories.tenants import memberships_of
from persistence.sessions import Session
from resolvers.context import RequestContext
from resolvers.errors import InvalidCredentials
from resolvers.identity.ports import Guess
from resolvers.identity.secrets import secret_hash
from resolvers.identity.values import EmailAddress, Password, SecretText
from resolvers.policy import Role, Viewer


class LoginCredentials(BaseModel):
    email: EmailAddress = Field(description="The account's email address; case does not matter.")
    password: Password = Field(description="The account's password.", repr=False)


class RefreshToken(BaseModel):
    refresh_token: SecretText = Field(description="The refresh token that was given last.", repr=False)


class SessionTokens(msgspec.Struct, frozen=True):
    """What a client holds while signed in, and the login it is of."""

    session_id: SessionId
    access_token: str
    refresh_token: str
    expires_at: datetime
    refresh_expires_at: datetime

    def __repr__(self) -> str:
        return f"SessionTokens(expires_at={self.expires_at!r})"


class SignedIn(msgspec.Struct, frozen=True):
    """A new login, and who the rest of the operation runs as."""

    session: SessionTokens
    viewer: Viewer


async def login(context: RequestContext, credentials: LoginCredentials) -> SignedIn:
    """Signs in, also for the rest of this operation. Raises InvalidCredentials, TooManyAttempts.

    An unknown email answers as a wrong password does, and after as much work.
    """
    identity, address = context.services.identity, context.address_hash
    email = credentials.email
    await identity.guess_limits.admit(Guess.LOGIN_BY_ADDRESS, address)
    async with context.database.read_account() as session:
        known = await Accounts(session).credentials(email, address)
    if not await password_matches(context, email, known, credentials.password) or known is None:
        raise InvalidCredentials("The email or the password is wrong.")
    outdated = identity.passwords.outdated(known.password_hash)
    rehashed = await identity.passwords.hashed(credentials.password) if outdated else None
    async with context.database.write_account() as session:
        accounts = Accounts(session)
        if rehashed is not None:
            await accounts.replace_password_hash(known.user_id, known.password_hash, rehashed)
        await accounts.forget_expired_tokens(known.user_id, context.services.clock())
        tokens = await begin_session(context, session, known.user_id)
    return await signed_in(context, known.user_id, tokens)


async def password_matches(context: RequestContext, email: str, known: Credentials | None, password: str) -> bool:
    """One guess at the password of an account, known or not, and counted. Raises TooManyAttempts."""
    limits, address = context.services.identity.guess_limits, context.address_hash
    await limits.admit(Guess.LOGIN_BY_ACCOUNT_AND_ADDRESS, email, address)
    if known is None or not known.known_address:
        # Guesses from elsewhere must not keep the owner out of an address that they use.
        await limits.admit(Guess.LOGIN_BY_ACCOUNT_ELSEWHERE, email)
    matches = await context.services.identity.passwords.matches(password, known.password_hash if known else None)
    if matches:
        await limits.forgive(Guess.LOGIN_BY_ACCOUNT_AND_ADDRESS, email, address)
    return matches


async def refresh(context: RequestContext, given: RefreshToken) -> SessionTokens:
    """The next tokens of the family. Raises InvalidCredentials, TooManyAttempts.

    Of two concurrent uses of one token, one gets the next tokens, the other ends the family and the tokens with it.
    """
    limits = context.services.identity.guess_limits
    await limits.admit(Guess.REFRESH_BY_ADDRESS, context.address_hash)
    async with context.database.write_account() as session:
        tokens = await _next_tokens(context, session, secret_hash(given.refresh_token))
    if tokens is None:
        raise InvalidCredentials("This refresh token is used, expired, revoked or not ours: sign in again.")
    await limits.forgive(Guess.REFRESH_BY_ADDRESS, context.address_hash)
    return tokens


async def logout(context: RequestContext, given: RefreshToken) -> None:
    """Ends the token's whole family; what is ended or unknown stays so."""
    async with context.database.write_account() as session:
        accounts = Accounts(session)
        token = await accounts.lock_refresh_token(secret_hash(given.refresh_token))
        if token is not None:
            await accounts.revoke_session(token.session_id, context.services.clock())


async def begin_session(context: RequestContext, session: Session, user_id: UserId) -> SessionTokens:
    """A new family, from the context's address; within the caller's transaction."""
    login = await Accounts(session).insert_session(user_id, context.address_hash)
    return await _tokens(context, session, user_id, login.id)


async def signed_in(context: RequestContext, user_id: UserId, tokens: SessionTokens) -> SignedIn:
    """The user's standing after a login; the operation goes on as this user, in the tenant joined first."""
    async with context.database.read_account(user_id) as session:
        joined = await memberships_of(session, user_id)
    first = joined[0] if joined else None
    viewer = Viewer(
        user_id=user_id,
        session_id=tokens.session_id,
        tenant_id=first.tenant_id if first else None,
        role=Role(first.role) if first else None,
    )
    context.become(viewer)
    return SignedIn(session=tokens, viewer=viewer)


async def _next_tokens(context: RequestContext, session: Session, token_hash: str) -> SessionTokens | None:
    """None refuses. Nothing is raised: what is written here, a revocation above all, must be committed."""
    accounts = Accounts(session)
    now = context.services.clock()
    token: RefreshTokenRecord | None = await accounts.lock_refresh_token(token_hash)
    if token is None or token.revoked_at is not None:
        return None
    if token.used_at is not None:
        await accounts.revoke_session(token.session_id, now)
        return None
    if token.expires_at <= now:
        return None
    await accounts.mark_used(token_hash, now)
    return await _tokens(context, session, token.user_id, token.session_id)


async def _tokens(context: RequestContext, session: Session, user_id: UserId, session_id: SessionId) -> SessionTokens:
    services = context.services
    refresh_token = services.random_token()
    refresh_expires_at = services.clock() + services.identity.refresh_token_lifetime
    await Accounts(session).insert_refresh_token(secret_hash(refresh_token), session_id, refresh_expires_at)
    access_token = services.identity.access_tokens.issued(user_id, session_id)
    return SessionTokens(
        session_id=session_id,
        access_token=access_token.text,
        refresh_token=refresh_token,
        expires_at=access_token.expires_at,
        refresh_expires_at=refresh_expires_at,
    )
