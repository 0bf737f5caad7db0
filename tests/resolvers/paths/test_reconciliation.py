from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import AdvertiserId, EventId, TenantId
from persistence.records import EventRecord
from resolvers.paths.reconciliation import TOLERANCE, ReconciliationStatus, ReportField, reconciled
from tests.resolvers.paths.scene import MICROSECOND, NOON


def report(at: datetime = NOON, **values: Any) -> EventRecord:
    given: dict[str, Any] = {
        "tenant_id": TenantId(1),
        "id": EventId(1),
        "occurred_at": at,
        "received_at": at,
        "type": "PURCHASE",
        "key": "key",
        "household": 1,
        "advertiser_id": AdvertiserId(1),
        "placement_id": None,
        "source": "SERVER",
        "order_id": "o",
        "value_minor": None,
        "currency": None,
        "promo_code": None,
        "counted": True,
    }
    return EventRecord(**{**given, **values})


def conflicts(*reports: EventRecord) -> dict[ReportField, tuple[str | None, ...]]:
    return {conflict.field: conflict.reported for conflict in reconciled(reports, 0).conflicts}


def test_single_report_agrees_with_itself() -> None:
    found = reconciled([report()], 0)
    assert (found.status, found.conflicts, found.reports_omitted) == (ReconciliationStatus.SINGLE_REPORT, (), 0)


def test_reports_that_say_the_same_agree() -> None:
    found = reconciled([report(value_minor=5, currency="EUR")] * 3, 7)
    assert (found.status, found.conflicts, found.reports_omitted) == (ReconciliationStatus.AGREED, (), 7)


@pytest.mark.parametrize(
    ("field", "first", "second", "reported"),
    [
        ("VALUE", {"value_minor": 5, "currency": "EUR"}, {"value_minor": 6, "currency": "EUR"}, ("5", "6")),
        ("CURRENCY", {"value_minor": 5, "currency": "EUR"}, {"value_minor": 6, "currency": "USD"}, ("EUR", "USD")),
        ("PROMO_CODE", {"promo_code": "A"}, {"promo_code": "B"}, ("A", "B")),
        ("HOUSEHOLD", {"household": 10}, {"household": 11}, ("hh_000000000000000a", "hh_000000000000000b")),
        (
            "OCCURRED_AT",
            {},
            {"at": NOON + TOLERANCE + MICROSECOND},
            ("2026-03-10T12:00:00Z", "2026-03-10T13:00:00.000001Z"),
        ),
    ],
)
def test_each_contradiction_is_told_with_what_was_reported(
    field: str, first: dict[str, Any], second: dict[str, Any], reported: tuple[str, ...]
) -> None:
    assert conflicts(report(**first), report(**second)) == {ReportField(field): reported}
    assert reconciled([report(**first), report(**second)], 0).status is ReconciliationStatus.CONFLICT


def test_what_a_report_leaves_out_contradicts_nothing() -> None:
    full = report(value_minor=5, currency="EUR", promo_code="A")
    assert conflicts(full, report()) == {}
    assert conflicts(report(), full, report(promo_code="B")) == {ReportField.PROMO_CODE: (None, "A", "B")}


def test_an_hour_apart_is_no_contradiction() -> None:
    assert conflicts(report(), report(NOON + TOLERANCE)) == {}


said = st.fixed_dictionaries(
    {
        "money": st.one_of(st.none(), st.tuples(st.integers(0, 2), st.sampled_from(["EUR", "USD"]))),
        "promo_code": st.sampled_from([None, "A", "B"]),
        "household": st.integers(1, 2),
    }
)


@given(st.lists(said, min_size=1, max_size=5))
def test_reports_conflict_exactly_if_two_of_them_do(some: Sequence[dict[str, Any]]) -> None:
    reports = []
    for one in some:
        value, currency = one["money"] or (None, None)
        reports.append(
            report(value_minor=value, currency=currency, promo_code=one["promo_code"], household=one["household"])
        )
    pairs = {field for first in reports for second in reports for field in conflicts(first, second)}
    assert set(conflicts(*reports)) == pairs
    assert set(conflicts(*reversed(reports))) == pairs
