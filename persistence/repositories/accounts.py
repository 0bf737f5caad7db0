"""People: users, their logins (token families) and refresh tokens. None of it belongs to a tenant."""

from datetime import datetime

import msgspec
from sqlalchemy import exists, insert, select, update

from persistence.ids import SessionId, UserId
from persistence.pages import columns
from persistence.records import UserRecord, UserSessionRecord
from persistence.sessions import Session
from persistence.tables import refresh_tokens, user_sessions, users


class Credentials(msgspec.Struct, frozen=True):
    user_id: UserId
    password_hash: str


class RefreshTokenRecord(msgspec.Struct, frozen=True):
    session_id: SessionId
    expires_at: datetime
    used_at: datetime | None


class Accounts:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def insert_user(self, email: str, name: str, password_hash: str) -> UserRecord:
        statement = (
            insert(users)
            .values(email=email, name=name, password_hash=password_hash)
            .returning(*columns(users, UserRecord))
        )
        [user] = await self.session.records(statement, UserRecord)
        return user

    async def user(self, user_id: UserId) -> UserRecord | None:
        statement = select(*columns(users, UserRecord)).where(users.c.id == user_id)
        return await self.session.record(statement, UserRecord)

    async def user_of_email(self, email: str) -> UserRecord | None:
        statement = select(*columns(users, UserRecord)).where(users.c.email == email)
        return await self.session.record(statement, UserRecord)

    async def credentials(self, email: str) -> Credentials | None:
        statement = select(users.c.id, users.c.password_hash).where(users.c.email == email)
        return await self.session.record(statement, Credentials)

    async def replace_password_hash(self, user_id: UserId, password_hash: str) -> None:
        await self.session.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))

    async def knows_address(self, user_id: UserId, address_hash: str) -> bool:
        """Whether this user has logged in from this address before."""
        known = exists().where(user_sessions.c.user_id == user_id, user_sessions.c.address_hash == address_hash)
        return bool(await self.session.scalar(select(known)))

    async def insert_session(self, user_id: UserId, address_hash: str) -> UserSessionRecord:
        statement = (
            insert(user_sessions)
            .values(user_id=user_id, address_hash=address_hash)
            .returning(*columns(user_sessions, UserSessionRecord))
        )
        [login] = await self.session.records(statement, UserSessionRecord)
        return login

    async def user_session(self, session_id: SessionId) -> UserSessionRecord | None:
        statement = select(*columns(user_sessions, UserSessionRecord)).where(user_sessions.c.id == session_id)
        return await self.session.record(statement, UserSessionRecord)

    async def revoke_session(self, session_id: SessionId, now: datetime) -> None:
        statement = update(user_sessions).where(user_sessions.c.id == session_id, user_sessions.c.revoked_at.is_(None))
        await self.session.execute(statement.values(revoked_at=now))

    async def insert_refresh_token(self, token_hash: str, session_id: SessionId, expires_at: datetime) -> None:
        await self.session.execute(
            insert(refresh_tokens).values(token_hash=token_hash, session_id=session_id, expires_at=expires_at)
        )

    async def lock_refresh_token(self, token_hash: str) -> RefreshTokenRecord | None:
        """The token, locked until the transaction ends: of two concurrent uses one comes second and sees it used."""
        statement = (
            select(refresh_tokens.c.session_id, refresh_tokens.c.expires_at, refresh_tokens.c.used_at)
            .where(refresh_tokens.c.token_hash == token_hash)
            .with_for_update()
        )
        return await self.session.record(statement, RefreshTokenRecord)

    async def mark_used(self, token_hash: str, now: datetime) -> None:
        statement = update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash)
        await self.session.execute(statement.values(used_at=now))
