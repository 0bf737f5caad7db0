"""The states of a campaign and the moves between them.

    DRAFT → ACTIVE ⇄ PAUSED → COMPLETED → ARCHIVED

A campaign that runs may be completed without a pause. A draft and a paused campaign may be archived at once; what runs
must be paused or completed first. Nothing comes back from COMPLETED but to be archived, and nothing from ARCHIVED.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from resolvers.errors import IllegalTransition


class CampaignStatus(StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"


class CampaignRequirement(StrEnum):
    """What a campaign needs before it can run."""

    LIVE_ADVERTISER = "LIVE_ADVERTISER"
    LINE_ITEM = "LINE_ITEM"


MOVES: Mapping[CampaignStatus, tuple[CampaignStatus, ...]] = MappingProxyType(
    {
        CampaignStatus.DRAFT: (CampaignStatus.ACTIVE, CampaignStatus.ARCHIVED),
        CampaignStatus.ACTIVE: (CampaignStatus.PAUSED, CampaignStatus.COMPLETED),
        CampaignStatus.PAUSED: (CampaignStatus.ACTIVE, CampaignStatus.COMPLETED, CampaignStatus.ARCHIVED),
        CampaignStatus.COMPLETED: (CampaignStatus.ARCHIVED,),
        CampaignStatus.ARCHIVED: (),
    }
)
"""Where a campaign may go from each state."""


class IllegalMove(IllegalTransition):
    """The campaign's status does not allow this move."""

    def __init__(self, current: CampaignStatus, wanted: CampaignStatus) -> None:
        allowed = MOVES[current]
        where = f"to {' or '.join(allowed)}" if allowed else "nowhere"
        super().__init__(f"A campaign that is {current} cannot become {wanted}; it can go {where}.", ("id",))
        self.current = current
        self.wanted = wanted
        self.allowed = allowed


class NotReady(IllegalTransition):
    """The campaign may become ACTIVE, but lacks what a running campaign needs."""

    code = "CAMPAIGN_NOT_READY"

    def __init__(self, missing: tuple[CampaignRequirement, ...]) -> None:
        super().__init__(f"The campaign cannot run yet; it lacks: {', '.join(missing)}.", ("id",))
        self.missing = missing


def check_move(current: CampaignStatus, wanted: CampaignStatus) -> None:
    """Raises IllegalMove."""
    if wanted not in MOVES[current]:
        raise IllegalMove(current, wanted)
