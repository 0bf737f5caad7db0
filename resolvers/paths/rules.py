"""The rules of a path as a client states them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from persistence.records import AttributionRunRecord, PathSetRecord
from persistence.repositories.path_rules import PathRules
from resolvers.events.kinds import ImpressionType

LONGEST_WINDOW_HOURS = 90 * 24
_WINDOW_HOURS = 30 * 24
_HOUR = 3_600

WindowHours = Annotated[int, Field(ge=0, le=LONGEST_WINDOW_HOURS)]


class PromoPolicy(StrEnum):
    """What a promo code proves, beside touches."""

    OVERRIDE = "OVERRIDE"
    FALLBACK = "FALLBACK"
    IGNORE = "IGNORE"


class Evidence(StrEnum):
    """What a path is made of."""

    TOUCHES = "TOUCHES"
    PROMO_CODE = "PROMO_CODE"
    NONE = "NONE"


class StatedRules(BaseModel):
    impressions: ImpressionType = Field(
        ImpressionType.AD_DELIVERED,
        description="Which impressions are touches; never both, they measure the same play.",
    )
    impression_window_hours: WindowHours = Field(
        _WINDOW_HOURS,
        description="How many hours before the conversion an impression counts, to the microsecond; 0: never, at"
        f" most {LONGEST_WINDOW_HOURS:,} (90 days).",
    )
    visit_window_hours: WindowHours = Field(
        _WINDOW_HOURS,
        description="How many hours before the conversion a visit that came by a placement counts; 0: never, at most"
        f" {LONGEST_WINDOW_HOURS:,} (90 days).",
    )
    promo_policy: PromoPolicy = Field(PromoPolicy.FALLBACK, description="What a promo code proves, beside touches.")

    def path_rules(self) -> PathRules:
        return PathRules(
            impressions=self.impressions.value,
            impression_window_seconds=self.impression_window_hours * _HOUR,
            visit_window_seconds=self.visit_window_hours * _HOUR,
            promo_policy=self.promo_policy.value,
        )


def stated(rules: StatedRules | None) -> PathRules:
    """The defaults if none are stated."""
    return (rules or StatedRules()).path_rules()


def rules_of(record: PathSetRecord | AttributionRunRecord) -> PathRules:
    """The rules that a path set, or a run, was made by."""
    return PathRules(
        impressions=record.impressions,
        impression_window_seconds=record.impression_window_seconds,
        visit_window_seconds=record.visit_window_seconds,
        promo_policy=record.promo_policy,
    )
