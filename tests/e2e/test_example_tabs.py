"""GraphiQL's attribution tabs, run as they are against the demo: a partner sees numbers, not empty lists."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.services.client import GraphQLClient
from tests.services.gateway import Gateway

EXAMPLES = Path(__file__).parents[2] / "gateway" / "web" / "src" / "examples"


async def example(server: Gateway, name: str) -> Any:
    variables = json.loads((EXAMPLES / f"{name}.variables.json").read_text())
    async with GraphQLClient(server.url, server.api_key) as client:
        return await client.data((EXAMPLES / f"{name}.graphql").read_text(), **variables)


async def test_campaigns_attribution_has_figures_for_each_placement(demo_server: Gateway) -> None:
    campaign = (await example(demo_server, "5-campaign-attribution"))["campaign"]
    [whole] = campaign["metrics"]
    assert whole["impressions"] == sum(row["impressions"] for row in campaign["byPlacement"]) > 0
    assert 0 < whole["reach"] < sum(row["reach"] for row in campaign["byPlacement"])
    assert Decimal(whole["roas"]) > 0
    assert len(campaign["byWeek"]) == 9


async def test_conversion_is_explained_to_the_last_minor_unit_with_its_conflicts(demo_server: Gateway) -> None:
    [edge] = (await example(demo_server, "6-why-this-conversion"))["conversions"]["edges"]
    touches = edge["node"]["explain"]["touches"]
    assert sum(Decimal(touch["share"]) for touch in touches) == 1
    assert sum(Decimal(touch["value"]["amountMinor"]) for touch in touches) == edge["node"]["value"]["amountMinor"]
    assert {touch["ineligibleReason"] for touch in touches} == {
        None,
        "NO_PLACEMENT",
        "OTHER_IMPRESSION_TYPE",
        "AFTER_CONVERSION",
    }
    assert edge["node"]["promo"]["agrees"] is False
    assert edge["node"]["reconciliation"]["status"] == "CONFLICT"


async def test_every_compared_model_gives_the_attributed_conversions_away(demo_server: Gateway) -> None:
    comparison = (await example(demo_server, "7-models-compared"))["compareModels"]
    models = [model["kind"] for model in comparison["models"]]
    given = [sum(Decimal(row["credits"][index]["conversions"]) for row in comparison["rows"]) for index in range(4)]
    assert models == ["FIRST_TOUCH", "LAST_TOUCH", "LINEAR", "MARKOV"]
    assert given == [comparison["totals"]["attributedConversions"]] * 4
