"""Loaders of what explains conversions; each batch is one statement."""

from collections.abc import Sequence
from decimal import Decimal

from persistence.ids import CampaignId, PathSetId, PlacementId, RunId, TenantId
from persistence.repositories.conversion_paths import (
    ConversionKey,
    ConversionPath,
    ConversionPaths,
    HouseholdTouches,
    OrderReports,
    PromoKey,
    PromoMatch,
)
from persistence.repositories.events import OrderKey
from persistence.repositories.path_rules import PathRules
from persistence.repositories.paths import FrozenConversions
from resolvers.loaders.source import Source, TenantLoader


class LivePathLoader(TenantLoader[ConversionKey, ConversionPath | None]):
    """Paths of conversions as events are now; None where the tenant has no such conversion."""

    def __init__(self, source: Source, tenant_id: TenantId, rules: PathRules) -> None:
        super().__init__(source, tenant_id)
        self._rules = rules

    async def load(self, keys: list[ConversionKey]) -> Sequence[ConversionPath | None]:
        async with self.database.read(self.tenant_id) as session:
            return await ConversionPaths(session).built(keys, self._rules)


class FrozenPathLoader(TenantLoader[ConversionKey, ConversionPath | None]):
    """Paths of conversions as a path set has them; None where it has no such conversion."""

    def __init__(self, source: Source, tenant_id: TenantId, path_set_id: PathSetId) -> None:
        super().__init__(source, tenant_id)
        self._path_set_id = path_set_id

    async def load(self, keys: list[ConversionKey]) -> Sequence[ConversionPath | None]:
        async with self.database.read(self.tenant_id) as session:
            return await FrozenConversions(session).of_set(self._path_set_id, [key.id for key in keys])


class HouseholdTouchesLoader(TenantLoader[ConversionKey, HouseholdTouches]):
    """Touches of the households of conversions, eligible or not."""

    def __init__(self, source: Source, tenant_id: TenantId, rules: PathRules, campaign_id: CampaignId | None) -> None:
        super().__init__(source, tenant_id)
        self._rules = rules
        self._campaign_id = campaign_id

    async def load(self, keys: list[ConversionKey]) -> Sequence[HouseholdTouches]:
        async with self.database.read(self.tenant_id) as session:
            return await ConversionPaths(session).touches(keys, self._rules, self._campaign_id)


class ReportsByOrderLoader(TenantLoader[OrderKey, OrderReports]):
    """All reports of each order."""

    async def load(self, keys: list[OrderKey]) -> Sequence[OrderReports]:
        async with self.database.read(self.tenant_id) as session:
            return await ConversionPaths(session).reports(keys)


class PromoMatchesLoader(TenantLoader[PromoKey, list[PromoMatch]]):
    """The placements that each promo code of an advertiser belongs to."""

    async def load(self, keys: list[PromoKey]) -> Sequence[list[PromoMatch]]:
        async with self.database.read(self.tenant_id) as session:
            return await ConversionPaths(session).promo_matches(keys)


class WeightByPlacementLoader(TenantLoader[PlacementId, Decimal | None]):
    """What a run's model knows of each placement; None where it knows nothing."""

    def __init__(self, source: Source, tenant_id: TenantId, run_id: RunId) -> None:
        super().__init__(source, tenant_id)
        self._run_id = run_id

    async def load(self, keys: list[PlacementId]) -> Sequence[Decimal | None]:
        async with self.database.read(self.tenant_id) as session:
            return await ConversionPaths(session).weights(self._run_id, keys)
