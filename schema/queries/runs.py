"""Queries of attribution: models, runs, and what can be asked without a run."""

from datetime import datetime
from typing import Annotated

import strawberry

from persistence.ids import CampaignId, PlacementId
from persistence.records import AttributionRunRecord
from persistence.repositories.runs import AttributionRuns
from resolvers import ids, lists
from resolvers.attribution.model import Model
from resolvers.attribution.registry import models
from resolvers.paths.rules import stated
from resolvers.policy import Permission
from resolvers.runs import comparison
from resolvers.runs.comparison import (
    FEWEST_MODELS,
    LARGEST_CONVERSIONS,
    LARGEST_TOUCHES,
    MOST_MODELS,
    MOST_REMOVED,
    ModelComparison,
    Removal,
)
from schema.fields import PerItem, root_field
from schema.info import Info
from schema.listings import root_connection
from schema.relay import IdArgument
from schema.types.attribution_models import AttributionModel, AttributionModelInput, chosen_model
from schema.types.comparison import AttributionComparison, RemovalEffect
from schema.types.credits import CreditGroup, GroupArgument
from schema.types.paths import PathRulesInput
from schema.types.run_lists import RUNS
from schema.types.runs import AttributionRun, scope_of

FromArgument = Annotated[
    datetime, strawberry.argument(name="from", description="The moment from which on conversions count.")
]
UntilArgument = Annotated[
    datetime,
    strawberry.argument(
        description="The moment before which conversions count; not in the future, at most 400 days on."
    ),
]
RulesArgument = Annotated[
    PathRulesInput | None,
    strawberry.argument(description="Which touches lead to a conversion; the rules' defaults if left out."),
]
_AT_MOST = f"at most {LARGEST_CONVERSIONS:,} conversions and {LARGEST_TOUCHES:,} touches"


@strawberry.type
class RunQueries:
    attribution_runs = root_connection(RUNS, description="The tenant's attribution runs.")

    @root_field(graphql_type=AttributionRun | None, description="One run; null if your tenant has none of this id.")
    @staticmethod
    async def attribution_run(info: Info, id: IdArgument) -> AttributionRunRecord | None:
        return await lists.by_id(info.context, AttributionRuns, ids.row_id(id, ids.RUN, "id"), reads=info.reads)

    @root_field(graphql_type=list[AttributionModel], description="The models that there are.", longest=len(models()))
    @staticmethod
    async def attribution_models(info: Info) -> list[Model]:
        info.context.tenant_for(Permission.READ)
        return list(models().values())

    @root_field(
        graphql_type=AttributionComparison,
        description=f"Several models side by side over the same paths, at once: for {_AT_MOST}, else use"
        " runAttribution. Nothing is stored.",
        longest=PerItem("models", ("models",)),
    )
    @staticmethod
    async def compare_models(
        info: Info,
        campaign_id: Annotated[
            strawberry.ID, strawberry.argument(description="The campaign whose placements are credited.")
        ],
        from_: FromArgument,
        until: UntilArgument,
        models: Annotated[
            list[AttributionModelInput],
            strawberry.argument(
                description=f"The models, {FEWEST_MODELS} to {MOST_MODELS}, in the order of the answer; the same one"
                " may be there with different parameters."
            ),
        ],
        rules: RulesArgument = None,
        group_by: GroupArgument = CreditGroup.PLACEMENT,
    ) -> ModelComparison:
        campaign = CampaignId(ids.row_id(campaign_id, ids.CAMPAIGN, "campaignId"))
        chosen = [chosen_model(model, "models", str(index)) for index, model in enumerate(models)]
        return await comparison.compare_models(
            info.context, campaign, from_, until, stated(rules), chosen, group_by.value
        )

    @root_field(
        graphql_type=RemovalEffect,
        description="What would be lost without some placements, by a Markov chain of all journeys, at once: for"
        f" {_AT_MOST}. Nothing is stored.",
    )
    @staticmethod
    async def removal_effect(
        info: Info,
        placement_ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(description=f"The placements to do without, 1 to {MOST_REMOVED}."),
        ],
        from_: FromArgument,
        until: UntilArgument,
        advertiser_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="All journeys of this advertiser; or give a campaign."),
        ] = None,
        campaign_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Journeys of this campaign's placements alone.")
        ] = None,
        rules: RulesArgument = None,
    ) -> Removal:
        scope = scope_of(advertiser_id, campaign_id, from_, until)
        removed = [PlacementId(row_id) for row_id in ids.row_ids(placement_ids, ids.PLACEMENT, "placementIds")]
        return await comparison.removal_effect(info.context, scope, stated(rules), removed)
