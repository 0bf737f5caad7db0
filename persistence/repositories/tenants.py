"""Tenants, memberships, invitations and API keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import msgspec
from sqlalchemy import Select, and_, any_, bindparam, delete, func, insert, select, text, true, update

from persistence.ids import ApiKeyId, InviteId, MembershipId, SessionId, TenantId, UserId
from persistence.pages import Order, by_column, columns
from persistence.records import (
    ApiKeyRecord,
    InviteRecord,
    MembershipRecord,
    PlanTermsRecord,
    TenantRecord,
    UserRecord,
)
from persistence.repositories.owned import IDS, TENANT, OwnedRows
from persistence.sessions import Session, TenantSession
from persistence.tables import api_keys, billing_subscriptions, invites, memberships, tenants, user_sessions, users


class Standing(msgspec.Struct, frozen=True):
    """Where a signed-in user stands: a tenant, the role in it and the terms of its plan, or none of these."""

    tenant_id: TenantId | None
    role: str | None
    terms: PlanTermsRecord | None
    """None also for a tenant that has never chosen a plan."""


class LiveKey(msgspec.Struct, frozen=True):
    """A key that works, and the terms of its tenant's plan, if the tenant has chosen one."""

    record: ApiKeyRecord
    terms: PlanTermsRecord | None


_SEQUENCE: Final = text("pg_get_serial_sequence('tenants', 'id')")
_TERMS = tuple(columns(billing_subscriptions, PlanTermsRecord))


def _terms(row: Sequence[Any]) -> PlanTermsRecord | None:
    """The terms of an outer join: a subscription that is there has a plan."""
    return None if row[0] is None else PlanTermsRecord(*row)


async def new_tenant_id(session: Session) -> TenantId:
    """A fresh id, taken before the row is written: a row can only be inserted by a session of its own tenant."""
    return TenantId(await session.scalar(select(func.nextval(_SEQUENCE))))


async def last_tenant_id(session: Session) -> TenantId:
    """The id that was given last; 0 before the first. Which of those before it are still tenants', it does not say."""
    return TenantId(await session.scalar(select(func.coalesce(func.pg_sequence_last_value(_SEQUENCE), 0))))


async def memberships_of(session: Session, user_id: UserId) -> list[MembershipRecord]:
    """The user's memberships in all tenants, oldest first; the session must be the user's own account session."""
    statement = (
        select(*columns(memberships, MembershipRecord))
        .where(memberships.c.user_id == user_id)
        .order_by(memberships.c.created_at, memberships.c.tenant_id)
    )
    return await session.records(statement, MembershipRecord)


async def standing(
    session: Session, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None
) -> Standing | None:
    """The user in `tenant_id`, or in the tenant joined first; None when the login is revoked.

    The session must be the user's own account session.
    """
    values = {"user_id": user_id, "session_id": session_id}
    if tenant_id is not None:
        values["tenant_id"] = tenant_id
    rows = await session.asked(_select_standing, (tenant_id is not None,), values)
    if not rows:
        return None
    chosen_id, role, *terms = rows[0]
    return Standing(chosen_id, role, _terms(terms))


def _select_standing(chosen: bool) -> Select[Any]:
    tenant = memberships.c.tenant_id == TENANT if chosen else true()
    of_user = and_(memberships.c.user_id == user_sessions.c.user_id, tenant)
    return (
        select(memberships.c.tenant_id, memberships.c.role, *_TERMS)
        .select_from(
            user_sessions.outerjoin(memberships, of_user).outerjoin(
                billing_subscriptions, billing_subscriptions.c.tenant_id == memberships.c.tenant_id
            )
        )
        .where(
            user_sessions.c.id == bindparam("session_id"),
            user_sessions.c.user_id == bindparam("user_id"),
            user_sessions.c.revoked_at.is_(None),
        )
        .order_by(memberships.c.created_at, memberships.c.tenant_id)
        .limit(1)
    )


async def tenants_of(session: Session, ids: Sequence[int]) -> list[TenantRecord | None]:
    """The tenants in the order of `ids`; None where the session's scope may not see one."""
    records = await session.asked_records(_select_tenants, (), {"ids": list(set(ids))}, TenantRecord)
    found = {record.id: record for record in records}
    return [found.get(TenantId(row_id)) for row_id in ids]


def _select_tenants() -> Select[Any]:
    return select(*columns(tenants, TenantRecord)).where(tenants.c.id == any_(IDS))


async def lock_members(session: TenantSession) -> None:
    """Members change one at a time: holds other changes back until this transaction ends."""
    statement = select(tenants.c.id).where(tenants.c.id == session.tenant_id).with_for_update(key_share=True)
    await session.execute(statement)


async def rename_tenant(session: TenantSession, version: int, name: str) -> TenantRecord | None:
    """None when the tenant's version is another one."""
    statement = (
        update(tenants)
        .where(tenants.c.id == session.tenant_id, tenants.c.version == version)
        .values(name=name, version=tenants.c.version + 1, updated_at=func.now())
        .returning(*columns(tenants, TenantRecord))
    )
    return await session.record(statement, TenantRecord)


async def insert_tenant(session: TenantSession, name: str) -> TenantRecord:
    statement = insert(tenants).values(id=session.tenant_id, name=name).returning(*columns(tenants, TenantRecord))
    [tenant] = await session.records(statement, TenantRecord)
    return tenant


class Memberships(OwnedRows[MembershipRecord, None]):
    table = memberships
    record = MembershipRecord
    orders: ClassVar[Mapping[str, Order]] = {"CREATED_AT": by_column("CREATED_AT", memberships.c.created_at, datetime)}

    async def of_user(self, user_id: UserId) -> MembershipRecord | None:
        statement = select(*self._columns).where(self._own(), memberships.c.user_id == user_id)
        return await self.session.record(statement, MembershipRecord)

    async def of_email(self, email: str) -> MembershipRecord | None:
        statement = (
            select(*self._columns)
            .join(users, users.c.id == memberships.c.user_id)
            .where(self._own(), users.c.email == email)
        )
        return await self.session.record(statement, MembershipRecord)

    async def owners(self) -> list[MembershipId]:
        """The tenant's owners; whoever decides by their number calls `lock_members` first."""
        statement = select(memberships.c.id).where(self._own(), memberships.c.role == "OWNER")
        return [row[0] for row in await self.session.rows(statement)]

    async def delete(self, membership_id: MembershipId) -> bool:
        statement = delete(memberships).where(self._own(), memberships.c.id == membership_id)
        return bool(await self.session.rows(statement.returning(memberships.c.id, memberships.c.user_id)))

    async def users(self, ids: Sequence[int]) -> list[UserRecord | None]:
        """Users in the order of `ids`; None for whoever is no member of this tenant."""
        values = {"tenant_id": self.session.tenant_id, "ids": list(set(ids))}
        records = await self.session.asked_records(self.select_users, (), values, UserRecord)
        found = {record.id: record for record in records}
        return [found.get(UserId(row_id)) for row_id in ids]

    @classmethod
    def select_users(cls) -> Select[Any]:
        known = select(memberships.c.user_id).where(cls.owned(TENANT))
        return select(*columns(users, UserRecord)).where(users.c.id == any_(IDS), users.c.id.in_(known))


class Invites(OwnedRows[InviteRecord, None]):
    table = invites
    record = InviteRecord
    orders: ClassVar[Mapping[str, Order]] = {"CREATED_AT": by_column("CREATED_AT", invites.c.created_at, datetime)}

    async def withdraw_open(self, email: str) -> None:
        statement = delete(invites).where(self._own(), invites.c.email == email, invites.c.accepted_at.is_(None))
        await self.session.rows(statement.returning(invites.c.id))

    async def lock_open(self, token_hash: str, now: datetime) -> InviteRecord | None:
        """The unaccepted, unexpired invitation of this token, locked until the transaction ends."""
        statement = (
            select(*self._columns)
            .where(
                self._own(),
                invites.c.token_hash == token_hash,
                invites.c.accepted_at.is_(None),
                invites.c.expires_at > now,
            )
            .with_for_update()
        )
        return await self.session.record(statement, InviteRecord)

    async def withdraw(self, invite_id: InviteId) -> bool:
        """Deletes an open invitation; False when this tenant has no open one of this id."""
        statement = delete(invites).where(self._own(), invites.c.id == invite_id, invites.c.accepted_at.is_(None))
        return await self.session.scalar(statement.returning(invites.c.id)) is not None

    async def mark_accepted(self, invite_id: InviteId, now: datetime) -> None:
        statement = update(invites).where(self._own(), invites.c.id == invite_id).values(accepted_at=now)
        await self.session.rows(statement.returning(invites.c.id))


class ApiKeys(OwnedRows[ApiKeyRecord, None]):
    table = api_keys
    record = ApiKeyRecord
    orders: ClassVar[Mapping[str, Order]] = {"CREATED_AT": by_column("CREATED_AT", api_keys.c.created_at, datetime)}

    async def live(self, secret_hash: str) -> LiveKey | None:
        values = {"tenant_id": self.session.tenant_id, "secret_hash": secret_hash}
        rows = await self.session.asked(self.select_live, (), values)
        width = len(ApiKeyRecord.__struct_fields__)
        return LiveKey(ApiKeyRecord(*rows[0][:width]), _terms(rows[0][width:])) if rows else None

    @classmethod
    def select_live(cls) -> Select[Any]:
        of_tenant = billing_subscriptions.c.tenant_id == api_keys.c.tenant_id
        return (
            select(*columns(api_keys, ApiKeyRecord), *_TERMS)
            .select_from(api_keys.outerjoin(billing_subscriptions, of_tenant))
            .where(
                cls.owned(TENANT), api_keys.c.secret_hash == bindparam("secret_hash"), api_keys.c.revoked_at.is_(None)
            )
        )

    async def set_budget(
        self, api_key_id: ApiKeyId, capacity: int | None, restore_rate: int | None
    ) -> ApiKeyRecord | None:
        """The changed key; None when this tenant has no such key, or has revoked it."""
        statement = (
            update(api_keys)
            .where(self._own(), api_keys.c.id == api_key_id, api_keys.c.revoked_at.is_(None))
            .values(budget_capacity=capacity, budget_restore_rate=restore_rate)
            .returning(*self._columns)
        )
        return await self.session.record(statement, ApiKeyRecord)

    async def note_use(self, api_key_id: ApiKeyId, now: datetime, at_most_every: timedelta) -> None:
        """Writes `last_used_at`, but not for every request."""
        stale = api_keys.c.last_used_at.is_(None) | (api_keys.c.last_used_at < now - at_most_every)
        statement = update(api_keys).where(self._own(), api_keys.c.id == api_key_id, stale).values(last_used_at=now)
        await self.session.rows(statement.returning(api_keys.c.id))

    async def revoke(self, api_key_id: ApiKeyId, now: datetime) -> ApiKeyRecord | None:
        """The revoked key; revoking twice keeps the first time. None when this tenant has no such key."""
        revoked_at: Any = func.coalesce(api_keys.c.revoked_at, now)
        statement = (
            update(api_keys)
            .where(self._own(), api_keys.c.id == api_key_id)
            .values(revoked_at=revoked_at)
            .returning(*self._columns)
        )
        return await self.session.record(statement, ApiKeyRecord)
