"""Metrics: the field of every object that has placements, and what its rows show."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from persistence.ids import RunId
from persistence.repositories.campaigns import Campaigns, LineItems, Placements
from persistence.repositories.owned import OwnedRows
from persistence.repositories.podcasts import Episodes, Podcasts
from resolvers import ids, lists
from resolvers.events.kinds import ImpressionType
from resolvers.loaders.registry import Loaders
from resolvers.metrics import measures
from resolvers.metrics import overlap as overlaps
from resolvers.metrics.figures import CurrencyFigures, ratio
from resolvers.metrics.money import money
from resolvers.metrics.rows import LARGEST_GROUPS, SHORTEST_SECONDS, Grouping, MetricsRow, metrics_rows
from resolvers.metrics.rows import LONGEST as LONGEST_BY_GROUPING
from resolvers.metrics.spans import DEFAULT_RANGE, GivenRange
from resolvers.numbers import BigInt
from schema.enums import described
from schema.fields import CURRENCIES, LONGEST, LongestBy, batched
from schema.info import Info
from schema.relay import of_record

if TYPE_CHECKING:
    from schema.types.campaigns import Campaign
    from schema.types.line_items import LineItem
    from schema.types.placements import Placement
    from schema.types.podcasts import Episode, Podcast

_KEPT = "null where events of the range are no longer kept"
_UNKNOWN = "null if zero or not known"

described(
    ImpressionType,
    "How an impression was measured: two metrics of the same play, never added up.",
    {
        ImpressionType.AD_DELIVERED: "All bytes of the ad were delivered, as a valid download (IAB).",
        ImpressionType.CLIENT_CONFIRMED: "The player confirmed that the ad was played.",
    },
)
described(
    Grouping,
    "What the rows of metrics are for. Groups of time are in UTC, and those without events are there too.",
    {
        Grouping.NONE: "One row for all.",
        Grouping.HOUR: "A row for each hour.",
        Grouping.DAY: "A row for each day.",
        Grouping.WEEK: "A row for each week, from Monday (ISO 8601).",
        Grouping.MONTH: "A row for each month of the calendar.",
        Grouping.PLACEMENT: "A row for each placement.",
        Grouping.LINE_ITEM: "A row for each line item.",
        Grouping.CAMPAIGN: "A row for each campaign.",
        Grouping.EPISODE: "A row for each episode.",
        Grouping.PODCAST: "A row for each podcast.",
    },
    name="MetricsGrouping",
)


@strawberry.input(description="A range of time in whole hours (UTC), at most 400 days long.")
class MetricsRangeInput:
    since: datetime = strawberry.field(name="from", description="Its first moment, a whole hour.")
    until: datetime = strawberry.field(description="The moment before which it ends, a whole hour.")

    def given(self) -> GivenRange:
        return GivenRange(self.since, self.until)


RangeArgument = Annotated[
    MetricsRangeInput | None,
    strawberry.argument(
        description="When it happened; if left out, the range of the attribution run, or else the 30 days before the"
        " present hour began."
    ),
]
ImpressionsArgument = Annotated[ImpressionType, strawberry.argument(description="Which impressions count.")]


@strawberry.type(
    description="What a row of metrics says of one currency. Impressions, visits and conversions are those of line"
    " items that are priced in it. Money is in its minor units."
)
class CurrencyMetrics:
    is_type_of = of_record(CurrencyFigures)

    currency: str = strawberry.field(description="The currency's ISO 4217 code, such as 'USD'.")
    impressions: BigInt = strawberry.field(description="Number of impressions of line items priced in it.")
    visits: BigInt = strawberry.field(description="Number of visits that placements of these line items led to.")
    conversions: Decimal | None = strawberry.field(
        description=f"Number of conversions of placements of these line items, as in Metrics; {_KEPT}."
    )
    spend: Decimal | None = strawberry.field(
        description="What these line items cost, in minor units, as in Metrics; null if not known."
    )
    revenue: Decimal | None = strawberry.field(
        description=f"Value in this currency of the row's conversions, in minor units; {_KEPT}."
    )
    cpm: Decimal | None = strawberry.field(
        description=f"Spend per 1,000 impressions, in minor units: spend ÷ impressions × 1,000; {_UNKNOWN}."
    )
    cpv: Decimal | None = strawberry.field(description=f"Spend per visit, in minor units: spend ÷ visits; {_UNKNOWN}.")
    cpa: Decimal | None = strawberry.field(
        description=f"Spend per conversion, in minor units: spend ÷ conversions; {_UNKNOWN}."
    )
    aov: Decimal | None = strawberry.field(
        description="Average order value, in minor units: revenue ÷ number of the row's conversions whose value is in"
        f" this currency; {_UNKNOWN}, as with an attribution run."
    )
    roas: Decimal | None = strawberry.field(
        description=f"Return on ad spend: revenue ÷ spend, minor units per minor unit; {_UNKNOWN}."
    )


def _subject(grouping: Grouping, rows: type[OwnedRows[Any, Any]], graphql_type: Any, noun: str) -> Any:
    async def resolve(parents: Sequence[MetricsRow], info: Info) -> list[Any]:
        wanted = [row.subject_id for row in parents if row.grouping is grouping and row.subject_id is not None]
        found = dict(zip(wanted, await lists.existing(info.context, rows, wanted), strict=True))
        return [found[row.subject_id] if row.grouping is grouping and row.subject_id else None for row in parents]

    description = f"The {noun} that the row is for; null unless rows are grouped by {grouping}."
    return batched(graphql_type=graphql_type, description=description)(resolve)


def _money(name: str, description: str, graphql_type: Any = Decimal | None) -> Any:
    """A figure of the row's only currency."""

    async def resolve(parents: Sequence[MetricsRow], info: Info) -> list[Any]:
        found = await money(info.context.loaders, parents)
        return [getattr(figures[0], name) if len(figures) == 1 else None for figures in found]

    return batched(graphql_type=graphql_type, description=description)(resolve)


Measure = Callable[[Loaders, Sequence[MetricsRow]], Awaitable[Sequence[Any]]]


def _rate(numerator: Measure, description: str) -> Any:
    """A measure divided by reach."""

    async def resolve(parents: Sequence[MetricsRow], info: Info) -> list[Decimal | None]:
        above = await numerator(info.context.loaders, parents)
        below = await measures.reach(info.context.loaders, parents)
        return [ratio(one, other) for one, other in zip(above, below, strict=True)]

    return batched(graphql_type=Decimal | None, description=description)(resolve)


@strawberry.type(
    description="What some placements reached and led to in a range of time. Money is in minor units of `currency`, and"
    " null where there are several: they are never added up, `byCurrency` has each of them. Rates are null where the"
    " denominator is zero."
)
class Metrics:
    is_type_of = of_record(MetricsRow)

    starts_at: datetime = strawberry.field(description="The first moment that the row counts.")
    ends_at: datetime = strawberry.field(description="The moment before which it ends.")
    placement = _subject(
        Grouping.PLACEMENT,
        Placements,
        Annotated["Placement", strawberry.lazy("schema.types.placements")] | None,
        "placement",
    )
    line_item = _subject(
        Grouping.LINE_ITEM,
        LineItems,
        Annotated["LineItem", strawberry.lazy("schema.types.line_items")] | None,
        "line item",
    )
    campaign = _subject(
        Grouping.CAMPAIGN,
        Campaigns,
        Annotated["Campaign", strawberry.lazy("schema.types.campaigns")] | None,
        "campaign",
    )
    episode = _subject(
        Grouping.EPISODE, Episodes, Annotated["Episode", strawberry.lazy("schema.types.podcasts")] | None, "episode"
    )
    podcast = _subject(
        Grouping.PODCAST, Podcasts, Annotated["Podcast", strawberry.lazy("schema.types.podcasts")] | None, "podcast"
    )

    @batched(graphql_type=BigInt, description="Number of impressions of the chosen type.")
    @staticmethod
    async def impressions(parents: Sequence[MetricsRow], info: Info) -> list[int]:
        return await measures.impressions(info.context.loaders, parents)

    @batched(
        graphql_type=BigInt | None,
        description="Number of distinct households with such an impression: exact, and not additive, since a household"
        f" that several rows reached counts in each; {_KEPT}.",
    )
    @staticmethod
    async def reach(parents: Sequence[MetricsRow], info: Info) -> list[int | None]:
        return await measures.reach(info.context.loaders, parents)

    frequency = _rate(measures.impressions, "Impressions per reached household: impressions ÷ reach.")

    @batched(graphql_type=BigInt, description="Number of visits that the placements led to, by link or address.")
    @staticmethod
    async def visits(parents: Sequence[MetricsRow], info: Info) -> list[int]:
        return await measures.visits(info.context.loaders, parents)

    @batched(
        graphql_type=BigInt | None,
        description="Number of distinct reached households that visited the advertiser's site in the row's time, at or"
        f" after their first such impression in it, by whatever way; not additive; {_KEPT}.",
    )
    @staticmethod
    async def visitors(parents: Sequence[MetricsRow], info: Info) -> list[int | None]:
        return await measures.visitors(info.context.loaders, parents)

    visitation_rate = _rate(measures.visitors, "Share of reached households that visited, 0 to 1: visitors ÷ reach.")

    @batched(
        graphql_type=Decimal | None,
        description="Number of conversions. With an attribution run, those that it credits to the placements: a decimal"
        " that can be added up; placements outside the run's scope have none. Without one, all counted conversions of"
        " the advertiser in the row's time whose household had an impression of the chosen type or a visit of these"
        " placements in the 30 days before: they are matched, not attributed, so that rows share them, and must not be"
        f" added up; {_KEPT}, nor in the 30 days before.",
    )
    @staticmethod
    async def conversions(parents: Sequence[MetricsRow], info: Info) -> list[Decimal | None]:
        return await measures.conversions(info.context.loaders, parents)

    conversion_rate = _rate(measures.conversions, "Conversions per reached household: conversions ÷ reach.")

    @batched(
        graphql_type=str | None,
        description="ISO 4217 code of the only currency that line items are priced in and conversions have a value in;"
        " null if there are several or none.",
    )
    @staticmethod
    async def currency(parents: Sequence[MetricsRow], info: Info) -> list[str | None]:
        found = await money(info.context.loaders, parents)
        return [figures[0].currency if len(figures) == 1 else None for figures in found]

    spend = _money(
        "spend",
        "What the placements cost, in minor units. CPM: rate × impressions of the chosen type ÷ 1,000. CPA: rate ×"
        " conversions of the line item's placements. FLAT: the rate, spread evenly over the days of the flight (the"
        " line item's, else the campaign's) and over all the line item's placements; null without a flight.",
    )
    revenue = _money("revenue", f"Value of the conversions, in minor units; {_KEPT}.")
    cpm = _money("cpm", f"Spend per 1,000 impressions, in minor units: spend ÷ impressions × 1,000; {_UNKNOWN}.")
    cpv = _money("cpv", f"Spend per visit, in minor units: spend ÷ visits; {_UNKNOWN}.")
    cpa = _money("cpa", f"Spend per conversion, in minor units: spend ÷ conversions; {_UNKNOWN}.")
    aov = _money(
        "aov",
        "Average order value, in minor units: revenue ÷ number of conversions that have a value;"
        f" {_UNKNOWN}, as with an attribution run.",
    )
    roas = _money("roas", f"Return on ad spend: revenue ÷ spend, minor units per minor unit; {_UNKNOWN}.")

    @batched(
        graphql_type=list[CurrencyMetrics],
        description="The same for each currency, by its code.",
        longest=CURRENCIES,
    )
    @staticmethod
    async def by_currency(parents: Sequence[MetricsRow], info: Info) -> list[list[CurrencyFigures]]:
        return await money(info.context.loaders, parents)


def metrics_of(parent: str) -> Any:
    """The field `metrics` of an object of the kind, such as 'line item'."""

    async def resolve(
        parents: Sequence[Any],
        info: Info,
        range: RangeArgument = None,
        group_by: Annotated[
            Grouping,
            strawberry.argument(description=f"What the rows are for; at most {LARGEST_GROUPS:,} rows of one object."),
        ] = Grouping.NONE,
        impressions: ImpressionsArgument = ImpressionType.AD_DELIVERED,
        run: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="The finished run whose credits are the conversions and the revenue. It has a range of its"
                " own, in whole hours, and no groups of time."
            ),
        ] = None,
    ) -> list[list[MetricsRow]]:
        run_id = None if run is None else RunId(ids.row_id(run, ids.RUN, "run"))
        return await metrics_rows(
            info.context,
            parent,
            [record.id for record in parents],
            given=None if range is None else range.given(),
            grouping=group_by,
            impressions=impressions,
            run_id=run_id,
        )

    description = (
        "What its placements, archived ones among them, reached and led to: one row, or one for each group, in order."
    )
    longest = LongestBy("groupBy", LONGEST_BY_GROUPING, SHORTEST_SECONDS, "range", int(DEFAULT_RANGE.total_seconds()))
    return batched(graphql_type=list[Metrics], description=description, longest=longest, reads=("id",))(resolve)


@strawberry.type(description="How many households a placement reached, beside others.")
class PlacementReach:
    is_type_of = of_record(overlaps.PlacementReach)

    placement: Annotated["Placement", strawberry.lazy("schema.types.placements")] = strawberry.field(
        description="The placement."
    )
    reach: BigInt = strawberry.field(description="Number of distinct households that it reached.")
    exclusive_reach: BigInt = strawberry.field(
        description="Number of distinct households that it reached and none of the other placements did."
    )


@strawberry.type(description="How many households two placements both reached.")
class SharedReach:
    is_type_of = of_record(overlaps.SharedReach)

    first: Annotated["Placement", strawberry.lazy("schema.types.placements")] = strawberry.field(
        description="The one that was named first."
    )
    second: Annotated["Placement", strawberry.lazy("schema.types.placements")] = strawberry.field(
        description="The other one."
    )
    shared_reach: BigInt = strawberry.field(description="Number of distinct households that both reached.")


@strawberry.type(description="How much placements reach the same households.")
class Overlap:
    is_type_of = of_record(overlaps.Overlap)

    reach: BigInt = strawberry.field(
        description="Number of distinct households that any of the placements reached; exact, not a sum."
    )
    placements: list[PlacementReach] = strawberry.field(description="Each placement, in the order given.")
    pairs: list[SharedReach] = strawberry.field(
        description="Each pair of the placements once.", metadata={LONGEST: overlaps.MOST * (overlaps.MOST - 1) // 2}
    )
