"""People: users, their logins (token families) and refresh tokens. None of it belongs to a tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Select, any_, bindparam, delete, exists, insert, select, update

from persistence.ids import SessionId, UserId
from persistence.pages import columns
from persistence.records import UserRecord, UserSessionRecord
from persistence.sessions import Session
from persistence.tables import refresh_tokens, user_sessions, users


class Credentials(msgspec.Struct, frozen=True):
    """What a password is checked against; `known_address`: the user has logged in from this address before."""

    user_id: UserId
    password_hash: str
    known_address: bool

    def __repr__(self) -> str:
        return f"Credentials(user_id={self.user_id})"


class RefreshTokenRecord(msgspec.Struct, frozen=True):
    """A refresh token with its login; `revoked_at` is the login's, which ends all of its tokens."""

    session_id: SessionId
    user_id: UserId
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


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

    async def users(self, ids: Sequence[int]) -> list[UserRecord | None]:
        """Users in the order of `ids`, whosever members they are: for ids that the caller is known to be shown."""
        records = await self.session.asked_records(_select_users, (), {"ids": list(set(ids))}, UserRecord)
        found = {record.id: record for record in records}
        return [found.get(UserId(row_id)) for row_id in ids]

    async def user(self, user_id: UserId) -> UserRecord | None:
        return (await self.users([user_id]))[0]

    async def credentials(self, email: str, address_hash: str) -> Credentials | None:
        return await self._credentials(users.c.email == email, address_hash)

    async def credentials_of(self, user_id: UserId, address_hash: str) -> Credentials | None:
        return await self._credentials(users.c.id == user_id, address_hash)

    async def replace_password_hash(self, user_id: UserId, old_hash: str, new_hash: str) -> bool:
        """False when the password is no longer the one that was checked."""
        statement = (
            update(users)
            .where(users.c.id == user_id, users.c.password_hash == old_hash)
            .values(password_hash=new_hash)
            .returning(users.c.id)
        )
        return await self.session.scalar(statement) is not None

    async def insert_session(self, user_id: UserId, address_hash: str) -> UserSessionRecord:
        statement = (
            insert(user_sessions)
            .values(user_id=user_id, address_hash=address_hash)
            .returning(*columns(user_sessions, UserSessionRecord))
        )
        [login] = await self.session.records(statement, UserSessionRecord)
        return login

    async def revoke_session(self, session_id: SessionId, now: datetime) -> None:
        statement = update(user_sessions).where(user_sessions.c.id == session_id, user_sessions.c.revoked_at.is_(None))
        await self.session.rows(statement.values(revoked_at=now).returning(user_sessions.c.id))

    async def revoke_sessions(self, user_id: UserId, now: datetime) -> None:
        statement = update(user_sessions).where(
            user_sessions.c.user_id == user_id, user_sessions.c.revoked_at.is_(None)
        )
        await self.session.rows(statement.values(revoked_at=now).returning(user_sessions.c.id))

    async def insert_refresh_token(self, token_hash: str, session_id: SessionId, expires_at: datetime) -> None:
        await self.session.execute(
            insert(refresh_tokens).values(token_hash=token_hash, session_id=session_id, expires_at=expires_at)
        )

    async def lock_refresh_token(self, token_hash: str) -> RefreshTokenRecord | None:
        """The token, locked until the transaction ends: of two concurrent uses one comes second and sees it used."""
        statement = (
            select(
                refresh_tokens.c.session_id,
                user_sessions.c.user_id,
                refresh_tokens.c.expires_at,
                refresh_tokens.c.used_at,
                user_sessions.c.revoked_at,
            )
            .join(user_sessions, user_sessions.c.id == refresh_tokens.c.session_id)
            .where(refresh_tokens.c.token_hash == token_hash)
            .with_for_update(of=refresh_tokens)
        )
        return await self.session.record(statement, RefreshTokenRecord)

    async def mark_used(self, token_hash: str, now: datetime) -> None:
        statement = update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash)
        await self.session.execute(statement.values(used_at=now))

    async def forget_expired_tokens(self, user_id: UserId, now: datetime) -> None:
        """Expired tokens prove nothing any more, and a user who logs in daily would pile them up."""
        own = select(user_sessions.c.id).where(user_sessions.c.user_id == user_id)
        statement = delete(refresh_tokens).where(
            refresh_tokens.c.session_id.in_(own), refresh_tokens.c.expires_at < now
        )
        await self.session.execute(statement)

    async def _credentials(self, condition: ColumnElement[bool], address_hash: str) -> Credentials | None:
        known = exists().where(user_sessions.c.user_id == users.c.id, user_sessions.c.address_hash == address_hash)
        statement = select(users.c.id, users.c.password_hash, known).where(condition)
        return await self.session.record(statement, Credentials)


def _select_users() -> Select[Any]:
    return select(*columns(users, UserRecord)).where(users.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
