"""Attribution runs as clients see them."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest

from gateway.execution.executor import Execution
from persistence.records import AttributionRunRecord
from resolvers.attribution.registry import models
from resolvers.context import Services
from resolvers.errors import DomainError
from resolvers.policy import Role
from resolvers.runs.requests import run_attribution
from tests.actors import Actor, new_member
from tests.graph import data, run, subscribed
from tests.resolvers.campaigns.scene import new_line_item, new_placement
from tests.resolvers.paths.scene import DAY, NOON, Scene, new_scene
from tests.resolvers.runs.scene import again, count_hours, finished, three_currencies, wanted, worked_off
from tests.schema.test_campaign_statements import recorded_statements

RUN = """mutation Run($advertiser: ID, $campaign: ID, $of: ID, $input: RunAttributionInput!) {
  runAttribution(advertiserId: $advertiser, campaignId: $campaign, pathSetOf: $of, input: $input) {
    __typename
    ... on RunAttributionPayload {
      run {
        status progress model modelVersion parameters { name value } from until createdBy { id }
        advertiser { id } campaign { id } error { code } totals { conversions } pathSetHash resultHash
        rules { impressions impressionWindowHours visitWindowHours promoPolicy }
        credits { totalCount nodes { conversions } } conversions { totalCount }
      }
    }
    ... on Error { code path }
  }
}"""


@pytest.fixture
async def scene(services: Services) -> Scene:
    found = await new_scene(services)
    await three_currencies(found)
    return found


def input_of(**values: Any) -> dict[str, Any]:
    spans = {"from": (NOON - 5 * DAY).isoformat(), "until": (NOON + 5 * DAY).isoformat()}
    return {**spans, "model": {"kind": "LINEAR"}, **values}


async def asked(actor: Actor, run_id: int, fields: str) -> Any:
    query = f"query Ask($id: ID!) {{ attributionRun(id: $id) {{ {fields} }} }}"
    return (await data(actor.context(), query, id=f"run_{run_id}"))["attributionRun"]


async def code_of(actor: Actor, run_id: int, fields: str) -> str:
    result = await run(actor.context(), f'{{ attributionRun(id: "run_{run_id}") {{ {fields} }} }}')
    [error] = result.errors or []
    assert isinstance(error.original_error, DomainError)
    problems = getattr(error.original_error, "problems", ())
    return str(problems[0].code if problems else error.original_error.code)


async def two_shows(scene: Scene) -> dict[str, int]:
    """Placements of two line items in two podcasts: conversions by first and last touch are known by heart.

    Households 1 to 3 hear a, then b; household 4 hears b alone; 10, 20, 30 and 40 euros.
    """
    item = await new_line_item(scene.actor, scene.campaign_id)
    a, b = scene.placements[0], (await new_placement(scene.actor, item.id)).id
    for household in (1, 2, 3, 4):
        first = [scene.touch(NOON - 2 * DAY, household=household, placement_id=a)] if household < 4 else []
        await scene.store(
            *first,
            scene.touch(NOON - DAY, household=household, placement_id=b),
            scene.conversion(NOON, household=household, value_minor=1_000 * household, currency="EUR"),
        )
    await count_hours(scene)
    return {"a": a, "b": b}


async def test_new_run_shows_what_was_asked_and_nothing_yet(scene: Scene) -> None:
    given = input_of(
        model={"kind": "POSITION_BASED", "parameters": [{"name": "firstShare", "value": "0.5"}]},
        rules={"impressions": "CLIENT_CONFIRMED", "visitWindowHours": 0, "promoPolicy": "IGNORE"},
    )
    answer = await data(scene.actor.context(), RUN, campaign=f"cmp_{scene.campaign_id}", input=given)
    assert answer["runAttribution"] == {
        "__typename": "RunAttributionPayload",
        "run": {
            "status": "QUEUED",
            "progress": "0",
            "model": "POSITION_BASED",
            "modelVersion": 1,
            "parameters": [{"name": "firstShare", "value": "0.5"}, {"name": "lastShare", "value": "0.4"}],
            "from": "2026-03-05T12:00:00Z",
            "until": "2026-03-15T12:00:00Z",
            "createdBy": {"id": f"usr_{scene.actor.user_id}"},
            "advertiser": {"id": f"adv_{scene.advertiser_id}"},
            "campaign": {"id": f"cmp_{scene.campaign_id}"},
            "error": None,
            "totals": None,
            "pathSetHash": None,
            "resultHash": None,
            "rules": {
                "impressions": "CLIENT_CONFIRMED",
                "impressionWindowHours": 720,
                "visitWindowHours": 0,
                "promoPolicy": "IGNORE",
            },
            "credits": {"totalCount": 0, "nodes": []},
            "conversions": {"totalCount": 0},
        },
    }


@pytest.mark.parametrize(
    ("variables", "code", "path"),
    [
        ({"input": {"model": {"kind": "LINEAR"}}}, "RANGE_NEEDED", ["input", "from"]),
        ({"advertiser": None, "input": {}}, "ONE_SCOPE_NEEDED", ["advertiserId"]),
        (
            {"input": {"model": {"kind": "LINEAR", "parameters": [{"name": "x", "value": "1"}]}}},
            "UNKNOWN_PARAMETER",
            ["input", "model", "parameters", "x"],
        ),
        (
            {"input": {"model": {"kind": "TIME_DECAY", "parameters": [{"name": "halfLifeHours", "value": "NaN"}]}}},
            "INVALID_PARAMETER",
            ["input", "model", "parameters", "halfLifeHours"],
        ),
        (
            {"input": {"model": {"kind": "LINEAR", "parameters": [{"name": "x", "value": "1"}] * 2}}},
            "REPEATED_PARAMETER",
            ["input", "model", "parameters"],
        ),
        (
            {"input": {"model": {"kind": "LINEAR", "parameters": [{"name": "x", "value": "1"}] * 21}}},
            "TOO_MANY_PARAMETERS",
            ["input", "model", "parameters"],
        ),
        ({"advertiser": "cmp_1"}, "WRONG_ID_TYPE", ["advertiserId"]),
        ({"of": "cmp_1"}, "WRONG_ID_TYPE", ["pathSetOf"]),
    ],
)
async def test_bad_input_is_refused_where_it_lies(
    scene: Scene, variables: Mapping[str, Any], code: str, path: list[str]
) -> None:
    given = {"advertiser": f"adv_{scene.advertiser_id}", **variables}
    if "model" not in given.get("input", {}):
        given["input"] = input_of(**given.get("input", {}))
    mutation = RUN.replace("... on Error { code path }", "... on InvalidInputError { problems { code path } }")
    answer = await data(scene.actor.context(), mutation, **given)
    assert answer["runAttribution"]["problems"] == [{"code": code, "path": path}]
    assert await asked_count(scene) == 0


async def asked_count(scene: Scene) -> int:
    return int(
        (await data(scene.actor.context(), "{ attributionRuns { totalCount } }"))["attributionRuns"]["totalCount"]
    )


async def test_finished_run_tells_totals_and_credits(scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene, "LINEAR"))
    shown = await asked(
        scene.actor,
        done.id,
        "status progress pathSetHash resultHash totals { conversions attributedConversions unattributedConversions"
        " values { currency attributed unattributed } }"
        " credits { totalCount nodes { placement { id } lineItem { id } podcast { id } conversions share weight"
        " values { currency amountMinor } } }",
    )
    one, two, three = (f"plc_{placement}" for placement in scene.placements)
    assert (shown["status"], shown["progress"]) == ("SUCCEEDED", "1")
    assert len(shown["pathSetHash"]) == len(shown["resultHash"]) == 64
    assert shown["totals"] == {
        "conversions": 7,
        "attributedConversions": 6,
        "unattributedConversions": 1,
        "values": [
            {"currency": "EUR", "attributed": "10999", "unattributed": "0"},
            {"currency": "JPY", "attributed": "777", "unattributed": "0"},
            {"currency": "USD", "attributed": "2501", "unattributed": "50000"},
        ],
    }
    assert shown["credits"]["totalCount"] == 3
    assert [(node["placement"]["id"], node["conversions"], node["share"]) for node in shown["credits"]["nodes"]] == [
        (two, "3", "0.5"),
        (three, "1.833333333333", "0.305555555556"),
        (one, "1.166666666667", "0.194444444445"),
    ]
    last = shown["credits"]["nodes"][2]
    assert (last["lineItem"], last["podcast"], last["weight"]) == (None, None, None)
    assert last["values"] == [
        {"currency": "EUR", "amountMinor": "333.333333333334"},
        {"currency": "JPY", "amountMinor": "0"},
        {"currency": "USD", "amountMinor": "1250"},
    ]


async def test_markov_run_tells_removal_effects(services: Services) -> None:
    scene = await new_scene(services)
    await two_shows(scene)
    done = await finished(scene.actor, wanted(scene, "MARKOV"))
    shown = await asked(scene.actor, done.id, "credits { nodes { weight conversions } }")
    assert shown["credits"]["nodes"] == [
        {"weight": "1", "conversions": "2.285714285714"},
        {"weight": "0.75", "conversions": "1.714285714286"},
    ]


@pytest.mark.parametrize(
    ("group", "field", "credits"),
    [
        ("PLACEMENT", "placement", ["2.5", "1.5"]),
        ("LINE_ITEM", "lineItem", ["2.5", "1.5"]),
        ("CAMPAIGN", "campaign", ["4"]),
        ("EPISODE", "episode", ["2.5", "1.5"]),
        ("PODCAST", "podcast", ["2.5", "1.5"]),
    ],
)
async def test_credits_are_added_up_by_group(services: Services, group: str, field: str, credits: list[str]) -> None:
    scene = await new_scene(services)
    await two_shows(scene)
    done = await finished(scene.actor, wanted(scene))
    shown = await asked(
        scene.actor,
        done.id,
        f"credits(groupBy: {group}) {{ totalCount nodes {{ conversions share values {{ amountMinor }}"
        " placement { id } lineItem { id } campaign { id } episode { id } podcast { id } } }",
    )
    nodes = shown["credits"]["nodes"]
    assert [node["conversions"] for node in nodes] == credits
    assert shown["credits"]["totalCount"] == len(credits)
    assert sum(float(node["share"]) for node in nodes) == 1
    assert sum(float(value["amountMinor"]) for node in nodes for value in node["values"]) == 10_000
    for node in nodes:
        named = [key for key in ("placement", "lineItem", "campaign", "episode", "podcast") if node[key] is not None]
        assert named == [field]


async def test_credits_are_paged_in_a_stable_order(scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene))
    page = "credits(first: 2) { nodes { placement { id } } pageInfo { hasNextPage endCursor } }"
    first = (await asked(scene.actor, done.id, page))["credits"]
    assert first["pageInfo"]["hasNextPage"] is True
    after = page.replace("first: 2", f'first: 2, after: "{first["pageInfo"]["endCursor"]}"')
    second = (await asked(scene.actor, done.id, after))["credits"]
    assert second["pageInfo"]["hasNextPage"] is False
    order = [node["placement"]["id"] for part in (first, second) for node in part["nodes"]]
    assert order == [f"plc_{scene.placements[place]}" for place in (1, 2, 0)]
    other = after.replace("first: 2", "groupBy: PODCAST, first: 2")
    assert await code_of(scene.actor, done.id, other) == "INVALID_CURSOR"
    assert await code_of(scene.actor, done.id, page.replace("first: 2", "first: 1001")) == "INVALID_PAGE_SIZE"


DIFF = """diff(against: "run_%s"%s) {
  pathsDiffer modelDiffers parametersDiffer rulesDiffer rangeDiffers against { id }
  moved { totalCount nodes {
    placement { id } podcast { id } before after delta values { currency before after delta }
  } }
}"""


async def test_diff_of_first_and_last_touch_by_hand(services: Services) -> None:
    scene = await new_scene(services)
    shows = await two_shows(scene)
    first = await finished(scene.actor, wanted(scene, "FIRST_TOUCH"))
    last = await finished(scene.actor, again(first, "LAST_TOUCH"))
    shown = (await asked(scene.actor, last.id, DIFF % (first.id, "")))["diff"]
    assert {key: value for key, value in shown.items() if key != "moved"} == {
        "pathsDiffer": False,
        "modelDiffers": True,
        "parametersDiffer": False,
        "rulesDiffer": False,
        "rangeDiffers": False,
        "against": {"id": f"run_{first.id}"},
    }
    # By first touch a earns households 1 to 3 (60 euros); by last touch b earns everything.
    assert shown["moved"] == {
        "totalCount": 2,
        "nodes": [
            {
                "placement": {"id": f"plc_{shows['a']}"},
                "podcast": None,
                "before": "3",
                "after": "0",
                "delta": "-3",
                "values": [{"currency": "EUR", "before": "6000", "after": "0", "delta": "-6000"}],
            },
            {
                "placement": {"id": f"plc_{shows['b']}"},
                "podcast": None,
                "before": "1",
                "after": "4",
                "delta": "3",
                "values": [{"currency": "EUR", "before": "4000", "after": "10000", "delta": "6000"}],
            },
        ],
    }


async def test_diff_tells_only_what_moved_and_most_first(services: Services) -> None:
    scene = await new_scene(services)
    a, b, c = scene.placements
    await scene.store(
        scene.touch(NOON - DAY, household=1, placement_id=a),
        scene.conversion(NOON, household=1, value_minor=100, currency="EUR"),
        scene.touch(NOON - DAY, household=2, placement_id=b),
        scene.conversion(NOON, household=2, value_minor=100, currency="EUR"),
    )
    before = await finished(scene.actor, wanted(scene))
    await scene.store(
        scene.conversion(NOON, household=2, value_minor=7, currency="USD"),
        scene.touch(NOON - DAY, household=3, placement_id=c),
        scene.conversion(NOON, household=3),
        scene.conversion(NOON, household=3),
    )
    after = await finished(scene.actor, wanted(scene))
    shown = (await asked(scene.actor, after.id, DIFF % (before.id, "")))["diff"]
    assert shown["pathsDiffer"] is True
    assert [
        (node["placement"]["id"], node["before"], node["after"], node["delta"]) for node in shown["moved"]["nodes"]
    ] == [(f"plc_{c}", "0", "2", "2"), (f"plc_{b}", "1", "2", "1")]
    assert shown["moved"]["nodes"][1]["values"] == [{"currency": "USD", "before": "0", "after": "7", "delta": "7"}]


async def test_value_that_moves_alone_is_a_move(services: Services) -> None:
    scene = await new_scene(services)
    a, b, _ = scene.placements
    for household, order in ((1, (a, b)), (2, (b, a))):
        await scene.store(
            scene.touch(NOON - 2 * DAY, household=household, placement_id=order[0]),
            scene.touch(NOON - DAY, household=household, placement_id=order[1]),
            scene.conversion(NOON, household=household, value_minor=100 * household, currency="EUR"),
        )
    first = await finished(scene.actor, wanted(scene, "FIRST_TOUCH"))
    last = await finished(scene.actor, again(first, "LAST_TOUCH"))
    shown = (await asked(scene.actor, last.id, DIFF % (first.id, "")))["diff"]["moved"]
    assert [(node["delta"], node["values"][0]["delta"]) for node in shown["nodes"]] == [("0", "100"), ("0", "-100")]
    grouped = (await asked(scene.actor, last.id, DIFF % (first.id, ", groupBy: PODCAST")))["diff"]["moved"]
    assert grouped == {"totalCount": 0, "nodes": []}


async def test_diff_against_itself_is_empty(scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene))
    shown = (await asked(scene.actor, done.id, DIFF % (done.id, "")))["diff"]
    assert shown["moved"] == {"totalCount": 0, "nodes": []}


async def test_diff_with_what_has_not_succeeded_or_is_not_there(services: Services, scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene))
    other = await new_scene(services)
    theirs = await finished(other.actor, wanted(other))
    waiting = await run_attribution(scene.actor.context(), wanted(scene))
    assert await code_of(scene.actor, done.id, DIFF % (waiting.id, "")) == "RUN_NOT_FINISHED"
    assert await code_of(scene.actor, done.id, DIFF % (theirs.id, "")) == "NOT_FOUND"
    assert await asked(scene.actor, waiting.id, DIFF % (done.id, "")) == {"diff": None}


async def test_one_fragment_on_several_groups_and_diffs(services: Services) -> None:
    scene = await new_scene(services)
    await two_shows(scene)
    first = await finished(scene.actor, wanted(scene, "FIRST_TOUCH"))
    last = await finished(scene.actor, again(first, "LAST_TOUCH"))
    query = """query Ask($id: ID!, $against: ID!) {
      attributionRun(id: $id) {
        all: credits(groupBy: CAMPAIGN) { nodes { ...Earned } } each: credits(groupBy: EPISODE) { nodes { ...Earned } }
        same: diff(against: $id) { ...Moved } other: diff(against: $against, groupBy: LINE_ITEM) { ...Moved }
      }
    }
    fragment Earned on Credit { values { amountMinor } }
    fragment Moved on AttributionRunDiff { moved { totalCount nodes { values { delta } } } }"""
    shown = await data(scene.actor.context(), query, id=f"run_{last.id}", against=f"run_{first.id}")
    assert shown["attributionRun"] == {
        "all": {"nodes": [{"values": [{"amountMinor": "10000"}]}]},
        "each": {"nodes": [{"values": [{"amountMinor": "10000"}]}, {"values": [{"amountMinor": "0"}]}]},
        "same": {"moved": {"totalCount": 0, "nodes": []}},
        "other": {
            "moved": {
                "totalCount": 2,
                "nodes": [{"values": [{"delta": "-6000"}]}, {"values": [{"delta": "6000"}]}],
            }
        },
    }


async def test_conversions_of_a_run_tell_who_earned_them(services: Services) -> None:
    scene = await new_scene(services)
    shows = await two_shows(scene)
    await scene.store(scene.conversion(NOON + DAY, household=77))
    done = await finished(scene.actor, wanted(scene))
    shown = await asked(
        scene.actor,
        done.id,
        "conversions { totalCount nodes { occurredAt evidence value { amountMinor currency } conversion { counted }"
        " credits { placement { id } share value { amountMinor } } } }",
    )
    first, *_, fourth, unearned = shown["conversions"]["nodes"]
    assert shown["conversions"]["totalCount"] == 5
    assert first == {
        "occurredAt": "2026-03-10T12:00:00Z",
        "evidence": "TOUCHES",
        "value": {"amountMinor": 1_000, "currency": "EUR"},
        "conversion": {"counted": True},
        "credits": [
            {"placement": {"id": f"plc_{shows[show]}"}, "share": "0.5", "value": {"amountMinor": "500"}}
            for show in ("a", "b")
        ],
    }
    assert fourth["credits"] == [
        {"placement": {"id": f"plc_{shows['b']}"}, "share": "1", "value": {"amountMinor": "4000"}}
    ]
    assert (unearned["evidence"], unearned["value"], unearned["credits"]) == ("NONE", None, [])


async def test_conversions_of_a_markov_run_use_its_weights(services: Services) -> None:
    scene = await new_scene(services)
    await two_shows(scene)
    done = await finished(scene.actor, wanted(scene, "MARKOV"))
    shown = await asked(scene.actor, done.id, "conversions(first: 1) { nodes { credits { share } } }")
    assert [credit["share"] for credit in shown["conversions"]["nodes"][0]["credits"]] == [
        "0.428571428571",
        "0.571428571429",
    ]


async def test_runs_of_several_models_are_read_together_each_by_what_it_needs(services: Services) -> None:
    scene = await new_scene(services)
    await two_shows(scene)
    linear = await finished(scene.actor, wanted(scene))
    decay = await finished(scene.actor, wanted(scene, "TIME_DECAY", {"halfLifeHours": "24"}))
    query = """query($ids: [ID!]!) {
      nodes(ids: $ids) { ... on AttributionRun { conversions(first: 1) { nodes { credits { share } } } } }
    }"""
    for runs in ([linear, decay], [decay, linear], [decay]):
        shown = await data(scene.actor.context(), query, ids=[f"run_{run.id}" for run in runs])
        assert [[one["share"] for one in node["conversions"]["nodes"][0]["credits"]] for node in shown["nodes"]] == [
            ["0.5", "0.5"] if run is linear else ["0.333333333333", "0.666666666667"] for run in runs
        ]


async def test_so_many_credits_of_a_conversion_are_told_as_are_asked_for(services: Services) -> None:
    scene = await new_scene(services)
    shows = await two_shows(scene)
    done = await finished(scene.actor, wanted(scene))
    one = "conversions(first: 1) { nodes { credits(first: 1) { placement { id } share } } }"
    shown = await asked(scene.actor, done.id, one)
    assert shown["conversions"]["nodes"] == [{"credits": [{"placement": {"id": f"plc_{shows['a']}"}, "share": "0.5"}]}]
    assert await code_of(scene.actor, done.id, one.replace("credits(first: 1)", "credits(first: 501)")) == (
        "INVALID_PAGE_SIZE"
    )


async def test_lists_are_filtered(scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene, "LINEAR"))
    asked_for = wanted(scene, "SHAPLEY", advertiser_id=None, campaign_id=scene.campaign_id)
    waiting = await run_attribution(scene.actor.context(), asked_for)

    async def found(wanted_filter: str) -> list[str]:
        query = f"{{ attributionRuns(filter: {{{wanted_filter}}}) {{ nodes {{ id }} }} }}"
        return [node["id"] for node in (await data(scene.actor.context(), query))["attributionRuns"]["nodes"]]

    one, two = f"run_{done.id}", f"run_{waiting.id}"
    assert await found("") == [two, one]
    assert await found("statuses: [SUCCEEDED]") == [one]
    assert await found("models: [SHAPLEY, MARKOV]") == [two]
    assert await found(f'campaignId: "cmp_{scene.campaign_id}"') == [two]
    assert await found(f'advertiserId: "adv_{scene.advertiser_id}"') == [two, one]
    assert await found('advertiserId: "adv_999999999"') == []
    campaign = f'{{ campaign(id: "cmp_{scene.campaign_id}") {{ attributionRuns {{ nodes {{ id }} }} }} }}'
    shown = await data(scene.actor.context(), campaign)
    assert shown["campaign"]["attributionRuns"]["nodes"] == [{"id": two}]


async def test_viewers_read_runs_and_neither_run_nor_cancel(services: Services, scene: Scene) -> None:
    done = await finished(scene.actor, wanted(scene))
    waiting = await run_attribution(scene.actor.context(), wanted(scene))
    viewer = await new_member(services, scene.actor.tenant_id, Role.VIEWER)
    assert await asked(viewer, done.id, "credits { totalCount }") == {"credits": {"totalCount": 3}}
    refused = await data(viewer.context(), RUN, advertiser=f"adv_{scene.advertiser_id}", input=input_of())
    assert refused["runAttribution"]["code"] == "FORBIDDEN"
    cancel = 'mutation { cancelAttributionRun(id: "run_%s") { ... on Error { code } ... on CancelAttributionRunPayload'
    cancel += " { run { status finishedAt } } } }"
    assert (await data(viewer.context(), cancel % waiting.id))["cancelAttributionRun"] == {"code": "FORBIDDEN"}
    assert await asked_count(scene) == 2
    cancelled = (await data(scene.actor.context(), cancel % waiting.id))["cancelAttributionRun"]["run"]
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["finishedAt"] is not None
    assert (await data(scene.actor.context(), cancel % done.id))["cancelAttributionRun"] == {
        "code": "ILLEGAL_TRANSITION"
    }


async def test_models_describe_themselves(scene: Scene) -> None:
    query = "{ attributionModels { kind version description additive parameters { name default minimum maximum } } }"
    shown = {model["kind"]: model for model in (await data(scene.actor.context(), query))["attributionModels"]}
    assert list(shown) == list(models())
    assert [kind for kind, model in shown.items() if not model["additive"]] == ["MARKOV"]
    assert shown["LINEAR"]["parameters"] == []
    assert shown["POSITION_BASED"]["parameters"] == [
        {"name": "firstShare", "default": "0.4", "minimum": "0", "maximum": "1"},
        {"name": "lastShare", "default": "0.4", "minimum": "0", "maximum": "1"},
    ]
    assert all(model["version"] == 1 and model["description"] for model in shown.values())


async def test_models_are_compared_side_by_side(services: Services) -> None:
    scene = await new_scene(services)
    shows = await two_shows(scene)
    query = """query Compare($campaign: ID!, $from: DateTime!, $until: DateTime!, $models: [AttributionModelInput!]!) {
      compareModels(campaignId: $campaign, from: $from, until: $until, models: $models) {
        pathSetHash subjectCount
        totals { conversions attributedConversions values { currency attributed } }
        models { kind version parameters { name value } }
        rows(first: 1) { placement { id } podcast { id } credits { conversions values { currency amountMinor } } }
      }
    }"""
    chosen = [{"kind": "FIRST_TOUCH"}, {"kind": "TIME_DECAY", "parameters": [{"name": "halfLifeHours", "value": "24"}]}]
    span = {"from": (NOON - DAY).isoformat(), "until": (NOON + DAY).isoformat()}
    shown = await data(scene.actor.context(), query, campaign=f"cmp_{scene.campaign_id}", models=chosen, **span)
    compared = shown["compareModels"]
    assert len(compared.pop("pathSetHash")) == 64
    assert compared == {
        "subjectCount": 2,
        "totals": {
            "conversions": 4,
            "attributedConversions": 4,
            "values": [{"currency": "EUR", "attributed": "10000"}],
        },
        "models": [
            {"kind": "FIRST_TOUCH", "version": 1, "parameters": []},
            {"kind": "TIME_DECAY", "version": 1, "parameters": [{"name": "halfLifeHours", "value": "24"}]},
        ],
        "rows": [
            {
                "placement": {"id": f"plc_{shows['a']}"},
                "podcast": None,
                "credits": [
                    {"conversions": "3", "values": [{"currency": "EUR", "amountMinor": "6000"}]},
                    # Half as much weight as b, for each of three households: 1/3 each.
                    {
                        "conversions": "0.999999999999",
                        "values": [{"currency": "EUR", "amountMinor": "1999.999999998"}],
                    },
                ],
            }
        ],
    }


async def test_removal_effect_of_a_show(services: Services) -> None:
    scene = await new_scene(services)
    shows = await two_shows(scene)
    query = """query Effect($ids: [ID!]!, $advertiser: ID!, $from: DateTime!, $until: DateTime!) {
      removalEffect(placementIds: $ids, advertiserId: $advertiser, from: $from, until: $until) {
        effect conversionsLost totals { attributedConversions }
      }
    }"""
    span = {"from": (NOON - DAY).isoformat(), "until": (NOON + DAY).isoformat()}
    variables = {"ids": [f"plc_{shows['a']}"], "advertiser": f"adv_{scene.advertiser_id}", **span}
    assert await data(scene.actor.context(), query, **variables) == {
        "removalEffect": {"effect": "0.75", "conversionsLost": "3", "totals": {"attributedConversions": 4}}
    }


async def test_progress_is_followed_to_the_end(scene: Scene) -> None:
    waiting = await run_attribution(scene.actor.context(), wanted(scene))
    subscription = "subscription Watch($id: ID!) { attributionRunProgress(id: $id) { run { status progress } } }"
    events = await subscribed(scene.actor.context(), subscription, id=f"run_{waiting.id}")
    assert not isinstance(events, Execution)
    async with aclosing(events), asyncio.timeout(20):
        first = await anext(events)
        work = asyncio.create_task(worked_off(scene.actor, waiting.id))
        rest = [item async for item in events]
        await work
    shown = [item.data["attributionRunProgress"]["run"] for item in (first, *rest) if item.data is not None]
    assert shown[0] == {"status": "QUEUED", "progress": "0"}
    assert shown[-1] == {"status": "SUCCEEDED", "progress": "1"}
    assert sorted(float(step["progress"]) for step in shown) == [float(step["progress"]) for step in shown]


async def test_lists_of_runs_take_a_constant_number_of_statements(services: Services, scene: Scene) -> None:
    runs: list[AttributionRunRecord] = [await finished(scene.actor, wanted(scene)) for _ in range(4)]
    fields = (
        "totals { values { currency } } pathSetHash advertiser { name } campaign { name } createdBy { name }"
        " credits { totalCount nodes { placement { id } podcast { id } values { amountMinor } } }"
        f' diff(against: "run_{runs[0].id}") {{ moved {{ totalCount nodes {{ placement {{ id }} }} }} }}'
        " conversions { totalCount nodes { credits { share } conversion { key } } }"
    )

    async def statements(first: int) -> int:
        with recorded_statements(services.database) as recorded:
            await data(scene.actor.context(), f"{{ attributionRuns(first: {first}) {{ nodes {{ {fields} }} }} }}")
        return len(recorded)

    assert await statements(4) <= await statements(2) < 20
