"""Billing subscriptions for tests of pure functions."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from persistence.ids import TenantId
from persistence.records import BillingSubscriptionRecord

START: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
END: Final = datetime(2026, 12, 23, 12, tzinfo=UTC)
"""Of the period that a subscription of these tests is in."""

_TEAM: Final = BillingSubscriptionRecord(
    tenant_id=TenantId(1),
    plan="TEAM",
    pending_plan=None,
    anchor_at=START,
    period_start=START,
    period_end=END,
    canceled_at=None,
    version=1,
    created_at=START,
    updated_at=START,
)


def subscribed(**different: Any) -> BillingSubscriptionRecord:
    """To TEAM, but for what is different."""
    return msgspec.structs.replace(_TEAM, **different)
