"""What time makes of a stored subscription."""

from datetime import UTC, datetime, timedelta

import pytest

from persistence.records import BillingSubscriptionRecord
from resolvers.billing.plans import PlanName
from resolvers.billing.terms import effective, is_over, plan_at
from tests.resolvers.billing.records import END, START, subscribed

MOMENT = timedelta(microseconds=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def test_tenant_without_a_subscription_has_the_default_plan() -> None:
    assert plan_at(None, START, PlanName.FREE) is PlanName.FREE
    assert plan_at(None, START, PlanName.BUSINESS) is PlanName.BUSINESS


def test_plan_goes_on_and_its_periods_follow_each_other() -> None:
    record = subscribed()
    assert effective(record, END - MOMENT) == record
    assert effective(record, END) == subscribed(period_start=END, period_end=datetime(2027, 1, 23, 12, tzinfo=UTC))
    assert plan_at(record, END_OF_TIME, PlanName.FREE) is PlanName.TEAM


def test_years_that_nobody_looked_are_rolled_over_at_once() -> None:
    later = effective(subscribed(), datetime(2031, 3, 1, tzinfo=UTC))
    assert (later.period_start, later.period_end) == (
        datetime(2031, 2, 23, 12, tzinfo=UTC),
        datetime(2031, 3, 23, 12, tzinfo=UTC),
    )


def test_pending_plan_takes_over_when_the_period_ends() -> None:
    record = subscribed(pending_plan="FREE")
    assert effective(record, END - MOMENT) == record
    assert plan_at(record, END - MOMENT, PlanName.BUSINESS) is PlanName.TEAM
    assert plan_at(record, END, PlanName.BUSINESS) is PlanName.FREE
    later = effective(record, END)
    assert (later.plan, later.pending_plan, later.period_start) == ("FREE", None, END)


def test_canceled_plan_holds_until_the_period_ends_and_never_again() -> None:
    record = subscribed(canceled_at=START)
    assert not is_over(record, END - MOMENT)
    assert plan_at(record, END - MOMENT, PlanName.FREE) is PlanName.TEAM
    assert is_over(record, END)
    assert plan_at(record, END, PlanName.FREE) is PlanName.FREE
    assert effective(record, END_OF_TIME) == record


@pytest.mark.parametrize("record", [subscribed(), subscribed(pending_plan="FREE"), subscribed(canceled_at=START)])
def test_clock_before_the_subscription_changes_nothing(record: BillingSubscriptionRecord) -> None:
    assert effective(record, LONG_AGO) == record
    assert not is_over(record, LONG_AGO)
    assert plan_at(record, LONG_AGO, PlanName.FREE) is PlanName.TEAM


def test_what_is_written_down_says_the_same_later_as_what_was_stored_before() -> None:
    for record in (subscribed(), subscribed(pending_plan="FREE")):
        for days in (0, 29, 30, 31, 61, 400):
            now = START + timedelta(days=days)
            written = effective(record, now)
            for further in (0, 1, 30, 365):
                later = now + timedelta(days=further)
                assert effective(written, later) == effective(record, later)
