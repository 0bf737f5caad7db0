"""Why a touch does not lead to a conversion: the rules of `persistence/repositories/path_rules.py`, of one touch."""

from datetime import datetime, timedelta
from enum import StrEnum

from persistence.repositories.conversion_paths import HouseholdTouch
from persistence.repositories.events import IMPRESSIONS
from persistence.repositories.path_rules import PathRules


class Ineligible(StrEnum):
    """Why a touch earns nothing of a conversion."""

    NO_PLACEMENT = "NO_PLACEMENT"
    OTHER_CAMPAIGN = "OTHER_CAMPAIGN"
    OTHER_IMPRESSION_TYPE = "OTHER_IMPRESSION_TYPE"
    KIND_EXCLUDED = "KIND_EXCLUDED"
    AFTER_CONVERSION = "AFTER_CONVERSION"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    OVERRIDDEN_BY_PROMO_CODE = "OVERRIDDEN_BY_PROMO_CODE"
    RECEIVED_LATER = "RECEIVED_LATER"
    BEYOND_LONGEST_PATH = "BEYOND_LONGEST_PATH"


def ineligible(touch: HouseholdTouch, converted_at: datetime, rules: PathRules) -> Ineligible | None:
    """The first rule that the touch breaks; None if it is eligible."""
    window = rules.windows.get(touch.type, timedelta(0))
    broken = {
        Ineligible.NO_PLACEMENT: touch.placement_id is None,
        Ineligible.OTHER_CAMPAIGN: not touch.in_scope,
        Ineligible.OTHER_IMPRESSION_TYPE: touch.type in IMPRESSIONS and touch.type != rules.impressions,
        Ineligible.KIND_EXCLUDED: touch.type not in rules.windows,
        Ineligible.AFTER_CONVERSION: touch.occurred_at > converted_at,
        Ineligible.OUTSIDE_WINDOW: touch.occurred_at < converted_at - window,
    }
    return next((reason for reason, breaks in broken.items() if breaks), None)
