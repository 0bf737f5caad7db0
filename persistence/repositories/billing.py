"""Billing subscriptions, one of each tenant, and the history of their changes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Select, func, insert, select, update

from persistence.pages import Order, by_column, columns
from persistence.records import BillingChangeRecord, BillingSubscriptionRecord
from persistence.repositories.owned import TENANT, OwnedRows
from persistence.sessions import TenantSession
from persistence.tables import billing_changes, billing_subscriptions

_COLUMNS = tuple(columns(billing_subscriptions, BillingSubscriptionRecord))


class BillingSubscriptions:
    """The session's tenant's own subscription."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def found(self) -> BillingSubscriptionRecord | None:
        values = {"tenant_id": self.session.tenant_id}
        rows = await self.session.asked_records(_select_subscription, (), values, BillingSubscriptionRecord)
        return rows[0] if rows else None

    async def insert(self, values: Mapping[str, Any]) -> BillingSubscriptionRecord:
        """Raises DuplicateValue when the tenant has one."""
        statement = (
            insert(billing_subscriptions).values(tenant_id=self.session.tenant_id, **values).returning(*_COLUMNS)
        )
        [created] = await self.session.records(statement, BillingSubscriptionRecord)
        return created

    async def update(self, version: int, values: Mapping[str, Any]) -> BillingSubscriptionRecord | None:
        """None when the version is another one."""
        statement = (
            update(billing_subscriptions)
            .where(
                billing_subscriptions.c.tenant_id == self.session.tenant_id, billing_subscriptions.c.version == version
            )
            .values(version=billing_subscriptions.c.version + 1, updated_at=func.now(), **values)
            .returning(*_COLUMNS)
        )
        return await self.session.record(statement, BillingSubscriptionRecord)


class BillingChanges(OwnedRows[BillingChangeRecord, None]):
    table = billing_changes
    record = BillingChangeRecord
    orders: ClassVar[Mapping[str, Order]] = {"VERSION": by_column("VERSION", billing_changes.c.version, int)}


def _select_subscription() -> Select[Any]:
    return select(*_COLUMNS).where(billing_subscriptions.c.tenant_id == TENANT)
