"""The demo's attribution runs: two models over the paths of one campaign. The server calculates them when it starts."""

from datetime import timedelta
from typing import Final

import msgspec

from gateway.demo.content import NEWEST
from gateway.demo.events import DAYS
from persistence.ids import CampaignId, TenantId
from persistence.pages import Slice
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.runs import AttributionRuns
from resolvers.attribution.registry import chosen
from resolvers.context import RequestContext, Services
from resolvers.policy import Role, Viewer
from resolvers.runs.requests import WantedRun, WantedScope, run_attribution

CAMPAIGN: Final = 46
"""Which of the campaigns, from the oldest: one that many households heard."""
MODELS: Final = ("LINEAR", "MARKOV")


async def ensure_runs(services: Services, tenant_id: TenantId) -> None:
    """Asks for the runs unless the tenant has any, or has not the demo's campaigns."""
    async with services.database.read(tenant_id) as session:
        if await AttributionRuns(session).count():
            return
        oldest = Slice("CREATED_AT", descending=False, limit=CAMPAIGN + 1)
        campaigns = (await Campaigns(session).page(oldest)).records
    if len(campaigns) <= CAMPAIGN:
        return
    await _ask(services, tenant_id, campaigns[CAMPAIGN].id)


async def _ask(services: Services, tenant_id: TenantId, campaign_id: CampaignId) -> None:
    # The demo's present is not ours: its range must not lie in the future of a clock that is behind.
    services = msgspec.structs.replace(services, clock=lambda: NEWEST)
    context = RequestContext(services, Viewer(tenant_id=tenant_id, role=Role.OWNER))
    scope = WantedScope(None, campaign_id, NEWEST - timedelta(days=DAYS), NEWEST)
    for kind in MODELS:
        await run_attribution(context, WantedRun(scope, None, None, chosen(kind, None, {})))
