"""Queries of attribution: models, runs, and what can be asked without a run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from persistence.ids import AdvertiserId, CampaignId, PlacementId
from persistence.records import AttributionRunRecord
from persistence.repositories.runs import AttributionRuns
from resolvers import ids, lists
from resolvers.attribution.model import Model
from resolvers.attribution.registry import models
from resolvers.paths.rules import stated
from resolvers.policy import Permission
from resolvers.runs import comparison
from resolvers.runs.comparison import ModelComparison, Removal
from resolvers.runs.requests import WantedScope
from schema.fields import root_field
from schema.info import Info
from schema.listings import root_connection
from schema.relay import IdArgument
from schema.types.attribution_models import AttributionModel, AttributionModelInput, chosen_model
from schema.types.comparison import AttributionComparison, RemovalEffect
from schema.types.credits import CreditGroup, GroupArgument
from schema.types.paths import PathRulesInput
from schema.types.run_lists import RUNS
from schema.types.runs import AttributionRun

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


@strawberry.type
class RunQueries:
    attribution_runs = root_connection(RUNS, description="The tenant's attribution runs.")

    @root_field(graphql_type=AttributionRun | None, description="One run; null if your tenant has none of this id.")
    @staticmethod
    async def attribution_run(info: Info, id: IdArgument) -> AttributionRunRecord | None:
        return await lists.by_id(info.context, AttributionRuns, ids.row_id(id, ids.RUN, "id"))

    @root_field(graphql_type=list[AttributionModel], description="The models that there are.")
    @staticmethod
    async def attribution_models(info: Info) -> list[Model]:
        info.context.tenant_for(Permission.READ)
        return list(models().values())

    @root_field(
        graphql_type=AttributionComparison,
        description="Several models side by side over the same paths, at once: for at most 50,000 conversions and"
        " 1,000,000 touches, else use runAttribution. Nothing is stored.",
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
            strawberry.argument(description="The models, 2 to 7, in the order of the answer."),
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
        description="What would be lost without some placements, by a Markov chain of all journeys, at once: for at"
        " most 50,000 conversions and 1,000,000 touches. Nothing is stored.",
    )
    @staticmethod
    async def removal_effect(
        info: Info,
        placement_ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The placements to do without, 1 to 100.")
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
        scope = WantedScope(*_scope_ids(advertiser_id, campaign_id), from_, until)
        return await comparison.removal_effect(info.context, scope, stated(rules), _placement_ids(placement_ids))


def _placement_ids(texts: Sequence[str]) -> list[PlacementId]:
    return [
        PlacementId(ids.row_id(text, ids.PLACEMENT, "placementIds", str(index))) for index, text in enumerate(texts)
    ]


def _scope_ids(advertiser: str | None, campaign: str | None) -> tuple[AdvertiserId | None, CampaignId | None]:
    return (
        None if advertiser is None else AdvertiserId(ids.row_id(advertiser, ids.ADVERTISER, "advertiserId")),
        None if campaign is None else CampaignId(ids.row_id(campaign, ids.CAMPAIGN, "campaignId")),
    )
