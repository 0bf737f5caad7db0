"""Explanations: what each touch of a conversion's household earns of it, and why."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from persistence.records import EventRecord, PlacementRecord
from persistence.repositories.conversion_paths import LOOK_AHEAD, LOOK_BACK, MOST_TOUCHES
from persistence.repositories.path_rules import LONGEST_PATH
from resolvers.attribution.model import Model
from resolvers.paths import conversions
from resolvers.paths.eligibility import Ineligible
from resolvers.paths.explanation import ExplainedTouch as ExplainedTouchRecord
from resolvers.paths.explanation import Explanation as ExplanationRecord
from resolvers.paths.rules import Evidence
from resolvers.paths.shares import DEFAULT_SHARES, PlacementShare
from resolvers.runs.reading import Amount
from schema.enums import described
from schema.fields import LONGEST, batched
from schema.info import Info
from schema.relay import of_record
from schema.types.attribution_models import (
    LARGEST_CHOICE,
    AttributionModel,
    ModelArgument,
    ModelParameterValue,
    ParameterValue,
    chosen_model,
    parameter_values,
)
from schema.types.paths import (
    LazyConversion,
    LazyTouchpoint,
    PathRules,
    RulesArgument,
    RunArgument,
    certain_placements,
    placements_of,
    source_of,
    touchpoints_of,
)
from schema.types.placements import Placement

if TYPE_CHECKING:
    from schema.types.credits import ExactMoney

LazyMoney = Annotated["ExactMoney", strawberry.lazy("schema.types.credits")]

described(
    Ineligible,
    "Why a touch earns nothing of a conversion.",
    {
        Ineligible.NO_PLACEMENT: "No placement is known that led to it.",
        Ineligible.OTHER_CAMPAIGN: "Its placement is not of the campaign that the run is about.",
        Ineligible.OTHER_IMPRESSION_TYPE: "It is an impression of the type that the rules do not count.",
        Ineligible.KIND_EXCLUDED: "The rules exclude its kind: the window is 0.",
        Ineligible.AFTER_CONVERSION: "It came after the conversion.",
        Ineligible.OUTSIDE_WINDOW: "It came longer before the conversion than its kind's window.",
        Ineligible.OVERRIDDEN_BY_PROMO_CODE: "It is within the rules, but a promo code decides.",
        Ineligible.RECEIVED_LATER: "It is within the rules, but was received after the path was built.",
        Ineligible.BEYOND_LONGEST_PATH: f"It is within the rules, but so are {LONGEST_PATH} later ones; no more count.",
    },
    name="IneligibleReason",
)


FirstShares = Annotated[
    int | None,
    strawberry.argument(
        description="Number of placements, from the one touched first on, 0 to"
        f" {LONGEST_PATH}; {DEFAULT_SHARES} if left out. Where there are fewer, these are all."
    ),
]


@strawberry.type(description="What a placement earns of one conversion.")
class ConversionCredit:
    is_type_of = of_record(PlacementShare)

    share: Decimal = strawberry.field(
        description="Its share of the conversion, 0 to 1, to 12 decimals; those of all its placements sum to exactly 1."
    )

    @batched(graphql_type=Placement, description="The placement that earns it.")
    @staticmethod
    async def placement(parents: Sequence[PlacementShare], info: Info) -> list[PlacementRecord]:
        return await certain_placements([earned.placement_id for earned in parents], info)

    @batched(graphql_type=LazyMoney | None, description="Its share of the value; null if the conversion has none.")
    @staticmethod
    def value(parents: Sequence[PlacementShare], info: Info) -> list[Amount | None]:
        return [_amount(earned.value, earned.currency) for earned in parents]


@strawberry.type(description="A touch of the conversion's household with its advertiser, and what it earns.")
class ExplainedTouch:
    is_type_of = of_record(ExplainedTouchRecord)

    occurred_at: datetime = strawberry.field(description="When it happened; for a promo code, when it was used.")
    age_seconds: int = strawberry.field(
        description="Whole seconds from the touch to the conversion, rounded down; negative if it came after."
    )
    reason: Ineligible | None = strawberry.field(
        name="ineligibleReason", description="Why it earns nothing; null if it is eligible."
    )
    weight: Decimal | None = strawberry.field(
        description="What the model gives it before the weights of the path are made to sum to 1, a number without a"
        " unit (of MARKOV the removal effect, 0 to 1, a share of conversions); null if it is not eligible."
    )
    share: Decimal = strawberry.field(
        description="Its share of the conversion, 0 to 1, to 12 decimals; those of a path sum to exactly 1."
    )
    arithmetic: str | None = strawberry.field(
        description="How the share is calculated, in one line; null if it is not eligible."
    )

    @batched(graphql_type=bool, description="Whether it is part of the path, and so earns something.")
    @staticmethod
    def eligible(parents: Sequence[ExplainedTouchRecord], info: Info) -> list[bool]:
        return [touch.reason is None for touch in parents]

    @batched(
        graphql_type=LazyTouchpoint | None,
        description="The event; null where a promo code stands for a touch, or if it is older than events are kept.",
    )
    @staticmethod
    async def touchpoint(parents: Sequence[ExplainedTouchRecord], info: Info) -> list[EventRecord | None]:
        return await touchpoints_of(parents, info)

    @batched(graphql_type=Placement | None, description="The placement that was touched; null if none is known.")
    @staticmethod
    async def placement(parents: Sequence[ExplainedTouchRecord], info: Info) -> list[PlacementRecord | None]:
        return await placements_of([touch.placement_id for touch in parents], info)

    @batched(
        graphql_type=LazyMoney | None,
        description="Its share of the value, exactly: those of a path sum to it; null if the conversion has none.",
    )
    @staticmethod
    def value(parents: Sequence[ExplainedTouchRecord], info: Info) -> list[Amount | None]:
        return [_amount(touch.value, touch.currency) for touch in parents]


@strawberry.type(description="Why a conversion counts, and for whom.")
class Explanation:
    is_type_of = of_record(ExplanationRecord)

    summary: str = strawberry.field(description="The outcome in a sentence.")
    evidence: Evidence = strawberry.field(description="What decides.")
    rules: PathRules = strawberry.field(description="Which touches were eligible.")
    conversion: LazyConversion = strawberry.field(
        description="The conversion that is explained: the one that is counted, if this is a further report."
    )
    touches: list[ExplainedTouch] = strawberry.field(
        description="Every touch of the household with the advertiser, eligible or not, oldest first: from"
        f" {LOOK_BACK.days} days before the longest window to {LOOK_AHEAD.days} day after the conversion, about"
        f" {MOST_TOUCHES:,} at most.",
        metadata={LONGEST: MOST_TOUCHES + LONGEST_PATH},
    )
    touches_omitted: int = strawberry.field(
        description="Number of touches within that time that are not told, because there are too many; never eligible"
        f" ones, unless there are more than {LONGEST_PATH}."
    )

    @batched(graphql_type=AttributionModel, description="How the conversion is divided.")
    @staticmethod
    def model(parents: Sequence[ExplanationRecord], info: Info) -> list[Model]:
        return [explanation.model.model for explanation in parents]

    @batched(
        graphql_type=list[ModelParameterValue],
        description="Every parameter of the model, by name.",
        longest=LARGEST_CHOICE,
    )
    @staticmethod
    def parameters(parents: Sequence[ExplanationRecord], info: Info) -> list[list[ParameterValue]]:
        return [parameter_values(explanation.model.parameters) for explanation in parents]


@batched(
    graphql_type=Explanation | None,
    description="Why it counts and for whom: every touch, eligible or not, with its share; null as for `path`. A model"
    " that weighs placements by all conversions, as MARKOV does, needs a finished run of it.",
)
async def conversion_explain(
    parents: Sequence[EventRecord],
    info: Info,
    model: ModelArgument,
    rules: RulesArgument = None,
    run: RunArgument = None,
) -> list[ExplanationRecord | None]:
    source = await source_of(info, rules, run)
    return await conversions.explanations(info.context, parents, chosen_model(model, "model"), source)


@batched(
    graphql_type=list[ConversionCredit] | None,
    description="What each placement earns of it, in the order in which they were first touched; null as for `path`.",
    longest=DEFAULT_SHARES,
)
async def conversion_credits(
    parents: Sequence[EventRecord],
    info: Info,
    model: ModelArgument,
    rules: RulesArgument = None,
    run: RunArgument = None,
    first: FirstShares = None,
) -> list[list[PlacementShare] | None]:
    source = await source_of(info, rules, run)
    return await conversions.credited(info.context, parents, chosen_model(model, "model"), source, first)


def _amount(value: Decimal | None, currency: str | None) -> Amount | None:
    return None if value is None or currency is None else Amount(value, currency)
