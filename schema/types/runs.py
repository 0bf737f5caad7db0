"""Attribution runs, their credits, and how two runs differ."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
import strawberry

from persistence.ids import AdvertiserId, CampaignId, RunId
from persistence.records import (
    AdvertiserRecord,
    AttributionRunRecord,
    CampaignRecord,
    CreditMoveRecord,
    CreditRecord,
    EventRecord,
    RunValueRecord,
    UserRecord,
)
from persistence.repositories.campaigns import Advertisers, Campaigns
from persistence.repositories.credits import Credits
from persistence.repositories.path_rules import PathRules as PathRulesRecord
from persistence.repositories.paths import FrozenConversions
from resolvers import ids, lists
from resolvers.campaigns.money import Money as MoneyRecord
from resolvers.identity import members
from resolvers.pages import Page, PageRequest, requested_page
from resolvers.paths.rules import Evidence, rules_of
from resolvers.paths.shares import DEFAULT_SHARES, PlacementShare
from resolvers.runs import reading
from resolvers.runs.reading import RunConversion, RunDiff, RunTotals
from resolvers.runs.requests import WantedScope
from resolvers.runs.states import RunStatus
from schema.fields import CURRENCIES, LONGEST, batched
from schema.info import Info
from schema.relay import After, Connection, First, Node, node_id, of_record
from schema.types.advertisers import Advertiser
from schema.types.attribution_models import (
    LARGEST_CHOICE,
    AttributionModelKind,
    ModelParameterValue,
    ParameterValue,
    parameter_values,
)
from schema.types.campaigns import Campaign
from schema.types.credits import Credit, CreditGroup, CreditMovement, GroupArgument
from schema.types.explanations import ConversionCredit, FirstShares
from schema.types.identity import User
from schema.types.money import Money
from schema.types.paths import LazyConversion, PathRules


@strawberry.type(description="How a run differs from another one.")
class AttributionRunDiff:
    is_type_of = of_record(RunDiff)

    paths_differ: bool = strawberry.field(description="Whether they are over different paths: the hashes differ.")
    model_differs: bool = strawberry.field(description="Whether the models, or their versions, are different ones.")
    parameters_differ: bool = strawberry.field(description="Whether any parameter of the models differs.")
    rules_differ: bool = strawberry.field(description="Whether the rules of the paths differ.")
    range_differs: bool = strawberry.field(description="Whether they are about conversions of different times.")
    against: AttributionRunRecord = strawberry.field(
        graphql_type=Annotated["AttributionRun", strawberry.lazy("schema.types.runs")],
        description="The run compared with.",
    )

    @batched(
        graphql_type=Connection[CreditMovement],
        description="The credits that moved, in conversions or in value; those that moved by most conversions first.",
    )
    @staticmethod
    async def moved(
        parents: Sequence[RunDiff], info: Info, first: First = None, after: After = None
    ) -> list[Page[CreditMoveRecord]]:
        return await reading.move_pages(info.context, parents, lambda group: _request(group, first, after))


@strawberry.type(description="What conversions are worth in one currency.")
class AttributedValue:
    currency: str = strawberry.field(description="The currency's ISO 4217 code, such as 'USD'.")
    attributed: Decimal = strawberry.field(
        description="The value of attributed conversions, in minor units. All credits in this currency sum exactly to"
        " it."
    )
    unattributed: Decimal = strawberry.field(description="The value of conversions that nobody earned, in minor units.")


@strawberry.type(description="The conversions that are divided, added up.")
class AttributionTotals:
    conversions: int = strawberry.field(description="Number of conversions in the range.")
    attributed_conversions: int = strawberry.field(
        description="Number of those that somebody earned: with a touch, or by a promo code."
    )
    unattributed_conversions: int = strawberry.field(description="Number of those that nobody earned.")
    values: list[RunValueRecord] = strawberry.field(
        graphql_type=list[AttributedValue],
        description="What they are worth, by currency; currencies are never summed.",
        metadata={LONGEST: CURRENCIES},
    )


@strawberry.type(description="Why a run failed.")
class AttributionRunFailure:
    code: str = strawberry.field(description="A stable code, such as ATTEMPTS_EXHAUSTED or TOO_MANY_CONVERSIONS.")
    message: str = strawberry.field(description="One sentence that says what to do; not stable.")


class _Failure(msgspec.Struct, frozen=True):
    code: str
    message: str


@strawberry.type(description="A conversion of a run, as it was frozen, and what the run's model makes of it.")
class AttributedConversion:
    is_type_of = of_record(RunConversion)

    occurred_at: datetime = strawberry.field(description="When it happened.")
    evidence: Evidence = strawberry.field(description="What its path is made of.")

    @batched(
        graphql_type=LazyConversion | None,
        description="The conversion; null if it is older than events are kept.",
        reads=("id",),
    )
    @staticmethod
    async def conversion(parents: Sequence[RunConversion], info: Info) -> list[EventRecord | None]:
        return await reading.conversion_events(info.context, parents)

    @batched(
        graphql_type=Money | None,
        description="What it is worth to the advertiser; null if nobody said.",
        reads=("value_minor", "currency"),
    )
    @staticmethod
    def value(parents: Sequence[RunConversion], info: Info) -> list[MoneyRecord | None]:
        frozen = [conversion.frozen for conversion in parents]
        return [
            None if one.value_minor is None or one.currency is None else MoneyRecord(one.value_minor, one.currency)
            for one in frozen
        ]

    @batched(
        graphql_type=list[ConversionCredit],
        description="What each placement earned of it by the run's model, in the order in which they were first"
        " touched; empty if nobody earned it. The run's credits are the sums of these, but for rounding, unless its"
        " model is not `additive`.",
        longest=DEFAULT_SHARES,
        reads=reading.READ_FOR_SHARES,
    )
    @staticmethod
    async def credits(
        parents: Sequence[RunConversion], info: Info, first: FirstShares = None
    ) -> list[list[PlacementShare]]:
        return await reading.conversion_shares(info.context, parents, first)


@strawberry.type(
    description="Conversions of a range of time, divided among placements by one model, over paths that were frozen for"
    " it. Once it has succeeded nothing about it changes: the same paths and model give the same bytes."
)
class AttributionRun(Node):
    is_type_of = of_record(AttributionRunRecord)

    id: strawberry.ID = node_id(ids.RUN, "run")
    status: RunStatus = strawberry.field(description="Where the run is in its life.")
    progress: Decimal = strawberry.field(description="How far it is, 0 to 1.")
    model: str = strawberry.field(graphql_type=AttributionModelKind, description="The model.")
    model_version: int = strawberry.field(description="Number of the model's arithmetic, its version.")
    starts_at: datetime = strawberry.field(name="from", description="The moment from which on conversions count.")
    ends_at: datetime = strawberry.field(name="until", description="The moment before which conversions count.")
    created_at: datetime = strawberry.field(description="When the run was asked for.")
    started_at: datetime | None = strawberry.field(description="When it was first begun; null while it waits.")
    finished_at: datetime | None = strawberry.field(description="When it ended, however it did; null before.")
    result_hash: str | None = strawberry.field(
        description="SHA-256 of model, paths and credits, in hexadecimal: equal hashes, equal results. Null before."
    )

    @batched(
        graphql_type=list[ModelParameterValue],
        description="Every parameter of the model, by name.",
        longest=LARGEST_CHOICE,
        reads=("parameters",),
    )
    @staticmethod
    def parameters(parents: Sequence[AttributionRunRecord], info: Info) -> list[list[ParameterValue]]:
        return [parameter_values(msgspec.json.decode(run.parameters, type=dict[str, str])) for run in parents]

    @batched(graphql_type=PathRules, description="Which touches lead to a conversion.")
    @staticmethod
    def rules(parents: Sequence[AttributionRunRecord], info: Info) -> list[PathRulesRecord]:
        return [rules_of(run) for run in parents]

    @batched(graphql_type=Advertiser, description="Whose conversions are divided.", reads=("advertiser_id",))
    @staticmethod
    async def advertiser(parents: Sequence[AttributionRunRecord], info: Info) -> list[AdvertiserRecord]:
        return await lists.existing(info.context, Advertisers, [run.advertiser_id for run in parents], reads=info.reads)

    @batched(
        graphql_type=Campaign | None,
        description="The campaign whose placements alone are credited; null for all of the advertiser's.",
        reads=("campaign_id",),
    )
    @staticmethod
    async def campaign(parents: Sequence[AttributionRunRecord], info: Info) -> list[CampaignRecord | None]:
        wanted = [run.campaign_id for run in parents if run.campaign_id is not None]
        campaigns = await lists.existing(info.context, Campaigns, wanted, reads=info.reads)
        found = {record.id: record for record in campaigns}
        return [None if run.campaign_id is None else found[run.campaign_id] for run in parents]

    @batched(
        graphql_type=User | None,
        description="Who asked for it; null for an API key, once they are no member any more, and for viewers who may"
        " not see members.",
        reads=("created_by",),
    )
    @staticmethod
    async def created_by(parents: Sequence[AttributionRunRecord], info: Info) -> list[UserRecord | None]:
        return await members.members_by_id(info.context, [run.created_by or 0 for run in parents])

    @batched(
        graphql_type=AttributionRunFailure | None,
        description="Why it failed; null unless it has.",
        reads=("error_code", "error_message"),
    )
    @staticmethod
    def error(parents: Sequence[AttributionRunRecord], info: Info) -> list[_Failure | None]:
        return [
            None if run.error_code is None else _Failure(run.error_code, run.error_message or "") for run in parents
        ]

    @batched(
        graphql_type=str | None,
        description="SHA-256 of the paths, in hexadecimal: it changes with any touch. Null until they are frozen.",
    )
    @staticmethod
    async def path_set_hash(parents: Sequence[AttributionRunRecord], info: Info) -> list[str | None]:
        found = await reading.path_sets(info.context, parents)
        return [None if path_set is None else path_set.hash for path_set in found]

    @batched(graphql_type=AttributionTotals | None, description="What it is about, added up; null before it succeeded.")
    @staticmethod
    async def totals(parents: Sequence[AttributionRunRecord], info: Info) -> list[RunTotals | None]:
        return await reading.run_totals(info.context, parents)

    @batched(
        graphql_type=Connection[Credit],
        description="Who earned what, most conversions first; empty before it succeeded.",
    )
    @staticmethod
    async def credits(
        parents: Sequence[AttributionRunRecord],
        info: Info,
        group_by: GroupArgument = CreditGroup.PLACEMENT,
        first: First = None,
        after: After = None,
    ) -> list[Page[CreditRecord]]:
        return await reading.credit_pages(info.context, parents, _request(group_by, first, after))

    @batched(
        graphql_type=AttributionRunDiff | None,
        description="How it differs from another run that succeeded; null before it succeeded itself.",
    )
    @staticmethod
    async def diff(
        parents: Sequence[AttributionRunRecord],
        info: Info,
        against: Annotated[strawberry.ID, strawberry.argument(description="The run to compare with.")],
        group_by: GroupArgument = CreditGroup.PLACEMENT,
    ) -> list[RunDiff | None]:
        other = RunId(ids.row_id(against, ids.RUN, "against"))
        return await reading.run_diffs(info.context, parents, other, group_by.value)

    @batched(
        graphql_type=Connection[AttributedConversion],
        description="The conversions that it divides, oldest first, as they were frozen; empty before it succeeded.",
        reads=reading.READ_FOR_CONVERSIONS,
    )
    @staticmethod
    async def conversions(
        parents: Sequence[AttributionRunRecord], info: Info, first: First = None, after: After = None
    ) -> list[Page[RunConversion]]:
        request = requested_page(
            FrozenConversions.orders,
            order="OCCURRED_AT",
            descending=False,
            first=first,
            after=after,
            last=None,
            before=None,
        )
        return await reading.conversion_pages(info.context, parents, request, reads=info.reads)


def scope_of(
    advertiser: str | None, campaign: str | None, starts_at: datetime | None, ends_at: datetime | None
) -> WantedScope:
    """Of the arguments `advertiserId` and `campaignId`. Raises InvalidInput (INVALID_ID, WRONG_ID_TYPE)."""
    return WantedScope(
        advertiser_id=None
        if advertiser is None
        else AdvertiserId(ids.row_id(advertiser, ids.ADVERTISER, "advertiserId")),
        campaign_id=None if campaign is None else CampaignId(ids.row_id(campaign, ids.CAMPAIGN, "campaignId")),
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _request(group: str, first: int | None, after: str | None) -> PageRequest:
    """Raises InvalidInput (INVALID_PAGE_SIZE, INVALID_CURSOR)."""
    return requested_page(
        Credits.orders, order=str(group), descending=False, first=first, after=after, last=None, before=None
    )
