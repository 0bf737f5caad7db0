"""Conversions in the light of their paths: what explains them, fetched for many at once.

A further report of an order is looked at through the conversion that counts the order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from persistence.ids import CampaignId, EventId, PathSetId, PlacementId, RunId
from persistence.records import AttributionRunRecord, EventRecord
from persistence.repositories.conversion_paths import ConversionKey, ConversionPath, OrderReports, PromoKey
from persistence.repositories.events import OrderKey
from persistence.repositories.path_rules import PathRules
from persistence.repositories.runs import AttributionRuns
from resolvers import changes
from resolvers.attribution.registry import ChosenModel
from resolvers.context import RequestContext
from resolvers.errors import invalid
from resolvers.loaders.conversion_paths import (
    FrozenPathLoader,
    HouseholdTouchesLoader,
    LivePathLoader,
    PromoMatchesLoader,
    ReportsByOrderLoader,
    WeightByPlacementLoader,
)
from resolvers.loaders.events import ConversionByOrderLoader
from resolvers.paths.explanation import Explanation, explained
from resolvers.paths.promo import PromoFinding, found
from resolvers.paths.reconciliation import Reconciliation, reconciled
from resolvers.paths.rules import PromoPolicy, StatedRules, rules_of, stated
from resolvers.paths.shares import KnownPath, PlacementShare, age_seconds, shares_asked, shares_of_placements
from resolvers.paths.turns import in_turns


class PathSource(msgspec.Struct, frozen=True):
    """Where paths come from: a run's path set, or the events as they are now."""

    rules: PathRules
    path_set_id: PathSetId | None = None
    campaign_id: CampaignId | None = None
    run: AttributionRunRecord | None = None


class PathTouch(msgspec.Struct, frozen=True):
    """A touch of a path, or a promo code that stands for one (its id is 0)."""

    id: EventId
    placement_id: PlacementId
    occurred_at: datetime
    age_seconds: int


class BuiltPath(msgspec.Struct, frozen=True):
    """A conversion, the one that is counted, with its path."""

    conversion: EventRecord
    path: ConversionPath
    rules: PathRules

    @property
    def evidence(self) -> str:
        return self.path.evidence

    @property
    def touches(self) -> list[PathTouch]:
        path = self.path
        return [
            PathTouch(touch_id, placement_id, touched_at, age_seconds(touched_at, path.occurred_at))
            for touch_id, placement_id, touched_at in zip(
                path.touch_ids, path.placement_ids, path.touched_at, strict=True
            )
        ]


async def path_source(context: RequestContext, rules: StatedRules | None, run_id: RunId | None) -> PathSource:
    """Raises NotFound; InvalidInput (RULES_WITH_RUN, RUN_WITHOUT_PATHS)."""
    if run_id is None:
        return PathSource(stated(rules))
    if rules is not None:
        raise invalid("RULES_WITH_RUN", "A run has its own rules: leave the rules out, or the run.", "rules")
    run = await context.loaders.by_id(AttributionRuns).fetch_one(run_id)
    if run is None:
        raise changes.missing("attribution run", "run")
    if run.path_set_id is None:
        raise invalid("RUN_WITHOUT_PATHS", "This run has no paths yet: choose one that has begun.", "run")
    return PathSource(rules_of(run), run.path_set_id, run.campaign_id, run)


async def counting_reports(context: RequestContext, asked: Sequence[EventRecord]) -> list[EventRecord | None]:
    """The conversion that is counted for each report, which may be itself; None where that one is no longer kept."""
    orders = {event.id: order for event in asked if not event.counted and (order := _order(event)) is not None}
    loaded = await context.loaders.of(ConversionByOrderLoader).fetch(list(orders.values()))
    counting = dict(zip(orders, loaded, strict=True))
    return [event if event.counted else counting.get(event.id) for event in asked]


async def paths(context: RequestContext, asked: Sequence[EventRecord], source: PathSource) -> list[BuiltPath | None]:
    """One for each conversion, in order; None where the run has none, or the events are no longer kept."""
    counting = await counting_reports(context, asked)
    keys = [_key(conversion) for conversion in counting if conversion is not None]
    loaded = await (
        context.loaders.of(LivePathLoader, source.rules)
        if source.path_set_id is None
        else context.loaders.of(FrozenPathLoader, source.path_set_id)
    ).fetch(keys)
    by_key = dict(zip(keys, loaded, strict=True))
    known = []
    for conversion in counting:
        path = None if conversion is None else by_key[_key(conversion)]
        known.append(None if conversion is None or path is None else BuiltPath(conversion, path, source.rules))
    return known


async def explanations(
    context: RequestContext, asked: Sequence[EventRecord], model: ChosenModel, source: PathSource
) -> list[Explanation | None]:
    """One for each conversion, in order; None as for `paths`.

    Raises InvalidInput (RUN_NEEDED, RUN_OF_ANOTHER_MODEL) for a model that weighs placements by a whole path set.
    """
    known = await paths(context, asked, source)
    weights = await _weights(context, model, source, known)
    keys = [_key(one.conversion) for one in known if one is not None]
    touches = context.loaders.of(HouseholdTouchesLoader, source.rules, source.campaign_id)
    households = dict(zip(keys, await touches.fetch(keys), strict=True))
    return await in_turns(
        None
        if one is None
        else explained(event, one.conversion, one.path, households[_key(one.conversion)], model, source.rules, weights)
        for event, one in zip(asked, known, strict=True)
    )


async def credited(
    context: RequestContext, asked: Sequence[EventRecord], model: ChosenModel, source: PathSource, first: int | None
) -> list[list[PlacementShare] | None]:
    """What the first placements earned of each conversion; None and errors as for `explanations`.

    Raises InvalidInput (INVALID_PAGE_SIZE) too.
    """
    most = shares_asked(first)
    known = await paths(context, asked, source)
    weights = await _weights(context, model, source, known)
    earned = iter(await shares_of_placements([one.path for one in known if one is not None], model, weights, most))
    return [None if one is None else next(earned) for one in known]


async def weights_of(context: RequestContext, run_id: RunId, known: Sequence[KnownPath]) -> dict[PlacementId, Decimal]:
    """What the run's model knows of the placements of the paths; without those of which it knows nothing."""
    placement_ids = list(dict.fromkeys(placement_id for path in known for placement_id in path.placement_ids))
    weights = await context.loaders.of(WeightByPlacementLoader, run_id).fetch(placement_ids)
    found = zip(placement_ids, weights, strict=True)
    return {placement_id: weight for placement_id, weight in found if weight is not None}


async def reconciliations(context: RequestContext, asked: Sequence[EventRecord]) -> list[Reconciliation]:
    """What the reports of each conversion's order say."""
    return [reconciled(reports.reports, reports.omitted) for reports in await _reports(context, asked)]


async def promo_findings(
    context: RequestContext, asked: Sequence[EventRecord], rules: StatedRules | None
) -> list[PromoFinding | None]:
    """What the promo codes of each conversion's order say, beside its touches; None where there is no code."""
    orders = await _reports(context, asked)
    codes = [_codes(reports) for reports in orders]
    wanted = [[PromoKey(event.advertiser_id, code) for code in own] for event, own in zip(asked, codes, strict=True)]
    keys = list(dict.fromkeys(key for own in wanted for key in own))
    matches = dict(zip(keys, await context.loaders.of(PromoMatchesLoader).fetch(keys), strict=True))
    touches_alone = msgspec.structs.replace(stated(rules), promo_policy=PromoPolicy.IGNORE.value)
    known = await paths(context, asked, PathSource(touches_alone))
    return [
        None if one is None or not own else found(own, [match for key in own_keys for match in matches[key]], one.path)
        for own, own_keys, one in zip(codes, wanted, known, strict=True)
    ]


def _key(conversion: EventRecord) -> ConversionKey:
    return ConversionKey(conversion.id, conversion.occurred_at)


def _order(event: EventRecord) -> OrderKey | None:
    return None if event.order_id is None else OrderKey(event.advertiser_id, event.type, event.order_id)


def _codes(reports: OrderReports) -> list[str]:
    """Each code once, in the order of the reports."""
    return list(dict.fromkeys(report.promo_code for report in reports.reports if report.promo_code is not None))


async def _reports(context: RequestContext, asked: Sequence[EventRecord]) -> list[OrderReports]:
    """The reports of each event's order; without an order id the event alone."""
    orders = [_order(event) for event in asked]
    keys = [order for order in orders if order is not None]
    loaded = dict(zip(keys, await context.loaders.of(ReportsByOrderLoader).fetch(keys), strict=True))
    return [
        OrderReports([event], 0) if order is None else loaded[order] for event, order in zip(asked, orders, strict=True)
    ]


async def _weights(
    context: RequestContext, model: ChosenModel, source: PathSource, known: Sequence[BuiltPath | None]
) -> Mapping[PlacementId, Decimal] | None:
    """What the run's model knows of the paths' placements; None for a model that needs to know nothing."""
    if model.model.weight is None:
        return None
    run = source.run
    if run is None:
        message = f"{model.kind} weighs placements by all conversions of a run: name a run of this model."
        raise invalid("RUN_NEEDED", message, "run")
    same = (run.model, run.model_version) == (model.kind, model.version)
    if not same or msgspec.json.decode(run.parameters) != dict(model.parameters) or run.status != "SUCCEEDED":
        message = f"Name a finished run of {model.kind} with the same parameters: its weights are needed."
        raise invalid("RUN_OF_ANOTHER_MODEL", message, "run")
    return await weights_of(context, run.id, [path.path for path in known if path is not None])
