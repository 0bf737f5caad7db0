"""Mutations of attribution runs."""

from datetime import datetime
from typing import Annotated

import strawberry

from persistence.ids import RunId
from persistence.records import AttributionRunRecord
from resolvers import ids
from resolvers.runs import requests
from resolvers.runs.requests import WantedRun
from schema.errors import ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from schema.fields import root_field
from schema.info import Info
from schema.relay import IdArgument
from schema.types.attribution_models import AttributionModelInput, chosen_model
from schema.types.paths import PathRulesInput
from schema.types.runs import AttributionRun, scope_of


@strawberry.input(description="What a run is to do. With `pathSetOf`, the model alone.")
class RunAttributionInput:
    model: AttributionModelInput = strawberry.field(description="How to divide conversions.")
    starts_at: datetime | None = strawberry.field(
        name="from", default=None, description="The moment from which on conversions count."
    )
    ends_at: datetime | None = strawberry.field(
        name="until",
        default=None,
        description="The moment before which conversions count; not in the future, at most 400 days after `from`.",
    )
    rules: PathRulesInput | None = strawberry.field(
        default=None, description="Which touches lead to a conversion; the rules' defaults if left out."
    )


@strawberry.type(description="The run, now QUEUED.")
class RunAttributionPayload:
    run: AttributionRunRecord = strawberry.field(graphql_type=AttributionRun, description="The run as it is now.")


@strawberry.type(description="The run, now CANCELLED.")
class CancelAttributionRunPayload:
    run: AttributionRunRecord = strawberry.field(graphql_type=AttributionRun, description="The run as it is now.")


RunAttributionResult = Annotated[
    RunAttributionPayload | InvalidInputError | NotFoundError | ForbiddenError,
    strawberry.union("RunAttributionResult", description="The new run, or why there is none."),
]
CancelAttributionRunResult = Annotated[
    CancelAttributionRunPayload | InvalidInputError | NotFoundError | IllegalTransitionError | ForbiddenError,
    strawberry.union("CancelAttributionRunResult", description="The cancelled run, or why nothing changed."),
]


@strawberry.type
class RunMutations:
    @root_field(
        graphql_type=RunAttributionResult,
        description="Freezes the paths of an advertiser's conversions and divides these among placements, in the"
        " background; `attributionRunProgress` tells how far it is. Name an advertiser, or a campaign whose placements"
        " alone are credited, or a run whose frozen paths are used again.",
    )
    @staticmethod
    async def run_attribution(
        info: Info,
        input: Annotated[RunAttributionInput, strawberry.argument(description="What the run is to do.")],
        advertiser_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Credits all placements of this advertiser.")
        ] = None,
        campaign_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Credits the placements of this campaign alone.")
        ] = None,
        path_set_of: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="A run that succeeded: its very paths are used again, for another model."),
        ] = None,
    ) -> RunAttributionPayload:
        run = await requests.run_attribution(info.context, _wanted(input, advertiser_id, campaign_id, path_set_of))
        return RunAttributionPayload(run=run)

    @root_field(
        graphql_type=CancelAttributionRunResult, description="Calls off a run that has not ended; it leaves no credits."
    )
    @staticmethod
    async def cancel_attribution_run(info: Info, id: IdArgument) -> CancelAttributionRunPayload:
        run_id = RunId(ids.row_id(id, ids.RUN, "id"))
        return CancelAttributionRunPayload(run=await requests.cancel_run(info.context, run_id))


def _wanted(
    given: RunAttributionInput, advertiser: str | None, campaign: str | None, path_set_of: str | None
) -> WantedRun:
    """Raises InvalidInput."""
    return WantedRun(
        scope=scope_of(advertiser, campaign, given.starts_at, given.ends_at),
        rules=None if given.rules is None else given.rules.path_rules(),
        path_set_of=None if path_set_of is None else RunId(ids.row_id(path_set_of, ids.RUN, "pathSetOf")),
        model=chosen_model(given.model, "input", "model"),
    )
