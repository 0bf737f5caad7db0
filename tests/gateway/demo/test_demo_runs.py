"""The demo's attribution runs are asked for once."""

from datetime import timedelta

from gateway.demo.content import NEWEST, demo_content
from gateway.demo.runs import CAMPAIGN, ensure_runs
from gateway.demo.seed import seed_content
from persistence.pages import Slice
from persistence.records import AttributionRunRecord
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.runs import AttributionRuns
from resolvers.context import Services
from tests.actors import Actor, new_tenant

FIRST = Slice("CREATED_AT", descending=False, limit=100)


async def runs_of(actor: Actor) -> list[AttributionRunRecord]:
    async with actor.services.database.read(actor.tenant_id) as session:
        return (await AttributionRuns(session).page(FIRST)).records


async def test_two_models_are_run_over_one_campaign_of_the_demo_and_only_once(services: Services) -> None:
    actor = await new_tenant(services)
    await seed_content(services.database, actor.tenant_id, demo_content(), lambda _: None)
    await ensure_runs(services, actor.tenant_id)
    await ensure_runs(services, actor.tenant_id)
    async with services.database.read(actor.tenant_id) as session:
        campaign = (await Campaigns(session).page(FIRST)).records[CAMPAIGN]
    assert [(run.model, run.campaign_id, run.starts_at, run.ends_at) for run in await runs_of(actor)] == [
        (model, campaign.id, NEWEST - timedelta(days=60), NEWEST) for model in ("LINEAR", "MARKOV")
    ]


async def test_tenant_without_the_demos_campaigns_gets_no_runs(services: Services) -> None:
    actor = await new_tenant(services)
    await ensure_runs(services, actor.tenant_id)
    assert await runs_of(actor) == []
