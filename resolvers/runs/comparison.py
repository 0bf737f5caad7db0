"""What can be asked without a run: models side by side, and what is lost without some placements.

The paths are frozen in a transaction that is undone, so that all models see the same ones and nothing is left over.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from persistence.ids import CampaignId, PathSetId, PlacementId, TenantId
from persistence.records import PathSetRecord
from persistence.repositories.campaigns import Placements
from persistence.repositories.path_freeze import Freezing, PathScope
from persistence.repositories.path_rules import PathRules
from persistence.repositories.paths import PathSets
from persistence.repositories.podcasts import Episodes
from persistence.sessions import TenantSession
from resolvers import changes, lists
from resolvers.attribution.paths import Credits, PathCounts
from resolvers.attribution.registry import ChosenModel
from resolvers.context import RequestContext
from resolvers.errors import InvalidInput, Problem, invalid
from resolvers.pages import page_size
from resolvers.paths.counts import path_counts
from resolvers.policy import Permission
from resolvers.runs.calculating import calculated
from resolvers.runs.calculations import Calculation, CreditCalculation, ModelChoice, RemovalCalculation
from resolvers.runs.decimals import exact_sum
from resolvers.runs.requests import WantedScope, advertiser_of, checked_range
from resolvers.runs.results import Totals, refuse_inexact, totals
from resolvers.runs.running import refuse_large

FEWEST_MODELS: Final = 2
MOST_MODELS: Final = 10
MOST_REMOVED: Final = 100
LARGEST_CONVERSIONS: Final = 50_000
LARGEST_TOUCHES: Final = 1_000_000
"""Of one question: more is for runAttribution, which nobody waits for."""

_SECONDS: Final = 20.0

T = TypeVar("T")


class ComparedCredit(msgspec.Struct, frozen=True):
    """What one model gives; `values` are minor units by currency, sorted."""

    conversions: Decimal
    values: Mapping[str, Decimal]


class ComparedCredits(msgspec.Struct, frozen=True):
    """What one subject of a group earns by each model, in the order asked."""

    group: str
    id: int
    credits: tuple[ComparedCredit, ...]


class ModelComparison(msgspec.Struct, frozen=True):
    """`rows` are all subjects, who earns most by the first model first."""

    path_set_hash: str
    totals: Totals
    models: tuple[ChosenModel, ...]
    rows: tuple[ComparedCredits, ...]

    @property
    def subject_count(self) -> int:
        return len(self.rows)


class Removal(msgspec.Struct, frozen=True):
    """What is lost without some placements, and of what."""

    path_set_hash: str
    totals: Totals
    effect: Decimal
    conversions_lost: Decimal


class _Frozen(msgspec.Struct, frozen=True):
    path_set: PathSetRecord
    paths: PathCounts
    placement_ids: list[PlacementId]


async def compare_models(
    context: RequestContext,
    campaign_id: CampaignId,
    starts_at: datetime,
    ends_at: datetime,
    rules: PathRules,
    models: Sequence[ChosenModel],
    group: str,
) -> ModelComparison:
    """Raises NotFound, Forbidden, Busy, InvalidInput (what is wrong with the arguments, TOO_MANY_CONVERSIONS …)."""
    tenant_id = context.tenant_for(Permission.ATTRIBUTION)
    if not FEWEST_MODELS <= len(models) <= MOST_MODELS:
        message = f"Compare {FEWEST_MODELS} to {MOST_MODELS} models."
        raise invalid("WRONG_NUMBER_OF_MODELS", message, "models")
    scope = WantedScope(None, campaign_id, starts_at, ends_at)
    async with context.services.line.place(tenant_id):
        ages = any(choice.model.needs_ages for choice in models)
        frozen = await _frozen(context, tenant_id, scope, rules, ages=ages)
        choices = tuple(ModelChoice.of(choice) for choice in models)
        found = await _calculated(CreditCalculation(choices, frozen.paths))
    whole = totals(frozen.paths)
    for credits in found:
        refuse_inexact(credits, whole)
    rows = _rows(found, group, await _subjects(context, group, frozen.placement_ids))
    return ModelComparison(frozen.path_set.hash, whole, tuple(models), rows)


def first_rows(comparison: ModelComparison, first: int | None) -> Sequence[ComparedCredits]:
    """Raises InvalidInput (INVALID_PAGE_SIZE)."""
    return comparison.rows[: page_size(first, "first")]


async def removal_effect(
    context: RequestContext, scope: WantedScope, rules: PathRules, placement_ids: Sequence[PlacementId]
) -> Removal:
    """Raises NotFound, Forbidden, Busy, InvalidInput (what is wrong with the arguments, TOO_MANY_CONVERSIONS …)."""
    tenant_id = context.tenant_for(Permission.ATTRIBUTION)
    if not 1 <= len(placement_ids) <= MOST_REMOVED:
        raise invalid("WRONG_NUMBER_OF_PLACEMENTS", f"Remove 1 to {MOST_REMOVED} placements.", "placementIds")
    async with context.database.read(tenant_id) as session:
        for index, placement in enumerate(await Placements(session).by_ids(placement_ids)):
            if placement is None:
                raise changes.missing("placement", "placementIds", str(index))
    async with context.services.line.place(tenant_id):
        frozen = await _frozen(context, tenant_id, scope, rules, ages=False)
        nodes = {placement_id: node for node, placement_id in enumerate(frozen.placement_ids)}
        removed = frozenset(nodes[placement_id] for placement_id in placement_ids if placement_id in nodes)
        loss = await _calculated(RemovalCalculation(removed, frozen.paths))
    return Removal(frozen.path_set.hash, totals(frozen.paths), loss.effect, loss.conversions_lost)


async def _frozen(
    context: RequestContext, tenant_id: TenantId, wanted: WantedScope, rules: PathRules, *, ages: bool
) -> _Frozen:
    async with context.database.trial(tenant_id) as session:
        scope = await _scope(session, wanted, rules, context.services.clock())
        await _refuse_large(Freezing(session, PathSetId(0), scope))
        sets = PathSets(session)
        path_set = await sets.freeze(scope, _nobody_watches)
        return _Frozen(path_set, *(await path_counts(sets.counted(path_set.id, ages=ages))))


async def _scope(session: TenantSession, wanted: WantedScope, rules: PathRules, now: datetime) -> PathScope:
    advertiser_id = await advertiser_of(session, wanted)
    asked = checked_range(wanted.starts_at, wanted.ends_at, now)
    return PathScope(advertiser_id, wanted.campaign_id, asked.starts_at, asked.ends_at, rules)


async def _refuse_large(scope: Freezing) -> None:
    try:
        await refuse_large(scope, LARGEST_CONVERSIONS, LARGEST_TOUCHES)
    except InvalidInput as error:
        [problem] = error.problems
        message = f"{problem.message.removesuffix('.')}, or use runAttribution."
        raise InvalidInput([Problem(problem.code, message, problem.path)]) from error


async def _calculated(calculation: Calculation[T]) -> T:
    try:
        return await calculated(calculation, _SECONDS)
    except TimeoutError as error:
        message = f"This takes more than {_SECONDS:g} seconds: narrow the range, or use runAttribution."
        raise invalid("CALCULATION_TOO_LONG", message, "from") from error


async def _nobody_watches(_done: float) -> None:
    """Progress, for whoever waits for a run."""


async def _subjects(context: RequestContext, group: str, placement_ids: Sequence[PlacementId]) -> list[int]:
    """Whose each placement is, in order."""
    if group == "PLACEMENT":
        return list(placement_ids)
    placements = await lists.existing(context, Placements, placement_ids)
    if group == "LINE_ITEM":
        return [placement.line_item_id for placement in placements]
    if group == "CAMPAIGN":
        return [placement.campaign_id for placement in placements]
    if group == "EPISODE":
        return [placement.episode_id for placement in placements]
    episodes = await lists.existing(context, Episodes, [placement.episode_id for placement in placements])
    return [episode.podcast_id for episode in episodes]


def _rows(found: Sequence[Credits], group: str, subjects: Sequence[int]) -> tuple[ComparedCredits, ...]:
    nodes: dict[int, list[int]] = {}
    for node, subject in enumerate(subjects):
        nodes.setdefault(subject, []).append(node)
    rows = [
        ComparedCredits(group, subject, tuple(_summed(credits, own) for credits in found))
        for subject, own in nodes.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.credits[0].conversions, row.id)))


def _summed(credits: Credits, nodes: Sequence[int]) -> ComparedCredit:
    return ComparedCredit(
        exact_sum(credits.conversions[node] for node in nodes),
        {currency: exact_sum(credits.values[currency][node] for node in nodes) for currency in sorted(credits.values)},
    )
