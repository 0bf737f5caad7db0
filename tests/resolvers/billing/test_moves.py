"""The moves of a subscription, and those that are refused."""

from datetime import UTC, datetime

import pytest

from persistence.records import BillingSubscriptionRecord
from resolvers.billing.moves import ChangeKind, Move, Written, canceled, changed, put, resumed
from resolvers.billing.plans import PlanName
from resolvers.errors import IllegalTransition
from tests.resolvers.billing.records import END, START, subscribed

NOW = datetime(2026, 12, 1, tzinfo=UTC)
MONTH_LATER = datetime(2027, 1, 1, tzinfo=UTC)
FREE, TEAM, BUSINESS, ENTERPRISE = PlanName


def of_record(record: BillingSubscriptionRecord) -> Written:
    return Written(
        plan=PlanName(record.plan),
        pending_plan=None if record.pending_plan is None else PlanName(record.pending_plan),
        anchor_at=record.anchor_at,
        period_start=record.period_start,
        period_end=record.period_end,
        canceled_at=record.canceled_at,
    )


def begun(plan: PlanName) -> Written:
    return Written(
        plan=plan,
        pending_plan=None,
        anchor_at=NOW,
        period_start=NOW,
        period_end=MONTH_LATER,
        canceled_at=None,
    )


@pytest.mark.parametrize(("default", "wanted"), [(FREE, TEAM), (BUSINESS, FREE)])
def test_first_choice_holds_at_once_in_a_period_of_its_own(default: PlanName, wanted: PlanName) -> None:
    assert changed(None, default, wanted, NOW) == Move(begun(wanted), ChangeKind.CHANGED, default, wanted, NOW)


def test_dearer_plan_holds_at_once_in_the_same_period() -> None:
    expected = of_record(subscribed(plan="BUSINESS"))
    assert changed(subscribed(), TEAM, BUSINESS, NOW) == Move(expected, ChangeKind.CHANGED, TEAM, BUSINESS, NOW)


def test_dearer_plan_drops_the_cheaper_one_that_was_pending() -> None:
    assert changed(subscribed(pending_plan="FREE"), TEAM, BUSINESS, NOW).becomes.pending_plan is None


def test_first_plan_that_costs_begins_a_period() -> None:
    assert changed(subscribed(plan="FREE"), FREE, TEAM, NOW) == Move(begun(TEAM), ChangeKind.CHANGED, FREE, TEAM, NOW)


def test_cheaper_plan_is_pending_until_the_period_ends() -> None:
    expected = of_record(subscribed(plan="ENTERPRISE", pending_plan="TEAM"))
    current = subscribed(plan="ENTERPRISE", pending_plan="BUSINESS")
    assert changed(current, ENTERPRISE, TEAM, NOW) == Move(expected, ChangeKind.SCHEDULED, ENTERPRISE, TEAM, END)


def test_choosing_the_present_plan_calls_the_pending_one_off() -> None:
    move = changed(subscribed(pending_plan="FREE"), TEAM, TEAM, NOW)
    assert move == Move(of_record(subscribed()), ChangeKind.UNSCHEDULED, TEAM, TEAM, NOW)


@pytest.mark.parametrize(
    ("current", "present", "wanted", "message"),
    [
        (None, FREE, FREE, "The plan is FREE already."),
        (subscribed(), TEAM, TEAM, "The plan is TEAM already."),
        (subscribed(pending_plan="FREE"), TEAM, FREE, "The plan becomes FREE when its period ends already."),
        *(
            (
                subscribed(canceled_at=START),
                TEAM,
                wanted,
                "The plan is canceled and ends with its period: call resumePlan first.",
            )
            for wanted in PlanName
        ),
    ],
)
def test_choice_that_is_refused(
    current: BillingSubscriptionRecord | None, present: PlanName, wanted: PlanName, message: str
) -> None:
    with pytest.raises(IllegalTransition) as refused:
        changed(current, present, wanted, NOW)
    assert (refused.value.message, refused.value.path) == (message, ("plan",))


def test_canceled_plan_ends_with_its_period_and_drops_the_pending_one() -> None:
    expected = of_record(subscribed(canceled_at=NOW))
    assert canceled(subscribed(pending_plan="FREE"), TEAM, NOW) == Move(
        expected, ChangeKind.CANCELED, TEAM, to_plan=None, effective_at=END
    )


@pytest.mark.parametrize("current", [None, subscribed(canceled_at=START)])
def test_what_is_not_there_or_canceled_already_is_not_canceled(current: BillingSubscriptionRecord | None) -> None:
    with pytest.raises(IllegalTransition):
        canceled(current, TEAM, NOW)


def test_resumed_plan_goes_on_as_before() -> None:
    move = resumed(subscribed(canceled_at=START), TEAM, NOW)
    assert move == Move(of_record(subscribed()), ChangeKind.RESUMED, TEAM, TEAM, NOW)


@pytest.mark.parametrize("current", [None, subscribed(), subscribed(pending_plan="FREE")])
def test_what_is_not_canceled_is_not_resumed(current: BillingSubscriptionRecord | None) -> None:
    with pytest.raises(IllegalTransition):
        resumed(current, TEAM, NOW)


@pytest.mark.parametrize("wanted", [FREE, BUSINESS])
def test_operator_puts_a_tenant_on_any_plan_at_once(wanted: PlanName) -> None:
    for current in (subscribed(), subscribed(canceled_at=START)):
        expected = of_record(subscribed(plan=wanted))
        assert put(current, TEAM, wanted, NOW) == Move(expected, ChangeKind.CHANGED, TEAM, wanted, NOW)
    assert put(None, TEAM, wanted, NOW) == Move(begun(wanted), ChangeKind.CHANGED, TEAM, wanted, NOW)


def test_operator_who_puts_a_tenant_on_its_plan_ends_what_was_to_end_it() -> None:
    for current in (subscribed(pending_plan="FREE"), subscribed(canceled_at=START)):
        move = put(current, TEAM, TEAM, NOW)
        assert move is not None
        assert move.becomes == of_record(subscribed())
    assert put(subscribed(), TEAM, TEAM, NOW) is None
