"""Queries over placements together; the metrics of one object are its field."""

from typing import Annotated

import strawberry

from persistence.ids import PlacementId
from resolvers import ids
from resolvers.events.kinds import ImpressionType
from resolvers.metrics import overlap as overlaps
from schema.fields import PerItem, root_field
from schema.info import Info
from schema.types.metrics import ImpressionsArgument, Overlap, RangeArgument


@strawberry.type
class MetricsQueries:
    @root_field(
        graphql_type=Overlap,
        description="How many households placements reached in a range, alone, in pairs and together: exact.",
        longest=PerItem("placementIds", ("placements",)),
    )
    @staticmethod
    async def overlap(
        info: Info,
        placement_ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(description="The placements, 2 to 50; one named twice counts once."),
        ],
        range: RangeArgument = None,
        impressions: ImpressionsArgument = ImpressionType.AD_DELIVERED,
    ) -> overlaps.Overlap:
        wanted = [PlacementId(row_id) for row_id in ids.row_ids(placement_ids, ids.PLACEMENT, "placementIds")]
        return await overlaps.overlap(info.context, wanted, None if range is None else range.given(), impressions)
