"""Paths: the touches that lead to a conversion, and the rules that choose them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from persistence.ids import PlacementId, RunId
from persistence.records import EventRecord, PlacementRecord
from persistence.repositories.campaigns import Placements
from persistence.repositories.events import Events
from persistence.repositories.path_rules import LONGEST_PATH
from persistence.repositories.path_rules import PathRules as PathRulesRecord
from resolvers import ids, lists
from resolvers.events.kinds import ImpressionType
from resolvers.paths import conversions
from resolvers.paths.conversions import BuiltPath, PathSource
from resolvers.paths.conversions import PathTouch as PathTouchRecord
from resolvers.paths.rules import Evidence, PromoPolicy, StatedRules
from schema.enums import described
from schema.fields import LONGEST, batched
from schema.info import Info
from schema.relay import of_record
from schema.types.placements import Placement

if TYPE_CHECKING:
    from schema.types.events import ConversionEvent, Touchpoint

described(
    PromoPolicy,
    "What a promo code proves, beside touches.",
    {
        PromoPolicy.OVERRIDE: "The placement of the code gets everything, whatever was touched.",
        PromoPolicy.FALLBACK: "The placement of the code gets everything where no touch is eligible.",
        PromoPolicy.IGNORE: "Nothing: touches alone count.",
    },
)
described(
    Evidence,
    "What a path is made of.",
    {
        Evidence.TOUCHES: "Eligible touches.",
        Evidence.PROMO_CODE: "A promo code, which proves one placement.",
        Evidence.NONE: "Nothing: nobody earns the conversion.",
    },
    name="PathEvidence",
)


@strawberry.pydantic.input(
    description="Which touches lead to a conversion: those of the same household and advertiser, within a window."
)
class PathRulesInput(StatedRules):
    pass


@strawberry.type(description="Which touches lead to a conversion: those of the same household and advertiser.")
class PathRules:
    is_type_of = of_record(PathRulesRecord)

    impressions: ImpressionType = strawberry.field(description="Which impressions are touches.")
    impression_window_hours: int = strawberry.field(
        description="How many hours before the conversion an impression counts; 0 if impressions are no touches."
    )
    visit_window_hours: int = strawberry.field(
        description="How many hours before the conversion a visit that came by a placement counts; 0 if visits are no"
        " touches."
    )
    promo_policy: PromoPolicy = strawberry.field(description="What a promo code proves, beside touches.")


LazyTouchpoint = Annotated["Touchpoint", strawberry.lazy("schema.types.events")]
LazyConversion = Annotated["ConversionEvent", strawberry.lazy("schema.types.events")]
RunArgument = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="An attribution run: the path is the one that it froze. Left out: events as now."),
]
RulesArgument = Annotated[
    PathRulesInput | None,
    strawberry.argument(
        description="Which touches count; the defaults if left out. Not with a run, which has its own."
    ),
]


async def touchpoints_of(parents: Sequence[Any], info: Info) -> list[EventRecord | None]:
    """The event of each touch; None for a promo code, and for one that retention has deleted."""
    wanted = [touch.id for touch in parents if touch.id]
    found = dict(zip(wanted, await info.context.loaders.by_id(Events).fetch(wanted), strict=True))
    return [found.get(touch.id) for touch in parents]


async def placements_of(placement_ids: Sequence[PlacementId | None], info: Info) -> list[PlacementRecord | None]:
    wanted = [placement_id for placement_id in placement_ids if placement_id is not None]
    found = {record.id: record for record in await lists.existing(info.context, Placements, wanted)}
    return [None if placement_id is None else found[placement_id] for placement_id in placement_ids]


async def certain_placements(placement_ids: Sequence[PlacementId], info: Info) -> list[PlacementRecord]:
    return await lists.existing(info.context, Placements, placement_ids, reads=info.reads)


@strawberry.type(description="A touch that leads to a conversion.")
class PathTouch:
    is_type_of = of_record(PathTouchRecord)

    occurred_at: datetime = strawberry.field(description="When it happened; for a promo code, when it was used.")
    age_seconds: int = strawberry.field(description="Whole seconds from the touch to the conversion, rounded down.")

    @batched(
        graphql_type=LazyTouchpoint | None,
        description="The event; null where a promo code stands for a touch, or if it is older than events are kept.",
    )
    @staticmethod
    async def touchpoint(parents: Sequence[PathTouchRecord], info: Info) -> list[EventRecord | None]:
        return await touchpoints_of(parents, info)

    @batched(graphql_type=Placement, description="The placement that was touched, or that the promo code proves.")
    @staticmethod
    async def placement(parents: Sequence[PathTouchRecord], info: Info) -> list[PlacementRecord]:
        return await certain_placements([touch.placement_id for touch in parents], info)


@strawberry.type(description="The touches that lead to a conversion.")
class Path:
    is_type_of = of_record(BuiltPath)

    touches: list[PathTouch] = strawberry.field(
        description=f"Oldest first; at most {LONGEST_PATH}, of more the latest. One for the promo code, if it decides.",
        metadata={LONGEST: LONGEST_PATH},
    )
    evidence: Evidence = strawberry.field(description="What the path is made of.")
    rules: PathRules = strawberry.field(description="Which touches were eligible.")
    conversion: LazyConversion = strawberry.field(
        description="The conversion that is counted; another report, if this is a further one of its order."
    )


async def source_of(info: Info, rules: PathRulesInput | None, run: strawberry.ID | None) -> PathSource:
    run_id = None if run is None else RunId(ids.row_id(run, ids.RUN, "run"))
    return await conversions.path_source(info.context, rules, run_id)


@batched(
    graphql_type=Path | None,
    description="The touches that lead to it; null if the run has no such conversion, or if the report that counts the"
    " order is older than events are kept.",
)
async def conversion_path(
    parents: Sequence[EventRecord], info: Info, rules: RulesArgument = None, run: RunArgument = None
) -> list[BuiltPath | None]:
    return await conversions.paths(info.context, parents, await source_of(info, rules, run))
