"""Credits: what placements, or groups of them, earned, and how that differs between two runs."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import strawberry

from persistence.records import (
    CampaignRecord,
    CreditMoveRecord,
    CreditRecord,
    EpisodeRecord,
    LineItemRecord,
    PlacementRecord,
    PodcastRecord,
)
from persistence.repositories.campaigns import Campaigns, LineItems, Placements
from persistence.repositories.owned import OwnedRows
from persistence.repositories.podcasts import Episodes, Podcasts
from resolvers import lists
from resolvers.runs import reading
from resolvers.runs.decimals import exact_difference
from resolvers.runs.reading import Amount, ValueMove
from schema.enums import described
from schema.fields import CURRENCIES, batched
from schema.info import Info
from schema.relay import of_record
from schema.types.campaigns import Campaign
from schema.types.line_items import LineItem
from schema.types.placements import Placement
from schema.types.podcasts import Episode, Podcast


class CreditGroup(StrEnum):
    PLACEMENT = "PLACEMENT"
    LINE_ITEM = "LINE_ITEM"
    CAMPAIGN = "CAMPAIGN"
    EPISODE = "EPISODE"
    PODCAST = "PODCAST"


described(
    CreditGroup,
    "Whose credits are added up.",
    {
        CreditGroup.PLACEMENT: "Each placement by itself.",
        CreditGroup.LINE_ITEM: "All placements of a line item.",
        CreditGroup.CAMPAIGN: "All placements of a campaign.",
        CreditGroup.EPISODE: "All placements in an episode.",
        CreditGroup.PODCAST: "All placements in a podcast.",
    },
)

GroupArgument = Annotated[CreditGroup, strawberry.argument(description="Whose credits are added up.")]


@strawberry.type(description="An exact amount of money, which may have parts of a minor unit.")
class ExactMoney:
    is_type_of = of_record(Amount)

    amount_minor: Decimal = strawberry.field(
        description="The amount in the currency's minor units, to 12 decimals: 1250.5 is 12.505 in USD."
    )
    currency: str = strawberry.field(description="The currency's ISO 4217 code, such as 'USD'.")


@strawberry.interface(description="Something that is credited; the field that `groupBy` names is set, others are null.")
class CreditSubject:
    @batched(graphql_type=Placement | None, description="The placement; null unless grouped by PLACEMENT.")
    @staticmethod
    async def placement(parents: Sequence[Any], info: Info) -> list[PlacementRecord | None]:
        return await _subjects(parents, info, CreditGroup.PLACEMENT, Placements)

    @batched(graphql_type=LineItem | None, description="The line item; null unless grouped by LINE_ITEM.")
    @staticmethod
    async def line_item(parents: Sequence[Any], info: Info) -> list[LineItemRecord | None]:
        return await _subjects(parents, info, CreditGroup.LINE_ITEM, LineItems)

    @batched(graphql_type=Campaign | None, description="The campaign; null unless grouped by CAMPAIGN.")
    @staticmethod
    async def campaign(parents: Sequence[Any], info: Info) -> list[CampaignRecord | None]:
        return await _subjects(parents, info, CreditGroup.CAMPAIGN, Campaigns)

    @batched(graphql_type=Episode | None, description="The episode; null unless grouped by EPISODE.")
    @staticmethod
    async def episode(parents: Sequence[Any], info: Info) -> list[EpisodeRecord | None]:
        return await _subjects(parents, info, CreditGroup.EPISODE, Episodes)

    @batched(graphql_type=Podcast | None, description="The podcast; null unless grouped by PODCAST.")
    @staticmethod
    async def podcast(parents: Sequence[Any], info: Info) -> list[PodcastRecord | None]:
        return await _subjects(parents, info, CreditGroup.PODCAST, Podcasts)


async def _subjects(
    parents: Sequence[Any], info: Info, group: CreditGroup, rows: type[OwnedRows[Any, Any]]
) -> list[Any]:
    """The subject's row of each parent of this group; None of others. A credited row is never deleted."""
    wanted = [parent.id for parent in parents if parent.group == group]
    found = {record.id: record for record in await lists.existing(info.context, rows, wanted)}
    return [found[parent.id] if parent.group == group else None for parent in parents]


@strawberry.type(description="What a placement, or all placements of a group, earned in a run.")
class Credit(CreditSubject):
    is_type_of = of_record(CreditRecord)

    conversions: Decimal = strawberry.field(
        description="Number of conversions earned, to 12 decimals. All credits of a run sum exactly to its attributed"
        " conversions."
    )
    share: Decimal | None = strawberry.field(
        description="conversions ÷ the run's attributed conversions, 0 to 1, to 12 decimals; null if there are none."
    )
    weight: Decimal | None = strawberry.field(
        description="What the model knows of a placement: of MARKOV the removal effect, the share of conversions lost"
        " without it, 0 to 1. Null for other models, and for groups."
    )

    @batched(
        graphql_type=list[ExactMoney],
        description="The value earned, one amount for each currency.",
        longest=CURRENCIES,
    )
    @staticmethod
    async def values(parents: Sequence[CreditRecord], info: Info) -> list[list[Amount]]:
        found = await reading.credit_values(info.context, parents)
        return [[Amount(value, currency) for currency, value in values.items()] for values in found]


@strawberry.type(description="A value that differs between two runs.")
class ValueMovement:
    is_type_of = of_record(ValueMove)

    currency: str = strawberry.field(description="The currency's ISO 4217 code, such as 'USD'.")
    before: Decimal = strawberry.field(description="What was earned in the run compared with, in minor units.")
    after: Decimal = strawberry.field(description="What was earned in this run, in minor units.")
    delta: Decimal = strawberry.field(description="after - before, in minor units; negative for a loss.")


@strawberry.type(description="A placement, or all placements of a group, whose credit differs between two runs.")
class CreditMovement(CreditSubject):
    is_type_of = of_record(CreditMoveRecord)

    before: Decimal = strawberry.field(description="Number of conversions earned in the run compared with.")
    after: Decimal = strawberry.field(description="Number of conversions earned in this run.")

    @batched(graphql_type=Decimal, description="after - before, a number of conversions; negative for a loss.")
    @staticmethod
    def delta(parents: Sequence[CreditMoveRecord], info: Info) -> list[Decimal]:
        return [exact_difference(move.after, move.before) for move in parents]

    @batched(
        graphql_type=list[ValueMovement],
        description="The values that differ, one for each currency.",
        longest=CURRENCIES,
    )
    @staticmethod
    async def values(parents: Sequence[CreditMoveRecord], info: Info) -> list[list[ValueMove]]:
        return await reading.moved_values(info.context, parents)
