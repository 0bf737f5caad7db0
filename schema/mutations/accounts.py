"""Mutations of accounts and logins."""

from typing import Annotated

import strawberry

from persistence.records import UserRecord
from resolvers.identity import accounts, sessions
from resolvers.identity.sessions import SessionTokens
from resolvers.policy import Viewer as ViewerRecord
from schema.errors import (
    ConflictError,
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    TooManyAttemptsError,
)
from schema.fields import root_field
from schema.info import Info
from schema.types.identity import (
    ChangePasswordInput,
    LoginInput,
    LogoutInput,
    RefreshInput,
    RegisterInput,
    Session,
    User,
    Viewer,
)

_SESSION = "The tokens to go on with."
_VIEWER = "Who is signed in now; the rest of this operation runs as them."


@strawberry.type(description="The new account, signed in.")
class RegisterPayload:
    user: UserRecord = strawberry.field(graphql_type=User, description="The account as it is now.")
    session: SessionTokens = strawberry.field(graphql_type=Session, description=_SESSION)
    viewer: ViewerRecord = strawberry.field(graphql_type=Viewer, description=_VIEWER)


@strawberry.type(description="A new login.")
class LoginPayload:
    session: SessionTokens = strawberry.field(graphql_type=Session, description=_SESSION)
    viewer: ViewerRecord = strawberry.field(graphql_type=Viewer, description=_VIEWER)


@strawberry.type(description="The next session of the same login.")
class RefreshPayload:
    session: SessionTokens = strawberry.field(
        graphql_type=Session, description="The tokens to go on with; those before it are used up."
    )


@strawberry.type(description="The login is ended.")
class LogoutPayload:
    signed_out: bool = strawberry.field(description="Always true: the login is ended, or there was none.")


@strawberry.type(description="The password is changed, and all logins are ended.")
class ChangePasswordPayload:
    session: SessionTokens = strawberry.field(graphql_type=Session, description="A new login to go on with.")


RegisterResult = Annotated[
    RegisterPayload | InvalidInputError | ConflictError | TooManyAttemptsError,
    strawberry.union("RegisterResult", description="The new account, or why there is none."),
]
LoginResult = Annotated[
    LoginPayload | InvalidInputError | InvalidCredentialsError | TooManyAttemptsError,
    strawberry.union("LoginResult", description="A new login, or why there is none."),
]
RefreshResult = Annotated[
    RefreshPayload | InvalidInputError | InvalidCredentialsError | TooManyAttemptsError,
    strawberry.union("RefreshResult", description="The next session, or why there is none."),
]
LogoutResult = Annotated[
    LogoutPayload | InvalidInputError,
    strawberry.union("LogoutResult", description="That the login is ended, or why it is not."),
]
ChangePasswordResult = Annotated[
    ChangePasswordPayload | InvalidInputError | InvalidCredentialsError | TooManyAttemptsError | ForbiddenError,
    strawberry.union("ChangePasswordResult", description="The new login, or why nothing changed."),
]


@strawberry.type
class AccountMutations:
    @root_field(
        graphql_type=RegisterResult,
        description="Makes an account and signs in. No mail is sent, so nobody checks whose the email is.",
    )
    @staticmethod
    async def register(
        info: Info, input: Annotated[RegisterInput, strawberry.argument(description="The account.")]
    ) -> RegisterPayload:
        user, signed_in = await accounts.register(info.context, input)
        return RegisterPayload(user=user, session=signed_in.session, viewer=signed_in.viewer)

    @root_field(graphql_type=LoginResult, description="Signs in.")
    @staticmethod
    async def login(
        info: Info, input: Annotated[LoginInput, strawberry.argument(description="Email and password.")]
    ) -> LoginPayload:
        signed_in = await sessions.login(info.context, input)
        return LoginPayload(session=signed_in.session, viewer=signed_in.viewer)

    @root_field(
        graphql_type=RefreshResult,
        description="The next session for a refresh token, which is then used up. A token that is used twice, be it by"
        " two requests at once, ends the login: everybody signs in again. Send it without an expired access token.",
    )
    @staticmethod
    async def refresh(
        info: Info, input: Annotated[RefreshInput, strawberry.argument(description="The refresh token.")]
    ) -> RefreshPayload:
        return RefreshPayload(session=await sessions.refresh(info.context, input))

    @root_field(
        graphql_type=LogoutResult, description="Ends a login; its access tokens are refused from the next request on."
    )
    @staticmethod
    async def logout(
        info: Info, input: Annotated[LogoutInput, strawberry.argument(description="A refresh token of the login.")]
    ) -> LogoutPayload:
        await sessions.logout(info.context, input)
        return LogoutPayload(signed_out=True)

    @root_field(
        graphql_type=ChangePasswordResult, description="Changes the viewer's password and ends all their logins."
    )
    @staticmethod
    async def change_password(
        info: Info, input: Annotated[ChangePasswordInput, strawberry.argument(description="Both passwords.")]
    ) -> ChangePasswordPayload:
        return ChangePasswordPayload(session=await accounts.change_password(info.context, input))
