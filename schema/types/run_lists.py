"""How runs are listed: below `runs.py`, so that campaigns can list theirs."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from pydantic import BaseModel, Field

from persistence.ids import AdvertiserId, CampaignId
from persistence.repositories.runs import AttributionRuns, RunFilter
from resolvers import ids
from resolvers.runs.states import RunStatus
from resolvers.texts import optional
from schema.enums import described
from schema.listings import Listing, OrderDirection
from schema.types.attribution_models import AttributionModelKind

if TYPE_CHECKING:
    from schema.types.runs import AttributionRun


class RunOrderField(StrEnum):
    CREATED_AT = "CREATED_AT"


described(
    RunStatus,
    "Where a run is in its life.",
    {
        RunStatus.QUEUED: "Waits for a process.",
        RunStatus.RUNNING: "Under way.",
        RunStatus.SUCCEEDED: "Done; its credits never change any more.",
        RunStatus.FAILED: "Over without credits; `error` says why.",
        RunStatus.CANCELLED: "Called off before it ended.",
    },
    name="AttributionRunStatus",
)
described(
    RunOrderField,
    "What runs are sorted by.",
    {RunOrderField.CREATED_AT: "When the run was asked for."},
    name="AttributionRunOrderField",
)


@strawberry.input(description="How runs are sorted.")
class AttributionRunOrder:
    field: RunOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(description="Which way.", default=OrderDirection.DESC)


@strawberry.pydantic.input(description="Which runs to list; all that is given must hold.")
class AttributionRunFilterInput(BaseModel):
    statuses: Annotated[list[RunStatus], Field(max_length=20)] | None = optional("Any of these; all if left out.")
    models: Annotated[
        list[str] | None, Field(max_length=20), strawberry.field(graphql_type=list[AttributionModelKind] | None)
    ] = optional("Any of these; all if left out.")
    advertiser_id: strawberry.ID | None = optional("The advertiser whose conversions they are about.")
    campaign_id: strawberry.ID | None = optional("The campaign whose placements alone they credit.")


def wanted_runs(given: AttributionRunFilterInput | None) -> RunFilter:
    """Raises InvalidInput (INVALID_ID, WRONG_ID_TYPE)."""
    if given is None:
        return RunFilter()
    advertiser_id, campaign_id = given.advertiser_id, given.campaign_id
    return RunFilter(
        statuses=None if given.statuses is None else tuple(given.statuses),
        models=None if given.models is None else tuple(given.models),
        advertiser_id=None
        if advertiser_id is None
        else AdvertiserId(ids.row_id(advertiser_id, ids.ADVERTISER, "filter", "advertiserId")),
        campaign_id=None
        if campaign_id is None
        else CampaignId(ids.row_id(campaign_id, ids.CAMPAIGN, "filter", "campaignId")),
    )


RUNS = Listing(
    rows=AttributionRuns,
    node=Annotated["AttributionRun", strawberry.lazy("schema.types.runs")],
    order_by=AttributionRunOrder(field=RunOrderField.CREATED_AT, direction=OrderDirection.DESC),
    filter_input=AttributionRunFilterInput,
    wanted=wanted_runs,
    by_default="newest first",
    unfiltered="all",
)
