from datetime import timedelta

import msgspec
import pytest

from persistence.ids import EventId, PlacementId
from persistence.repositories.conversion_paths import HouseholdTouch
from resolvers.paths.eligibility import Ineligible, ineligible
from tests.resolvers.paths.scene import HOUR, MICROSECOND, NOON, RULES, WINDOW

TOUCH = HouseholdTouch(EventId(1), NOON - HOUR, "AD_DELIVERED", PlacementId(1), in_scope=True)


@pytest.mark.parametrize("kind", ["AD_DELIVERED", "VISIT"])
@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (timedelta(0), None),
        (WINDOW, None),
        (WINDOW + MICROSECOND, Ineligible.OUTSIDE_WINDOW),
        (-MICROSECOND, Ineligible.AFTER_CONVERSION),
    ],
)
def test_touch_is_eligible_from_its_window_up_to_the_conversion(
    kind: str, before: timedelta, reason: Ineligible | None
) -> None:
    touch = msgspec.structs.replace(TOUCH, type=kind, occurred_at=NOON - before)
    assert ineligible(touch, NOON, RULES) is reason


@pytest.mark.parametrize(
    ("touch", "reason"),
    [
        (msgspec.structs.replace(TOUCH, placement_id=None, in_scope=False), Ineligible.NO_PLACEMENT),
        (msgspec.structs.replace(TOUCH, in_scope=False), Ineligible.OTHER_CAMPAIGN),
        (msgspec.structs.replace(TOUCH, type="CLIENT_CONFIRMED"), Ineligible.OTHER_IMPRESSION_TYPE),
    ],
)
def test_each_rule_that_a_touch_breaks_has_its_name(touch: HouseholdTouch, reason: Ineligible) -> None:
    assert ineligible(touch, NOON, RULES) is reason


@pytest.mark.parametrize(
    ("kind", "window"), [("AD_DELIVERED", "impression_window_seconds"), ("VISIT", "visit_window_seconds")]
)
def test_window_of_0_excludes_a_kind(kind: str, window: str) -> None:
    rules = msgspec.structs.replace(RULES, **{window: 0})
    touch = msgspec.structs.replace(TOUCH, type=kind, occurred_at=NOON)
    assert ineligible(touch, NOON, rules) is Ineligible.KIND_EXCLUDED
