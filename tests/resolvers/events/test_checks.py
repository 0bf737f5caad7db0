"""Every rule that needs no look-up, by its code and its path; all breaches of an event at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import PlacementId, TenantId
from resolvers.events.checks import CheckedEvent, EventChecks
from resolvers.events.identity import Households, event_id
from resolvers.events.incoming import IncomingEvent
from resolvers.events.kinds import EventType

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TENANT = TenantId(7)
HOUSEHOLDS = Households("a secret", TENANT)

IMPRESSION: dict[str, Any] = {
    "key": "k",
    "type": "AD_DELIVERED",
    "occurred_at": "2026-11-23T11:00:00Z",
    "ip_address": "203.0.113.7",
    "placement_id": "plc_3",
}
VISIT: dict[str, Any] = {**IMPRESSION, "type": "VISIT"}
PURCHASE: dict[str, Any] = {**IMPRESSION, "type": "PURCHASE", "placement_id": None, "advertiser_id": "adv_5"}


def checked(event: dict[str, Any], **changed: Any) -> CheckedEvent | list[tuple[str, str]]:
    found = EventChecks(TENANT, HOUSEHOLDS, NOW, 25).checked(IncomingEvent(**{**event, **changed}))
    if isinstance(found, CheckedEvent):
        return found
    assert all(len(problem.path) == 1 and problem.message.endswith(".") for problem in found)
    return [(problem.code, problem.path[0]) for problem in found]


def test_impression() -> None:
    assert checked(IMPRESSION) == CheckedEvent(
        id=event_id(TENANT, "k"),
        occurred_at=datetime(2026, 11, 23, 11, tzinfo=UTC),
        type="AD_DELIVERED",
        key="k",
        household=HOUSEHOLDS.household("203.0.113.7"),
        advertiser_id=None,
        placement_id=PlacementId(3),
        source=None,
        order_id=None,
        value_minor=None,
        currency=None,
        promo_code=None,
    )


def test_conversion() -> None:
    values = {"source": "PIXEL", "order_id": " 17 ", "value_minor": 1250, "currency": "eur", "promo_code": " show-10"}
    found = checked(PURCHASE, **values)
    assert isinstance(found, CheckedEvent)
    assert (found.placement_id, found.advertiser_id, found.source, found.order_id) == (None, 5, "PIXEL", "17")
    assert (found.value_minor, found.currency, found.promo_code) == (1250, "EUR", "SHOW-10")


def test_conversion_of_no_source_is_the_servers() -> None:
    found = checked(PURCHASE)
    assert isinstance(found, CheckedEvent)
    assert found.source == "SERVER"


@pytest.mark.parametrize(
    "reference",
    [{"placement_id": "plc_3"}, {"advertiser_id": "adv_5"}, {"placement_id": "plc_3", "advertiser_id": "adv_5"}],
)
def test_visit_needs_a_placement_or_an_advertiser(reference: dict[str, str]) -> None:
    assert isinstance(checked({**VISIT, "placement_id": None}, **reference), CheckedEvent)


@pytest.mark.parametrize("given_value", [0, 7, 7.0, "7", 2**53 - 1, "9007199254740991"])
def test_value_that_is_taken(given_value: float | str) -> None:
    found = checked(PURCHASE, value_minor=given_value, currency="USD")
    assert isinstance(found, CheckedEvent)
    assert found.value_minor == int(given_value)
    assert type(found.value_minor) is int


@pytest.mark.parametrize(
    "value",
    [
        *(-1, 0.5, 1250.000001, 2**53, 1e300, float("nan"), float("inf"), float("-inf"), True),
        *("", "-1", "1.5", "1e3", " 7", "٣", "NaN", "9" * 17, "9" * 5000),
    ],
)
def test_value_that_is_refused(value: float | str) -> None:
    assert checked(PURCHASE, value_minor=value, currency="USD") == [("INVALID_VALUE", "valueMinor")]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"key": None}, "MISSING_VALUE", "key"),
        ({"key": " \n"}, "MISSING_VALUE", "key"),
        ({"key": "k" * 129}, "TEXT_TOO_LONG", "key"),
        ({"key": "k" * 10_000_000}, "TEXT_TOO_LONG", "key"),
        ({"key": "a\x00b"}, "UNSTORABLE_CHARACTER", "key"),
        ({"key": "a\ud800"}, "UNSTORABLE_CHARACTER", "key"),
        ({"type": None}, "MISSING_VALUE", "type"),
        ({"type": "ad_delivered"}, "UNKNOWN_TYPE", "type"),
        ({"occurred_at": None}, "MISSING_VALUE", "occurredAt"),
        ({"occurred_at": "yesterday"}, "INVALID_TIMESTAMP", "occurredAt"),
        ({"occurred_at": "2026-11-20x10:00:00Z"}, "INVALID_TIMESTAMP", "occurredAt"),
        ({"occurred_at": "2026-02-30T00:00:00Z"}, "INVALID_TIMESTAMP", "occurredAt"),
        ({"occurred_at": "1790000000"}, "INVALID_TIMESTAMP", "occurredAt"),
        ({"occurred_at": "2026-11-23T11:00:00"}, "TIMESTAMP_WITHOUT_ZONE", "occurredAt"),
        ({"occurred_at": "2026-11-23"}, "TIMESTAMP_WITHOUT_ZONE", "occurredAt"),
        ({"occurred_at": "2026-11-23T12:05:01Z"}, "TIMESTAMP_IN_FUTURE", "occurredAt"),
        ({"occurred_at": "9999-12-31T23:59:59-23:59"}, "TIMESTAMP_IN_FUTURE", "occurredAt"),
        ({"occurred_at": "2024-09-30T23:59:59.999999Z"}, "TIMESTAMP_TOO_OLD", "occurredAt"),
        ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "TIMESTAMP_TOO_OLD", "occurredAt"),
        ({"ip_address": None}, "MISSING_VALUE", "ipAddress"),
        ({"ip_address": "203.0.113"}, "INVALID_ADDRESS", "ipAddress"),
        ({"ip_address": "192.168.0.1"}, "ADDRESS_NOT_PUBLIC", "ipAddress"),
        ({"placement_id": None}, "MISSING_VALUE", "placementId"),
        ({"placement_id": "3"}, "INVALID_ID", "placementId"),
        ({"placement_id": ""}, "INVALID_ID", "placementId"),
        ({"placement_id": "adv_3"}, "WRONG_ID_TYPE", "placementId"),
        ({"placement_id": "plc_9223372036854775808"}, "INVALID_ID", "placementId"),
        ({"advertiser_id": "plc_3"}, "WRONG_ID_TYPE", "advertiserId"),
        ({"source": "PIXEL"}, "FIELD_NOT_ALLOWED", "source"),
        ({"order_id": "1"}, "FIELD_NOT_ALLOWED", "orderId"),
        ({"value_minor": 0}, "FIELD_NOT_ALLOWED", "valueMinor"),
        ({"currency": "USD"}, "FIELD_NOT_ALLOWED", "currency"),
        ({"promo_code": "SHOW"}, "FIELD_NOT_ALLOWED", "promoCode"),
    ],
)
@pytest.mark.parametrize("kind", ["AD_DELIVERED", "CLIENT_CONFIRMED"])
def test_impression_that_is_refused(kind: str, changed: dict[str, Any], code: str, field: str) -> None:
    assert checked(IMPRESSION, **{"type": kind, **changed}) == [(code, field)]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"placement_id": None}, "MISSING_VALUE", "advertiserId"),
        ({"source": "PIXEL"}, "FIELD_NOT_ALLOWED", "source"),
        ({"order_id": "1"}, "FIELD_NOT_ALLOWED", "orderId"),
        ({"value_minor": 0}, "FIELD_NOT_ALLOWED", "valueMinor"),
        ({"currency": "USD"}, "FIELD_NOT_ALLOWED", "currency"),
        ({"promo_code": "SHOW"}, "FIELD_NOT_ALLOWED", "promoCode"),
    ],
)
def test_visit_that_is_refused(changed: dict[str, Any], code: str, field: str) -> None:
    assert checked(VISIT, **changed) == [(code, field)]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"advertiser_id": None}, "MISSING_VALUE", "advertiserId"),
        ({"placement_id": "plc_3"}, "FIELD_NOT_ALLOWED", "placementId"),
        ({"source": "pixel"}, "UNKNOWN_SOURCE", "source"),
        ({"order_id": " "}, "MISSING_VALUE", "orderId"),
        ({"order_id": "1" * 201}, "TEXT_TOO_LONG", "orderId"),
        ({"order_id": "1\x00"}, "UNSTORABLE_CHARACTER", "orderId"),
        ({"order_id": "ä\udfff"}, "UNSTORABLE_CHARACTER", "orderId"),
        ({"value_minor": 100}, "VALUE_WITHOUT_CURRENCY", "valueMinor"),
        ({"currency": "USD"}, "CURRENCY_WITHOUT_VALUE", "currency"),
        ({"value_minor": 100, "currency": "XAU"}, "UNKNOWN_CURRENCY", "currency"),
        ({"value_minor": 100, "currency": ""}, "UNKNOWN_CURRENCY", "currency"),
        ({"promo_code": ""}, "INVALID_PROMO_CODE", "promoCode"),
        ({"promo_code": "50%"}, "INVALID_PROMO_CODE", "promoCode"),
        ({"promo_code": "straße"}, "INVALID_PROMO_CODE", "promoCode"),
        ({"promo_code": "A" * 65}, "TEXT_TOO_LONG", "promoCode"),
    ],
)
@pytest.mark.parametrize("kind", ["PURCHASE", "LEAD", "SIGNUP", "INSTALL"])
def test_conversion_that_is_refused(kind: str, changed: dict[str, Any], code: str, field: str) -> None:
    assert checked(PURCHASE, **{"type": kind, **changed}) == [(code, field)]


@pytest.mark.parametrize(
    "moment", ["2026-11-23T12:05:00Z", "2026-11-23T13:05:00+01:00", "2024-10-01T00:00:00Z", "20241001T000000Z"]
)
def test_first_and_last_moment_that_are_taken(moment: str) -> None:
    assert isinstance(checked(IMPRESSION, occurred_at=moment), CheckedEvent)


def test_every_problem_of_an_event_is_told() -> None:
    assert checked({}) == [
        ("MISSING_VALUE", "key"),
        ("MISSING_VALUE", "occurredAt"),
        ("MISSING_VALUE", "ipAddress"),
        ("MISSING_VALUE", "type"),
    ]


def test_problem_never_repeats_an_address() -> None:
    for address in ("192.168.77.91", "192.168.77.91x"):
        found = EventChecks(TENANT, HOUSEHOLDS, NOW, 25).checked(IncomingEvent(**{**IMPRESSION, "ip_address": address}))
        assert isinstance(found, tuple)
        assert not any("77.91" in problem.message for problem in found)


def test_wrong_id_is_wrong_each_time_it_comes() -> None:
    checks = EventChecks(TENANT, HOUSEHOLDS, NOW, 25)
    found = [checks.checked(IncomingEvent(**{**IMPRESSION, "placement_id": "adv_3"})) for _ in range(2)]
    assert [[problem.code for problem in problems] for problems in found if isinstance(problems, tuple)] == [
        ["WRONG_ID_TYPE"],
        ["WRONG_ID_TYPE"],
    ]


TEXT = st.none() | st.text(max_size=210) | st.text(st.characters(), max_size=5)
TYPES = TEXT | st.sampled_from([*EventType])
VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=20)
IDS = TEXT | st.sampled_from(["plc_3", "adv_5", "plc_0", "plc_99999999999999999999"])


@given(
    st.builds(
        IncomingEvent,
        key=TEXT,
        type=TYPES,
        occurred_at=TEXT | st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat),
        ip_address=TEXT | st.ip_addresses().map(str),
        placement_id=IDS,
        advertiser_id=IDS,
        source=TEXT | st.sampled_from(["PIXEL", "SERVER"]),
        order_id=TEXT,
        value_minor=VALUES,
        currency=TEXT | st.sampled_from(["EUR", "usd", "XXX"]),
        promo_code=TEXT,
    )
)
def test_whatever_comes_is_storable_or_has_problems(event: IncomingEvent) -> None:
    found = EventChecks(TENANT, HOUSEHOLDS, NOW, 25).checked(event)
    if isinstance(found, tuple):
        assert found
        return
    assert found.type in {*EventType}
    assert 0 < found.id < 2**62
    assert 0 < found.household < 2**62
    assert datetime(2024, 10, 1, tzinfo=UTC) <= found.occurred_at <= NOW + timedelta(minutes=5)
    assert (found.value_minor is None) == (found.currency is None)
    assert found.value_minor is None or 0 <= found.value_minor < 2**53
    for text in (found.key, found.order_id, found.promo_code, found.currency):
        assert text is None or (text.strip() and "\x00" not in text and text.encode())
