"""How much placements reach the same households: exact, since reach cannot be added up."""

from collections.abc import Sequence
from typing import Final

import msgspec

from persistence.ids import PlacementId
from persistence.partitions import kept_since
from persistence.records import PlacementRecord
from persistence.repositories.campaigns import Placements
from persistence.repositories.metrics import Measures, PlacementSet, Span
from resolvers import changes
from resolvers.context import RequestContext
from resolvers.errors import invalid
from resolvers.events.kinds import ImpressionType
from resolvers.metrics.spans import GivenRange, checked, latest_range
from resolvers.policy import Permission

FEWEST: Final = 2
MOST: Final = 50


class PlacementReach(msgspec.Struct, frozen=True):
    """Distinct households; `exclusive_reach` has those that none of the other placements reached."""

    placement: PlacementRecord
    reach: int
    exclusive_reach: int


class SharedReach(msgspec.Struct, frozen=True):
    """Distinct households that both placements reached."""

    first: PlacementRecord
    second: PlacementRecord
    shared_reach: int


class Overlap(msgspec.Struct, frozen=True):
    reach: int
    placements: list[PlacementReach]
    pairs: list[SharedReach]


async def overlap(
    context: RequestContext, placement_ids: Sequence[PlacementId], given: GivenRange | None, impressions: ImpressionType
) -> Overlap:
    """Placements in the order given, and each pair of them once.

    Raises NotFound, and InvalidInput (TOO_MANY_PLACEMENTS, TOO_FEW_PLACEMENTS, RANGE_… as `spans.checked`,
    EVENTS_NOT_KEPT).
    """
    tenant_id = context.tenant_for(Permission.READ)
    range_ = latest_range(context.services.clock()) if given is None else checked(given)
    wanted = tuple(dict.fromkeys(placement_ids))
    if len(wanted) > MOST:
        raise invalid("TOO_MANY_PLACEMENTS", f"Name at most {MOST} placements.", "placementIds")
    placements = await _existing(context, wanted)
    if len(wanted) < FEWEST:
        raise invalid("TOO_FEW_PLACEMENTS", f"Name at least {FEWEST} placements.", "placementIds")
    async with context.database.analyse(tenant_id) as session:
        oldest = await kept_since(session)
        if oldest is None or range_.since < oldest:
            message = "Events of a part of the range are no longer kept: choose a later range."
            raise invalid("EVENTS_NOT_KEPT", message, "range", "from")
        shared = await Measures(session).overlap(
            PlacementSet(wanted), Span(range_.since, range_.until), impressions.value
        )
    found = {(row.first, row.second): row for row in shared}
    alone = [found.get((row_id, row_id)) for row_id in wanted]
    return Overlap(
        reach=found[None, None].households,
        placements=[
            PlacementReach(placement, row.households if row else 0, row.exclusive if row else 0)
            for placement, row in zip(placements, alone, strict=True)
        ],
        pairs=[
            SharedReach(one, other, row.households if row else 0)
            for index, one in enumerate(placements)
            for other in placements[index + 1 :]
            for row in [found.get((min(one.id, other.id), max(one.id, other.id)))]
        ],
    )


async def _existing(context: RequestContext, wanted: Sequence[PlacementId]) -> list[PlacementRecord]:
    found = await context.loaders.by_id(Placements).fetch(wanted)
    placements = [placement for placement in found if placement is not None]
    if len(placements) < len(wanted):
        raise changes.missing("placement", "placementIds", str(found.index(None)))
    return placements
