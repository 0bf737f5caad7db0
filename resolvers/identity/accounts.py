"""Accounts: registering, and changing the password. No mail is sent, so neither proves that the email is one's own."""

import msgspec
from pydantic import BaseModel, Field

from persistence.errors import DuplicateValue
from persistence.ids import UserId
from persistence.records import UserRecord
from persistence.repositories.accounts import Accounts
from resolvers.context import RequestContext
from resolvers.errors import Conflict, InvalidCredentials
from resolvers.identity.ports import Guess
from resolvers.identity.sessions import SessionTokens, SignedIn, begin_session, password_matches, signed_in
from resolvers.identity.values import EmailAddress, NewPassword, Password
from resolvers.policy import user_of
from resolvers.texts import Name


class Registration(BaseModel):
    email: EmailAddress = Field(
        description="The account's email address, at most 254 characters; case does not matter."
    )
    name: Name = Field(description="How others see the person, 1 to 200 characters.")
    password: NewPassword = Field(
        description="At least 12 characters and at most 1,024 bytes; no other rules.", repr=False
    )


class PasswordChange(BaseModel):
    current_password: Password = Field(description="The password as it is.", repr=False)
    new_password: NewPassword = Field(
        description="At least 12 characters and at most 1,024 bytes; no other rules.", repr=False
    )


async def register(context: RequestContext, new: Registration) -> tuple[UserRecord, SignedIn]:
    """Makes the account and signs in, also for the rest of this operation. Raises Conflict, TooManyAttempts."""
    identity = context.services.identity
    await identity.guess_limits.admit(Guess.REGISTER_BY_ADDRESS, context.address_hash)
    password_hash = await identity.passwords.hashed(new.password)
    try:
        async with context.database.write_account() as session:
            user = await Accounts(session).insert_user(new.email, new.name, password_hash)
            tokens = await begin_session(context, session, user.id)
    except DuplicateValue as error:
        raise Conflict("An account of this email exists already: sign in instead.", ("input", "email")) from error
    return user, await signed_in(context, user.id, tokens)


async def change_password(context: RequestContext, change: PasswordChange) -> SessionTokens:
    """Ends all logins of the user and begins a new one here. Raises InvalidCredentials, TooManyAttempts."""
    user_id = user_of(context.viewer)
    user = await account(context, user_id)
    async with context.database.read_account(user_id) as session:
        known = await Accounts(session).credentials_of(user_id, context.address_hash)
    if not await password_matches(context, user.email, known, change.current_password) or known is None:
        raise InvalidCredentials("The current password is wrong.", ("input", "currentPassword"))
    new_hash = await context.services.identity.passwords.hashed(change.new_password)
    async with context.database.write_account(user_id) as session:
        accounts = Accounts(session)
        if not await accounts.replace_password_hash(user_id, known.password_hash, new_hash):
            raise InvalidCredentials("The current password is wrong.", ("input", "currentPassword"))
        await accounts.revoke_sessions(user_id, context.services.clock())
        tokens = await begin_session(context, session, user_id)
    if context.viewer is not None:
        context.become(msgspec.structs.replace(context.viewer, session_id=tokens.session_id))
    return tokens


async def account(context: RequestContext, user_id: UserId) -> UserRecord:
    """The user behind the viewer's own id. Raises LookupError: users are never deleted."""
    async with context.database.read_account(user_id) as session:
        user = await Accounts(session).user(user_id)
    if user is None:
        raise LookupError("a user who is signed in has no row")
    return user
