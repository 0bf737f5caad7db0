"""Metrics as the graph shows them, against the same computed from the events one by one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import pytest_asyncio

from persistence.records import LineItemRecord, PlacementRecord
from persistence.repositories.campaigns import Placements
from resolvers.context import Services
from tests.actors import Actor, new_tenant
from tests.graph import data, run
from tests.resolvers.campaigns.scene import new_campaign, new_episode, new_line_item, new_placement
from tests.resolvers.metrics.world import DAY, Happened, Truth, World, random_world, store
from tests.schema.test_campaign_statements import recorded_statements

PREFIXES = {"campaign": "cmp", "lineItem": "lin", "placement": "plc", "podcast": "pod", "episode": "epi"}
FIGURES = "currency impressions visits conversions spend revenue cpm cpv cpa aov roas"
EVERYTHING = f"""
  startsAt endsAt {FIGURES} reach frequency visitors visitationRate conversionRate
  placement {{ id }} lineItem {{ id }} campaign {{ id }} episode {{ id }} podcast {{ id }}
  byCurrency {{ {FIGURES} }}
"""
QUERY = f"""
query Metrics($id: ID!, $range: MetricsRangeInput, $by: MetricsGrouping!, $type: ImpressionType!) {{
  node(id: $id) {{
    ... on Campaign {{ metrics(range: $range, groupBy: $by, impressions: $type) {{ {EVERYTHING} }} }}
    ... on LineItem {{ metrics(range: $range, groupBy: $by, impressions: $type) {{ {EVERYTHING} }} }}
    ... on Placement {{ metrics(range: $range, groupBy: $by, impressions: $type) {{ {EVERYTHING} }} }}
    ... on Podcast {{ metrics(range: $range, groupBy: $by, impressions: $type) {{ {EVERYTHING} }} }}
    ... on Episode {{ metrics(range: $range, groupBy: $by, impressions: $type) {{ {EVERYTHING} }} }}
  }}
}}
"""


@pytest_asyncio.fixture(scope="module")
async def world(services: Services) -> World:
    return await random_world(services, seed=3)


def range_of(since: datetime, until: datetime) -> dict[str, str]:
    return {"from": since.isoformat(), "until": until.isoformat()}


async def rows_of(
    world: World,
    kind: str,
    row_id: int,
    since: datetime,
    until: datetime,
    by: str = "NONE",
    type_: str = "AD_DELIVERED",
) -> list[dict[str, Any]]:
    variables = {"id": f"{PREFIXES[kind]}_{row_id}", "range": range_of(since, until), "by": by, "type": type_}
    rows: list[dict[str, Any]] = (await data(world.actor.context(), QUERY, **variables))["node"]["metrics"]
    return rows


def number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(Decimal(text))


def quotient(above: Fraction | int | None, below: Fraction | int | None) -> Fraction | None:
    """Rounded to 12 decimals, as it is shown."""
    if above is None or not below:
        return None
    return Fraction(round(Fraction(above) / Fraction(below) * 10**12), 10**12)


def expected_figures(
    truth: Truth, line_items: Sequence[LineItemRecord], placements: Sequence[PlacementRecord], world: World
) -> dict[str, Mapping[str, Any]]:
    """By currency."""
    priced = {line_item.currency for line_item in line_items}
    valued: dict[str, list[Happened]] = defaultdict(list)
    for conversion in truth.conversions:
        if conversion.currency is not None:
            valued[conversion.currency].append(conversion)
    found: dict[str, Mapping[str, Any]] = {}
    for currency in sorted(priced | valued.keys()):
        own = [line_item for line_item in line_items if line_item.currency == currency]
        chosen = [p for p in placements if p.line_item_id in {line_item.id for line_item in own}]
        part = world.truth(chosen, truth._since, truth._until, truth._type)
        spends = [part.spend(line_item) for line_item in own]
        spend = None if None in spends else sum((s for s in spends if s is not None), start=Fraction(0))
        revenue = sum(conversion.value_minor or 0 for conversion in valued[currency])
        found[currency] = {
            "currency": currency,
            "impressions": part.impressions,
            "visits": part.visits,
            "conversions": len(part.conversions),
            "spend": quotient(spend, 1),
            "revenue": revenue,
            "cpm": quotient(None if spend is None else spend * 1000, part.impressions),
            "cpv": quotient(spend, part.visits),
            "cpa": quotient(spend, len(part.conversions)),
            "aov": quotient(revenue, len(valued[currency])),
            "roas": quotient(revenue, spend),
        }
    return found


def check_row(row: Mapping[str, Any], world: World, placements: Sequence[PlacementRecord], type_: str) -> None:
    since, until = datetime.fromisoformat(row["startsAt"]), datetime.fromisoformat(row["endsAt"])
    truth = world.truth(placements, since, until, type_)
    reach = len(truth.reached)
    assert row["impressions"] == truth.impressions
    assert row["reach"] == reach
    assert row["visits"] == truth.visits
    assert row["visitors"] == truth.visitors
    assert number(row["conversions"]) == len(truth.conversions)
    assert number(row["frequency"]) == quotient(truth.impressions, reach)
    assert number(row["visitationRate"]) == quotient(truth.visitors, reach)
    assert number(row["conversionRate"]) == quotient(len(truth.conversions), reach)
    line_items = [item for item in world.line_items if item.id in {p.line_item_id for p in placements}]
    wanted = expected_figures(truth, line_items, placements, world)
    assert [as_numbers(entry) for entry in row["byCurrency"]] == list(wanted.values())
    flat = {key: as_numbers(row)[key] for key in ("currency", *MONEY)}
    only = next(iter(wanted.values())) if len(wanted) == 1 else dict.fromkeys(flat)
    assert flat == {key: only[key] for key in flat}


MONEY = ("spend", "revenue", "cpm", "cpv", "cpa", "aov", "roas")


def as_numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {key: number(entry[key]) for key in ("conversions", *MONEY)}
    return {"currency": entry["currency"], "impressions": entry["impressions"], "visits": entry["visits"], **numbers}


@pytest.mark.parametrize("kind", list(PREFIXES))
@pytest.mark.parametrize("type_", ["AD_DELIVERED", "CLIENT_CONFIRMED"])
async def test_every_metric_of_every_object_is_what_the_events_say(world: World, kind: str, type_: str) -> None:
    since, until = world.starts_at + timedelta(days=2, hours=5), world.starts_at + timedelta(days=21, hours=7)
    for row_id in sorted({world.parent(kind, placement) for placement in world.placements}):
        [row] = await rows_of(world, kind, row_id, since, until, type_=type_)
        check_row(row, world, world.placements_of(kind, row_id), type_)


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("PLACEMENT", "placement"),
        ("LINE_ITEM", "lineItem"),
        ("CAMPAIGN", "campaign"),
        ("EPISODE", "episode"),
        ("PODCAST", "podcast"),
    ],
)
@pytest.mark.parametrize("kind", ["campaign", "podcast", "lineItem"])
async def test_groups_of_objects_are_what_the_events_of_each_say(world: World, kind: str, by: str, name: str) -> None:
    since, until = world.starts_at, world.starts_at + 24 * DAY
    row_id = world.parent(kind, world.placements[0])
    own = world.placements_of(kind, row_id)
    rows = await rows_of(world, kind, row_id, since, until, by)
    subjects = sorted({world.parent(name, placement) for placement in own})
    assert [row[name] for row in rows] == [{"id": f"{PREFIXES[name]}_{subject}"} for subject in subjects]
    for row, subject in zip(rows, subjects, strict=True):
        assert [key for key in PREFIXES if row[key] is not None] == [name]
        check_row(row, world, [p for p in own if world.parent(name, p) == subject], "AD_DELIVERED")
    [whole] = await rows_of(world, kind, row_id, since, until)
    assert sum(row["impressions"] for row in rows) == whole["impressions"]
    assert sum(row["visits"] for row in rows) == whole["visits"]


@pytest.mark.parametrize(("by", "days"), [("HOUR", 2), ("DAY", 24), ("WEEK", 24), ("MONTH", 24)])
async def test_groups_of_time_follow_each_other_and_each_is_measured_alone(world: World, by: str, days: int) -> None:
    campaign = world.campaigns[0]
    since = world.starts_at + timedelta(days=10, hours=-7)
    if days == 24:
        since = world.starts_at + timedelta(hours=5)
    until = since + days * DAY
    rows = await rows_of(world, "campaign", campaign.id, since, until, by)
    starts = [datetime.fromisoformat(row["startsAt"]) for row in rows]
    ends = [datetime.fromisoformat(row["endsAt"]) for row in rows]
    assert starts[0] == since
    assert ends[-1] == until
    assert starts[1:] == ends[:-1]
    for row in rows:
        check_row(row, world, world.placements_of("campaign", campaign.id), "AD_DELIVERED")
    [whole] = await rows_of(world, "campaign", campaign.id, since, until)
    assert sum(row["impressions"] for row in rows) == whole["impressions"] > 0


async def test_a_range_without_events_is_zeros_and_nulls(world: World) -> None:
    line_item = world.line_items[0]
    [row] = await rows_of(world, "lineItem", line_item.id, world.starts_at - 60 * DAY, world.starts_at - 59 * DAY)
    counts = ("impressions", "reach", "visits", "visitors", "conversions", "spend", "revenue")
    assert {key: row[key] for key in counts} == {
        "impressions": 0, "reach": 0, "visits": 0, "visitors": 0, "conversions": "0", "spend": "0", "revenue": "0"
    }  # fmt: skip
    rates = ("frequency", "visitationRate", "conversionRate", "cpm", "cpv", "cpa", "aov", "roas")
    assert {key: row[key] for key in rates} == dict.fromkeys(rates)


async def test_an_object_without_placements_has_a_row_without_money(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    query = "query Q($id: ID!) { campaign(id: $id) { metrics { impressions reach spend currency byCurrency { spend } }"
    query += " none: metrics(groupBy: PLACEMENT) { reach } } }"
    shown = (await data(actor.context(), query, id=f"cmp_{campaign.id}"))["campaign"]
    assert shown["metrics"] == [{"impressions": 0, "reach": 0, "spend": None, "currency": None, "byCurrency": []}]
    assert shown["none"] == []


async def test_archived_placements_count_and_share_the_flat_rate(services: Services) -> None:
    actor = await new_tenant(services)
    campaign = await new_campaign(actor, currency="EUR")
    day = (services.clock() - 3 * DAY).date()
    dates = {"starts_on": str(day), "ends_on": str(day)}
    line_item = await new_line_item(actor, campaign.id, pricing="FLAT", rate_minor=1_000, **dates)
    placements = [await new_placement(actor, line_item.id) for _ in range(4)]
    mutation = """mutation A($id: ID!) { archivePlacement(id: $id, version: 1) { __typename } }"""
    await data(actor.context(), mutation, id=f"plc_{placements[0].id}")
    query = "query Q($id: ID!) { placement(id: $id) { metrics { spend } lineItem { metrics { spend } } } }"
    shown = (await data(actor.context(), query, id=f"plc_{placements[0].id}"))["placement"]
    assert shown == {"metrics": [{"spend": "250"}], "lineItem": {"metrics": [{"spend": "1000"}]}}


@pytest_asyncio.fixture(scope="module")
async def crowd(services: Services) -> tuple[Actor, str]:
    """A campaign with 1,001 placements, of which each had one impression of one household."""
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    line_item = await new_line_item(actor, campaign.id)
    keys = {"campaign_id": campaign.id, "line_item_id": line_item.id, "episode_id": (await new_episode(actor)).id}
    values = {**keys, "position": "MID_ROLL", "insertion_type": "DYNAMIC", "read_type": "HOST_READ"}
    async with services.database.write(actor.tenant_id) as session:
        placement_ids = await Placements(session).insert_many([values] * 1_001)
    at = services.clock() - timedelta(days=2)
    await store(
        actor,
        [Happened(at, "AD_DELIVERED", 1, campaign.advertiser_id, placement_id) for placement_id in placement_ids],
    )
    return actor, f"cmp_{campaign.id}"


async def test_a_thousand_parents_are_measured_by_a_constant_number_of_statements(crowd: tuple[Actor, str]) -> None:
    actor, campaign = crowd
    query = """query Q($id: ID!, $first: Int!) { campaign(id: $id) { placements(first: $first) { nodes {
      metrics { impressions reach visitors conversions spend byCurrency { cpm } } } } } }"""
    numbers = []
    for first in (2, 1_000):
        with recorded_statements(actor.services.database) as statements:
            answer = await data(actor.context(), query, id=campaign, first=first)
        nodes = answer["campaign"]["placements"]["nodes"]
        assert [(node["metrics"][0]["impressions"], node["metrics"][0]["reach"]) for node in nodes] == [(1, 1)] * first
        numbers.append(len([statement for statement in statements if "set_config" not in statement]))
    # Campaign, placements; what is kept, spots; counts, reach, visitors, conversions.
    assert numbers == [8, 8]


async def test_reach_of_a_thousand_placements_is_no_sum(crowd: tuple[Actor, str]) -> None:
    actor, campaign = crowd
    query = "query Q($id: ID!) { campaign(id: $id) { metrics { impressions reach frequency } } }"
    [row] = (await data(actor.context(), query, id=campaign))["campaign"]["metrics"]
    assert row == {"impressions": 1001, "reach": 1, "frequency": "1001"}


@pytest.mark.parametrize(
    "selection",
    [
        "metrics(groupBy: PLACEMENT) { reach }",
        "placements(first: 7) { nodes { metrics(groupBy: HOUR) { reach } } }",
        "placements(first: 4) { nodes { metrics(groupBy: HOUR) { reach } again: metrics(groupBy: HOUR) { visits } } }",
    ],
)
async def test_more_than_1000_groups_of_one_object_or_5000_of_an_operation_are_refused(
    crowd: tuple[Actor, str], selection: str
) -> None:
    actor, campaign = crowd
    result = await run(actor.context(), f'{{ campaign(id: "{campaign}") {{ {selection} }} }}')
    assert result.errors is not None
    [problem] = result.errors[0].original_error.problems  # type: ignore[union-attr]  # an InvalidInput
    assert (problem.code, problem.path) == ("TOO_MANY_GROUPS", ("groupBy",))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('range: {from: "2026-03-01T00:30:00Z", until: "2026-03-02T00:00:00Z"}', "RANGE_NOT_ON_HOURS"),
        ('range: {from: "2026-03-01T00:00:00Z", until: "2026-03-01T23:59:59.999999Z"}', "RANGE_NOT_ON_HOURS"),
        ('range: {from: "2026-03-02T00:00:00Z", until: "2026-03-02T00:00:00Z"}', "RANGE_EMPTY"),
        ('range: {from: "2026-03-03T00:00:00Z", until: "2026-03-02T00:00:00Z"}', "RANGE_EMPTY"),
        ('range: {from: "2025-01-01T00:00:00Z", until: "2026-02-06T00:00:00Z"}', "RANGE_TOO_LONG"),
        ('range: {from: "0001-01-01T00:00:00Z", until: "0001-01-02T00:00:00Z"}', "RANGE_OUT_OF_CALENDAR"),
        ('range: {from: "9999-12-31T00:00:00Z", until: "9999-12-31T23:00:00Z"}', "RANGE_OUT_OF_CALENDAR"),
        ('groupBy: HOUR, range: {from: "2026-01-01T00:00:00Z", until: "2026-02-15T00:00:00Z"}', "TOO_MANY_GROUPS"),
        ('run: "cmp_1"', "WRONG_ID_TYPE"),
        ('run: "run_1"', "NOT_FOUND"),
    ],
)
async def test_a_request_that_cannot_be_answered_says_why(world: World, arguments: str, code: str) -> None:
    query = f'{{ campaign(id: "cmp_{world.campaigns[0].id}") {{ metrics({arguments}) {{ reach }} }} }}'
    result = await run(world.actor.context(), query)
    assert result.errors is not None
    original = result.errors[0].original_error
    assert code in {getattr(original, "code", None), *(p.code for p in getattr(original, "problems", ()))}


async def test_the_longest_range_and_the_most_groups_are_answered(world: World) -> None:
    since = world.starts_at
    campaign_id = world.campaigns[0].id
    assert len(await rows_of(world, "campaign", campaign_id, since - 400 * DAY, since, "DAY")) == 400
    hours = timedelta(hours=1_000)
    assert len(await rows_of(world, "campaign", campaign_id, since, since + hours, "HOUR")) == 1_000


async def test_an_offset_in_half_hours_is_read_in_utc(world: World) -> None:
    day = world.starts_at.date()
    shown = {"from": f"{day}T05:30:00+05:30", "until": f"{day + DAY}T05:30:00+05:30"}
    query = "query Q($id: ID!, $range: MetricsRangeInput) { campaign(id: $id) { metrics(range: $range) { startsAt } } }"
    answer = await data(world.actor.context(), query, id=f"cmp_{world.campaigns[0].id}", range=shown)
    assert answer["campaign"]["metrics"] == [{"startsAt": f"{day}T00:00:00Z"}]


async def test_what_is_no_longer_kept_is_null_and_what_is_counted_stays(world: World) -> None:
    """Hourly counts outlive events: reach before the oldest month would be too small."""
    since = world.starts_at.replace(year=2001)
    [row] = await rows_of(world, "campaign", world.campaigns[0].id, since, since + DAY)
    assert row["impressions"] == 0
    unknown = ("reach", "visitors", "conversions", "frequency", "revenue")
    assert {key: row[key] for key in unknown} == dict.fromkeys(unknown)


async def test_two_ranges_in_one_query_are_told_apart(world: World) -> None:
    """Fields of one fragment collect rows of both."""
    campaign = world.campaigns[0]
    query = """query Q($id: ID!, $a: MetricsRangeInput, $b: MetricsRangeInput) { campaign(id: $id) {
      a: metrics(range: $a) { ...F } b: metrics(range: $b) { ...F } } }
    fragment F on Metrics { startsAt impressions reach conversions spend }"""
    middle, end = world.starts_at + 12 * DAY, world.starts_at + 24 * DAY
    ranges = {"a": range_of(world.starts_at, middle), "b": range_of(middle, end)}
    shown = (await data(world.actor.context(), query, id=f"cmp_{campaign.id}", **ranges))["campaign"]
    placements = world.placements_of("campaign", campaign.id)
    for [row], since, until in ((shown["a"], world.starts_at, middle), (shown["b"], middle, end)):
        truth = world.truth(placements, since, until, "AD_DELIVERED")
        assert (row["impressions"], row["reach"]) == (truth.impressions, len(truth.reached))
        assert row["conversions"] == str(len(truth.conversions))


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("later", "visitors"), [(timedelta(), 1), (-MICROSECOND, 0), (timedelta(hours=5), 1), (timedelta(days=2), 0)]
)
async def test_a_visitor_comes_at_or_after_the_impression_and_before_the_range_ends(
    services: Services, later: timedelta, visitors: int
) -> None:
    at = (services.clock() - 10 * DAY).replace(minute=30, second=0, microsecond=0)
    seen = ("AD_DELIVERED", at)
    row = await metrics_after(services, [seen, ("VISIT", at + later)], at - DAY, at + DAY)
    assert (row["reach"], row["visitors"]) == (1, visitors)


@pytest.mark.parametrize(
    ("before", "conversions"),
    [(timedelta(), "1"), (-MICROSECOND, "0"), (30 * DAY, "1"), (30 * DAY + MICROSECOND, "0")],
)
@pytest.mark.parametrize("touch", ["AD_DELIVERED", "VISIT by placement"])
async def test_a_conversion_is_matched_by_a_touch_of_the_30_days_before(
    services: Services, touch: str, before: timedelta, conversions: str
) -> None:
    at = (services.clock() - 10 * DAY).replace(minute=30, second=0, microsecond=0)
    row = await metrics_after(services, [(touch, at - before), ("PURCHASE", at)], at - DAY, at + DAY)
    assert row["conversions"] == conversions


async def test_a_visit_that_no_placement_led_to_matches_nothing(services: Services) -> None:
    at = services.clock() - 10 * DAY
    row = await metrics_after(services, [("VISIT", at), ("PURCHASE", at)], at - DAY, at + DAY)
    assert row["conversions"] == "0"


async def metrics_after(
    services: Services, happened: Sequence[tuple[str, datetime]], since: datetime, until: datetime
) -> dict[str, Any]:
    """Of a new placement, over the whole hours of the range, after these events of one household."""
    actor = await new_tenant(services)
    campaign = await new_campaign(actor)
    placement = await new_placement(actor, (await new_line_item(actor, campaign.id)).id)
    events = [
        Happened(
            at,
            type_.split()[0],
            1,
            campaign.advertiser_id,
            placement.id if type_ in {"AD_DELIVERED", "VISIT by placement"} else None,
        )
        for type_, at in happened
    ]
    await store(actor, events)
    query = """query Q($id: ID!, $range: MetricsRangeInput) {
      placement(id: $id) { metrics(range: $range) { reach visitors conversions } } }"""
    span = range_of(since.replace(minute=0, second=0, microsecond=0), until.replace(minute=0, second=0, microsecond=0))
    [row] = (await data(actor.context(), query, id=f"plc_{placement.id}", range=span))["placement"]["metrics"]
    return dict(row)
