"""Metrics with an attribution run: its credits instead of matched conversions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import insert

from persistence.ids import TenantId
from persistence.records import CampaignRecord, PlacementRecord
from persistence.repositories.runs import RunResults
from persistence.tables import attribution_runs
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.graph import data, run
from tests.resolvers.campaigns.scene import new_campaign, new_line_item, new_placement
from tests.resolvers.metrics.world import Happened, store

DAY = timedelta(days=1)
QUERY = """
query Metrics($id: ID!, $run: ID, $range: MetricsRangeInput, $by: MetricsGrouping! = NONE) {
  campaign(id: $id) { metrics(run: $run, range: $range, groupBy: $by) {
    startsAt conversions conversionRate reach currency spend revenue cpa aov roas placement { id }
    byCurrency { currency conversions spend revenue roas }
  } }
}
"""


class Attributed(msgspec.Struct, frozen=True):
    actor: Actor
    campaign: CampaignRecord
    placements: list[PlacementRecord]
    starts_at: datetime
    run: str


async def new_run(actor: Actor, campaign: CampaignRecord, starts_at: datetime, **values: Any) -> int:
    given = {
        "tenant_id": actor.tenant_id,
        "advertiser_id": campaign.advertiser_id,
        "campaign_id": campaign.id,
        "starts_at": starts_at,
        "ends_at": starts_at + 7 * DAY,
        "impressions": "AD_DELIVERED",
        "impression_window_seconds": 60,
        "visit_window_seconds": 60,
        "promo_policy": "FALLBACK",
        "model": "LINEAR",
        "model_version": 1,
        "parameters": "{}",
        "status": "SUCCEEDED",
        "result_hash": "0",
        **values,
    }
    async with actor.services.database.write(actor.tenant_id) as session:
        return int(await session.scalar(insert(attribution_runs).values(given).returning(attribution_runs.c.id)))


async def write_credits(services: Services, tenant_id: TenantId, run_id: Any, credits: list[Any]) -> None:
    """(placement, conversions, values) of each."""
    async with services.database.write(tenant_id) as session:
        results = RunResults(session)
        await results.write_credits(
            run_id,
            [
                {"placement_id": placement.id, "conversions": Decimal(conversions), "weight": None}
                for placement, conversions, _ in credits
            ],
        )
        await results.write_credit_values(
            run_id,
            [
                {"placement_id": placement.id, "currency": currency, "value": Decimal(value)}
                for placement, _, values in credits
                for currency, value in values.items()
            ],
        )


@pytest_asyncio.fixture(scope="module")
async def attributed(services: Services) -> Attributed:
    """Two placements, one paid by the conversion and one by the thousand, each seen by one of two households."""
    actor = await new_tenant(services)
    campaign = await new_campaign(actor, currency="EUR")
    paid = await new_line_item(actor, campaign.id, pricing="CPA", rate_minor=900)
    thousand = await new_line_item(actor, campaign.id, pricing="CPM", rate_minor=2_000)
    placements = [await new_placement(actor, paid.id), await new_placement(actor, thousand.id)]
    starts_at = services.clock().replace(minute=0, second=0, microsecond=0) - 20 * DAY
    await store(
        actor,
        [
            Happened(starts_at + DAY, "AD_DELIVERED", number, campaign.advertiser_id, placement.id)
            for number, placement in enumerate(placements)
        ],
    )
    run_id = await new_run(actor, campaign, starts_at)
    credits = [
        (placements[0], "1.333333333333", {"EUR": "1000.5"}),
        (placements[1], "0.666666666667", {"EUR": "999.5"}),
    ]
    await write_credits(services, actor.tenant_id, run_id, credits)
    return Attributed(actor, campaign, placements, starts_at, f"run_{run_id}")


async def rows(attributed: Attributed, **variables: Any) -> list[dict[str, Any]]:
    given = {"id": f"cmp_{attributed.campaign.id}", "run": attributed.run, **variables}
    found: list[dict[str, Any]] = (await data(attributed.actor.context(), QUERY, **given))["campaign"]["metrics"]
    return found


async def test_credits_are_the_conversions_and_their_value_the_revenue(attributed: Attributed) -> None:
    [row] = await rows(attributed)
    assert row == {
        "startsAt": attributed.starts_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "conversions": "2",
        "reach": 2,
        "conversionRate": "1",
        "currency": "EUR",
        # 900 × 1.333333333333 + 2,000 × 1 ÷ 1,000
        "spend": "1201.9999999997",
        "revenue": "2000",
        "cpa": "600.99999999985",
        "aov": None,
        "roas": "1.663893510816",
        "placement": None,
        "byCurrency": [
            {
                "currency": "EUR",
                "conversions": "2",
                "spend": "1201.9999999997",
                "revenue": "2000",
                "roas": "1.663893510816",
            }
        ],
    }


async def test_credits_of_groups_add_up(attributed: Attributed) -> None:
    first, second = await rows(attributed, by="PLACEMENT")
    assert [first["placement"], second["placement"]] == [{"id": f"plc_{p.id}"} for p in attributed.placements]
    assert [first["conversions"], second["conversions"]] == ["1.333333333333", "0.666666666667"]
    assert [first["revenue"], second["revenue"]] == ["1000.5", "999.5"]
    assert [first["conversionRate"], second["conversionRate"]] == ["1.333333333333", "0.666666666667"]


async def test_values_in_another_currency_are_never_added_up(services: Services, attributed: Attributed) -> None:
    actor = attributed.actor
    campaign = await new_campaign(actor, currency="EUR")
    placement = await new_placement(actor, (await new_line_item(actor, campaign.id)).id)
    run_id = await new_run(actor, campaign, attributed.starts_at)
    await write_credits(services, actor.tenant_id, run_id, [(placement, "3", {"EUR": "10", "JPY": "7"})])
    [row] = await rows(attributed, id=f"cmp_{campaign.id}", run=f"run_{run_id}")
    assert (row["currency"], row["spend"], row["revenue"], row["cpa"]) == (None, None, None, None)
    assert row["conversions"] == "3"
    assert row["byCurrency"] == [
        {"currency": "EUR", "conversions": "3", "spend": "0", "revenue": "10", "roas": None},
        {"currency": "JPY", "conversions": "0", "spend": "0", "revenue": "7", "roas": None},
    ]


async def test_a_campaign_outside_the_run_has_no_credits(attributed: Attributed) -> None:
    campaign = await new_campaign(attributed.actor)
    await new_placement(attributed.actor, (await new_line_item(attributed.actor, campaign.id)).id)
    [row] = await rows(attributed, id=f"cmp_{campaign.id}")
    assert (row["conversions"], row["revenue"]) == ("0", "0")


async def test_the_range_is_the_runs_own(attributed: Attributed) -> None:
    own = {"from": attributed.starts_at.isoformat(), "until": (attributed.starts_at + 7 * DAY).isoformat()}
    assert await rows(attributed, range=own) == await rows(attributed)


async def refusal(attributed: Attributed, **variables: Any) -> str:
    given = {"id": f"cmp_{attributed.campaign.id}", "run": attributed.run, **variables}
    result = await run(attributed.actor.context(), QUERY, **given)
    assert result.errors is not None
    original: Any = result.errors[0].original_error
    return str(original.problems[0].code if hasattr(original, "problems") else original.code)


async def test_another_range_is_refused(attributed: Attributed) -> None:
    other = {"from": attributed.starts_at.isoformat(), "until": (attributed.starts_at + 6 * DAY).isoformat()}
    assert await refusal(attributed, range=other) == "RANGE_NOT_OF_RUN"


@pytest.mark.parametrize("by", ["HOUR", "DAY", "WEEK", "MONTH"])
async def test_credits_have_no_time_to_group_by(attributed: Attributed, by: str) -> None:
    assert await refusal(attributed, by=by) == "CREDITS_HAVE_NO_TIME"


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING", "FAILED", "CANCELLED"])
async def test_a_run_without_a_result_is_refused(attributed: Attributed, status: str) -> None:
    starts_at = attributed.starts_at
    run_id = await new_run(attributed.actor, attributed.campaign, starts_at, status=status, result_hash=None)
    assert await refusal(attributed, run=f"run_{run_id}") == "RUN_NOT_FINISHED"


async def test_a_run_that_is_not_on_whole_hours_has_no_hourly_counts(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    starts_at = services.clock().replace(minute=30, second=0, microsecond=0) - 20 * DAY
    run_id = await new_run(actor, campaign, starts_at)
    here = Attributed(actor, campaign, [], starts_at, f"run_{run_id}")
    assert await refusal(here) == "RANGE_NOT_ON_HOURS"


async def test_another_tenants_run_is_not_there(services: Services, attributed: Attributed) -> None:
    stranger = await new_tenant(services)
    campaign = await new_campaign(stranger)
    here = Attributed(stranger, campaign, [], attributed.starts_at, attributed.run)
    assert await refusal(here) == "NOT_FOUND"
