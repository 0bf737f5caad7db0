from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from persistence.ids import EventId, PlacementId
from persistence.records import EventRecord
from persistence.repositories.conversion_paths import ConversionPath, HouseholdTouch, HouseholdTouches
from persistence.repositories.path_rules import LONGEST_PATH
from resolvers.attribution.registry import chosen
from resolvers.paths.eligibility import Ineligible
from resolvers.paths.explanation import Explanation, explained
from tests.resolvers.paths.scene import HOUR, MICROSECOND, NOON, RULES
from tests.resolvers.paths.test_reconciliation import report

CONVERSION = report(id=EventId(9), value_minor=10, currency="EUR")
LINEAR = chosen("LINEAR", None, {})
OVERRIDE = msgspec.structs.replace(RULES, promo_policy="OVERRIDE")


def path(*touches: HouseholdTouch, evidence: str = "TOUCHES") -> ConversionPath:
    return ConversionPath(
        CONVERSION.id,
        CONVERSION.occurred_at,
        10,
        "EUR",
        evidence,
        [PlacementId(touch.placement_id or 0) for touch in touches],
        [touch.id for touch in touches],
        [touch.occurred_at for touch in touches],
    )


def touch(number: int, before: timedelta = HOUR, **values: Any) -> HouseholdTouch:
    given = {"type": "AD_DELIVERED", "placement_id": PlacementId(number), "in_scope": True, **values}
    return HouseholdTouch(id=EventId(number), occurred_at=NOON - before, **given)


def told(
    known: ConversionPath,
    *touches: HouseholdTouch,
    asked: EventRecord = CONVERSION,
    omitted: int = 0,
    rules: Any = RULES,
) -> Explanation:
    return explained(asked, CONVERSION, known, HouseholdTouches(list(touches), omitted), LINEAR, rules, None)


def test_every_touch_is_told_in_order_with_what_it_earns() -> None:
    first, second = touch(1, 2 * HOUR), touch(2)
    late, visit = touch(3, -HOUR), touch(4, type="VISIT", placement_id=None, in_scope=False)
    found = told(path(first, second), first, visit, second, late, omitted=3)
    assert [(one.id, one.reason, one.share, one.value) for one in found.touches] == [
        (1, None, Decimal("0.5"), Decimal(5)),
        (2, None, Decimal("0.5"), Decimal(5)),
        (4, Ineligible.NO_PLACEMENT, Decimal(0), Decimal(0)),
        (3, Ineligible.AFTER_CONVERSION, Decimal(0), Decimal(0)),
    ]
    assert [one.age_seconds for one in found.touches] == [7_200, 3_600, 3_600, -3_600]
    assert [one.arithmetic for one in found.touches] == ["1 ÷ 2 touches", "1 ÷ 2 touches", None, None]
    assert (found.evidence, found.touches_omitted, found.conversion) == ("TOUCHES", 3, CONVERSION)
    assert found.summary == "2 of 4 touches count; by LINEAR, plc_1 earns 0.5, plc_2 earns 0.5."


def test_touch_that_is_no_longer_kept_is_still_told() -> None:
    found = told(path(touch(1)))
    assert [(one.id, one.share) for one in found.touches] == [(1, Decimal(1))]
    assert found.summary == "The only touch counts; by LINEAR, plc_1 earns 1."


def test_touch_that_a_frozen_path_does_not_have_was_received_later() -> None:
    found = told(path(touch(1)), touch(1), touch(2))
    assert [one.reason for one in found.touches] == [None, Ineligible.RECEIVED_LATER]


def test_touch_before_the_longest_path_is_beyond_it() -> None:
    long = [touch(10 + place, HOUR - place * MICROSECOND) for place in range(LONGEST_PATH)]
    early, same_moment = touch(1, 2 * HOUR), touch(9)
    between = touch(10_000, HOUR - MICROSECOND)
    found = told(path(*long), early, same_moment, between)
    reasons = {one.id: one.reason for one in found.touches if one.reason}
    assert reasons == {
        1: Ineligible.BEYOND_LONGEST_PATH,
        9: Ineligible.BEYOND_LONGEST_PATH,
        10_000: Ineligible.RECEIVED_LATER,
    }
    assert sum(one.share for one in found.touches) == 1


def test_promo_code_stands_for_a_touch_and_overrides_the_others() -> None:
    code = HouseholdTouch(EventId(0), NOON, "AD_DELIVERED", PlacementId(7), in_scope=True)
    proven = path(code, evidence="PROMO_CODE")
    found = told(proven, touch(1), touch(2, 2000 * HOUR), rules=OVERRIDE)
    assert [(one.id, one.placement_id, one.reason, one.share) for one in found.touches] == [
        (2, 2, Ineligible.OUTSIDE_WINDOW, Decimal(0)),
        (1, 1, Ineligible.OVERRIDDEN_BY_PROMO_CODE, Decimal(0)),
        (0, 7, None, Decimal(1)),
    ]
    assert found.summary == "A promo code of the order proves plc_7, which earns all of it."
    fallback = told(proven, touch(1))
    assert fallback.touches[0].reason is Ineligible.RECEIVED_LATER


def test_conversion_that_nobody_earns_says_so() -> None:
    found = told(path(evidence="NONE"), touch(1, 2000 * HOUR))
    assert [one.reason for one in found.touches] == [Ineligible.OUTSIDE_WINDOW]
    assert found.summary == "No touch is eligible and no promo code proves a placement: nobody earns it."


def test_further_report_names_the_conversion_that_counts() -> None:
    found = told(path(touch(1)), asked=report(id=EventId(8), counted=False))
    assert found.conversion == CONVERSION
    assert found.summary.startswith("A further report of the order that cnv_9 counts. The only touch counts;")


def test_summary_names_the_three_that_earn_most() -> None:
    touches = [touch(one) for one in (1, 2, 3, 4, 4)]
    found = told(path(*touches))
    assert found.summary == (
        "5 of 5 touches count; by LINEAR, plc_4 earns 0.4, plc_1 earns 0.2, plc_2 earns 0.2, the rest goes to 1 more."
    )
