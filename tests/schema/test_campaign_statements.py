"""How many SQL statements a deep query runs: one for each level, however many objects a level has."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest_asyncio

from persistence.database import Database
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.graph import data
from tests.resolvers.campaigns.scene import new_advertiser, new_campaign, new_episode, new_line_item, new_placement

CAMPAIGNS = 50

DEEP = """
query Deep($counted: Boolean!) {
  campaigns(first: 50) {
    totalCount @include(if: $counted)
    nodes {
      name
      budget { amountMinor currency }
      lineItems(first: 10) {
        totalCount @include(if: $counted)
        nodes {
          name
          rate { amountMinor currency }
          placements(first: 10) {
            totalCount @include(if: $counted)
            nodes { position episode { title podcast { title } } }
          }
        }
      }
    }
  }
}
"""


@contextmanager
def recorded_statements(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    with database.watched(lambda statement, _values: statements.append(statement)):
        yield statements


@pytest_asyncio.fixture(scope="module")
async def busy(services: Services) -> Actor:
    """A tenant with 50 campaigns of two line items, each of which is placed in two episodes of two podcasts."""
    actor = await new_tenant(services)
    advertiser = await new_advertiser(actor)
    episodes = [await new_episode(actor) for _ in range(2)]
    for number in range(CAMPAIGNS):
        campaign = await new_campaign(actor, advertiser.id, name=f"Campaign {number}", budget_minor=number)
        for _ in range(2):
            line_item = await new_line_item(actor, campaign.id)
            for episode in episodes:
                await new_placement(actor, line_item.id, episode.id)
    return actor


async def test_fifty_campaigns_with_everything_below_run_one_statement_per_level(busy: Actor) -> None:
    with recorded_statements(busy.services.database) as statements:
        answer = await data(busy.context(), DEEP, counted=False)
    campaigns = answer["campaigns"]["nodes"]
    line_items = [item for campaign in campaigns for item in campaign["lineItems"]["nodes"]]
    placements = [placement for item in line_items for placement in item["placements"]["nodes"]]
    assert (len(campaigns), len(line_items), len(placements)) == (50, 100, 200)
    assert {placement["episode"]["podcast"]["title"] for placement in placements} == {"A Show"}
    assert len(statements) == 5


async def test_total_count_adds_one_statement_per_level(busy: Actor) -> None:
    with recorded_statements(busy.services.database) as statements:
        answer = await data(busy.context(), DEEP, counted=True)
    assert answer["campaigns"]["totalCount"] == CAMPAIGNS
    assert {campaign["lineItems"]["totalCount"] for campaign in answer["campaigns"]["nodes"]} == {2}
    assert len(statements) == 5 + 3


async def test_every_edge_upwards_runs_one_statement_for_all_its_objects(busy: Actor) -> None:
    query = """{
      campaigns(first: 50) { nodes { advertiser { name } placements(first: 4) { nodes {
        lineItem { name campaign { name } }
        campaign { name advertiser { name } }
        episode { placements(first: 1) { nodes { position } } }
      } } } }
    }"""
    with recorded_statements(busy.services.database) as statements:
        answer = await data(busy.context(), query)
    first = answer["campaigns"]["nodes"][0]
    assert first["advertiser"] == {"name": "Acme"}
    assert [placement["campaign"]["name"] for placement in first["placements"]["nodes"]] == ["Campaign 49"] * 4
    # Campaigns; advertisers and placements; line items, campaigns and episodes; placements of episodes. The campaigns
    # of line items and the advertisers of campaigns are known by then.
    assert len(statements) == 1 + 2 + 3 + 1


async def test_aliases_of_one_list_with_equal_arguments_share_a_statement(busy: Actor) -> None:
    query = "{ campaigns(first: 50) { nodes { a: lineItems { nodes { id } } b: lineItems { nodes { name } } } } }"
    with recorded_statements(busy.services.database) as statements:
        await data(busy.context(), query)
    assert len(statements) == 2
