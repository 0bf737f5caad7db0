"""Conversions in the graph: their paths, explanations, credits, reconciliation and promo codes."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import delete, insert

from persistence.ids import RunId
from persistence.records import EventRecord, PathSetRecord
from persistence.tables import attribution_runs, credits, events
from resolvers.context import Services
from tests.graph import data, run
from tests.resolvers.paths.scene import DAY, HOUR, NOON, Scene, new_scene
from tests.schema.test_campaign_statements import recorded_statements

PATH = """
    path(rules: $rules, run: $run) {
      evidence conversion { id } rules { impressions impressionWindowHours visitWindowHours promoPolicy }
      touches { occurredAt ageSeconds placement { id } touchpoint { __typename id } }
    }
"""
EXPLAIN = """
    explain(model: $model, rules: $rules, run: $run) {
      summary evidence touchesOmitted conversion { id } model { kind version } parameters { name value }
      touches {
        eligible ineligibleReason weight share arithmetic ageSeconds
        value { amountMinor currency } touchpoint { id } placement { id }
      }
    }
"""
CREDITS = "credits(model: $model, rules: $rules, run: $run) { share value { amountMinor currency } placement { id } }"
ARGUMENTS = {
    "$id": "ID!",
    "$rules": "PathRulesInput",
    "$run": "ID",
    "$model": "AttributionModelInput!",
}
LINEAR = {"kind": "LINEAR"}
MARKOV = {"kind": "MARKOV"}


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return await new_scene(services)


def query(selection: str) -> str:
    used = ", ".join(f"{name}: {kind}" for name, kind in ARGUMENTS.items() if name == "$id" or name in selection)
    return f"query({used}) {{ node(id: $id) {{ ... on ConversionEvent {{ {selection} }} }} }}"


async def asked(scene: Scene, selection: str, conversion: EventRecord, **variables: Any) -> Any:
    answer = await data(scene.actor.context(), query(selection), id=f"cnv_{conversion.id}", **variables)
    return answer["node"]


async def refused(
    scene: Scene, selection: str, conversion: EventRecord, **variables: Any
) -> tuple[str, tuple[str, ...]]:
    """The code and the path of the error."""
    result = await run(scene.actor.context(), query(selection), id=f"cnv_{conversion.id}", **variables)
    assert result.errors is not None
    error: Any = result.errors[0].original_error
    problems = getattr(error, "problems", None)
    return (problems[0].code, problems[0].path) if problems else (error.code, error.path)


async def finished_run(scene: Scene, path_set: PathSetRecord, **values: Any) -> RunId:
    """A run that used the path set, as it is when it has succeeded."""
    given = {
        **{name: getattr(path_set, name) for name in ("tenant_id", "advertiser_id", "starts_at", "ends_at")},
        **msgspec.structs.asdict(scene.scope().rules),
        "path_set_id": path_set.id,
        "model": "MARKOV",
        "model_version": 1,
        "parameters": '{"withNullPaths":"true"}',
        "status": "SUCCEEDED",
        "result_hash": "",
        "progress": 1,
    }
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        statement = insert(attribution_runs).values(**{**given, **values}).returning(attribution_runs.c.id)
        return RunId(await session.scalar(statement))


async def test_path_is_its_eligible_touches_in_order(scene: Scene) -> None:
    first, second, _ = scene.placements
    visit = scene.event("VISIT", NOON - HOUR, placement_id=second)
    impression = scene.touch(NOON - DAY)
    conversion = scene.conversion()
    await scene.store(visit, impression, conversion, scene.touch(NOON - 2 * DAY))
    rules = {"impressionWindowHours": 24, "visitWindowHours": 1, "promoPolicy": "IGNORE"}
    assert (await asked(scene, PATH, conversion, rules=rules))["path"] == {
        "evidence": "TOUCHES",
        "conversion": {"id": f"cnv_{conversion.id}"},
        "rules": {"impressions": "AD_DELIVERED", **rules},
        "touches": [
            {
                "occurredAt": "2026-03-09T12:00:00Z",
                "ageSeconds": 86_400,
                "placement": {"id": f"plc_{first}"},
                "touchpoint": {"__typename": "ImpressionEvent", "id": f"imp_{impression.id}"},
            },
            {
                "occurredAt": "2026-03-10T11:00:00Z",
                "ageSeconds": 3_600,
                "placement": {"id": f"plc_{second}"},
                "touchpoint": {"__typename": "VisitEvent", "id": f"vis_{visit.id}"},
            },
        ],
    }


async def test_rules_default_to_30_days_of_delivered_ads_and_codes_as_a_fallback(scene: Scene) -> None:
    conversion = scene.conversion()
    await scene.store(conversion)
    answer = await asked(
        scene, "path { evidence rules { impressions impressionWindowHours visitWindowHours promoPolicy } }", conversion
    )
    assert answer["path"] == {
        "evidence": "NONE",
        "rules": {
            "impressions": "AD_DELIVERED",
            "impressionWindowHours": 720,
            "visitWindowHours": 720,
            "promoPolicy": "FALLBACK",
        },
    }


@pytest.mark.parametrize("window", ["impressionWindowHours", "visitWindowHours"])
@pytest.mark.parametrize("hours", [-1, 2_161])
async def test_windows_are_up_to_90_days(scene: Scene, window: str, hours: int) -> None:
    conversion = scene.conversion()
    await scene.store(conversion)
    result = await run(scene.actor.context(), query(PATH), id=f"cnv_{conversion.id}", rules={window: hours})
    assert result.errors is not None
    assert result.data == {"node": {"path": None}}
    for allowed in (0, 2_160):
        await asked(scene, PATH, conversion, rules={window: allowed})


async def test_run_has_the_path_that_it_froze(scene: Scene) -> None:
    touch, conversion = scene.touch(NOON - DAY), scene.conversion()
    await scene.store(touch, conversion)
    run_id = await finished_run(scene, await scene.frozen(scene.scope()))
    later, unfrozen = scene.touch(NOON - HOUR), scene.conversion(NOON + 6 * DAY)
    await scene.store(later, unfrozen)
    await scene.write(delete(events).where(events.c.id == touch.id, events.c.tenant_id == scene.actor.tenant_id))
    answer = await asked(scene, PATH + EXPLAIN, conversion, run=f"run_{run_id}", model=LINEAR)
    [kept] = answer["path"]["touches"]
    assert (kept["placement"], kept["touchpoint"]) == ({"id": f"plc_{touch.placement_id}"}, None)
    assert [(one["touchpoint"], one["ineligibleReason"], one["share"]) for one in answer["explain"]["touches"]] == [
        (None, None, "1"),
        ({"id": f"imp_{later.id}"}, "RECEIVED_LATER", "0"),
    ]
    of_run = await asked(scene, PATH + EXPLAIN + CREDITS, unfrozen, run=f"run_{run_id}", model=LINEAR)
    assert of_run == {"path": None, "explain": None, "credits": None}


async def test_explanation_tells_every_touch_and_the_arithmetic(scene: Scene) -> None:
    first, second, _ = scene.placements
    touches = [scene.touch(NOON - 2 * HOUR), scene.touch(NOON - HOUR, placement_id=second), scene.touch(NOON + HOUR)]
    conversion = scene.conversion(value_minor=1_001, currency="JPY")
    await scene.store(*touches, conversion)
    model = {
        "kind": "POSITION_BASED",
        "parameters": [{"name": "firstShare", "value": "0.6"}, {"name": "lastShare", "value": "0.2"}],
    }
    found = (await asked(scene, EXPLAIN, conversion, model=model))["explain"]
    assert (found["summary"], found["evidence"], found["touchesOmitted"]) == (
        f"2 of 3 touches count; by POSITION_BASED, plc_{first} earns 0.75, plc_{second} earns 0.25.",
        "TOUCHES",
        0,
    )
    assert found["model"] == {"kind": "POSITION_BASED", "version": 1}
    assert found["parameters"] == [{"name": "firstShare", "value": "0.6"}, {"name": "lastShare", "value": "0.2"}]
    assert [(one["eligible"], one["ineligibleReason"], one["share"], one["value"]) for one in found["touches"]] == [
        (True, None, "0.75", {"amountMinor": "750.75", "currency": "JPY"}),
        (True, None, "0.25", {"amountMinor": "250.25", "currency": "JPY"}),
        (False, "AFTER_CONVERSION", "0", {"amountMinor": "0", "currency": "JPY"}),
    ]
    assert found["touches"][0]["arithmetic"]


async def test_so_many_credits_are_told_as_are_asked_for(scene: Scene) -> None:
    first, second, _ = scene.placements
    conversion = scene.conversion()
    await scene.store(scene.touch(NOON - DAY), scene.touch(NOON - HOUR, placement_id=second), conversion)
    one = CREDITS.replace("credits(", "credits(first: 1, ")
    [credit] = (await asked(scene, one, conversion, model=LINEAR))["credits"]
    assert (credit["share"], credit["placement"]) == ("0.5", {"id": f"plc_{first}"})
    many = CREDITS.replace("credits(", "credits(first: 501, ")
    assert await refused(scene, many, conversion, model=LINEAR) == ("INVALID_PAGE_SIZE", ("first",))


async def test_further_report_is_explained_by_the_conversion_that_counts(scene: Scene) -> None:
    counting = scene.conversion(order_id="o", value_minor=8, currency="EUR")
    further = scene.conversion(NOON + 40 * DAY, household=2, order_id="o", counted=False)
    await scene.store(scene.touch(NOON - HOUR), counting, further)
    answer = await asked(scene, PATH + EXPLAIN + CREDITS, further, model=LINEAR)
    assert answer["path"]["conversion"] == answer["explain"]["conversion"] == {"id": f"cnv_{counting.id}"}
    assert answer["explain"]["summary"].startswith(f"A further report of the order that cnv_{counting.id} counts.")
    assert answer["credits"] == [
        {
            "share": "1",
            "value": {"amountMinor": "8", "currency": "EUR"},
            "placement": {"id": f"plc_{scene.placements[0]}"},
        }
    ]
    await scene.write(delete(events).where(events.c.id == counting.id, events.c.tenant_id == scene.actor.tenant_id))
    gone = await asked(scene, PATH + EXPLAIN + CREDITS, further, model=LINEAR)
    assert gone == {"path": None, "explain": None, "credits": None}


async def test_markov_weighs_by_a_finished_run(scene: Scene) -> None:
    first, second, _ = scene.placements
    conversion = scene.conversion(value_minor=4, currency="EUR")
    await scene.store(scene.touch(NOON - DAY), scene.touch(NOON - HOUR, placement_id=second), conversion)
    path_set = await scene.frozen(scene.scope())
    run_id = await finished_run(scene, path_set)
    rows = [
        {
            "tenant_id": scene.actor.tenant_id,
            "run_id": run_id,
            "placement_id": placement,
            "conversions": 0,
            "weight": weight,
        }
        for placement, weight in ((first, Decimal("0.6")), (second, Decimal("0.2")))
    ]
    async with scene.actor.services.database.write(scene.actor.tenant_id) as session:
        await session.execute(insert(credits), rows)
    answer = await asked(scene, EXPLAIN + CREDITS, conversion, model=MARKOV, run=f"run_{run_id}")
    assert [(one["weight"], one["share"]) for one in answer["explain"]["touches"]] == [("0.6", "0.75"), ("0.2", "0.25")]
    assert [one["value"]["amountMinor"] for one in answer["credits"]] == ["3", "1"]
    for selection in (EXPLAIN, CREDITS):
        assert await refused(scene, selection, conversion, model=MARKOV) == ("RUN_NEEDED", ("run",))


@pytest.mark.parametrize(
    "values",
    [
        {"model": "SHAPLEY"},
        {"parameters": '{"withNullPaths":"false"}'},
        {"model_version": 2},
        {"status": "RUNNING", "result_hash": None},
    ],
)
async def test_markov_needs_a_run_of_the_same_choice(scene: Scene, values: dict[str, Any]) -> None:
    conversion = scene.conversion()
    await scene.store(conversion)
    run_id = await finished_run(scene, await scene.frozen(scene.scope()), **values)
    found = await refused(scene, EXPLAIN, conversion, model=MARKOV, run=f"run_{run_id}")
    assert found == ("RUN_OF_ANOTHER_MODEL", ("run",))


async def test_run_that_cannot_be_used_is_refused(scene: Scene, services: Services) -> None:
    conversion = scene.conversion()
    await scene.store(conversion)
    path_set = await scene.frozen(scene.scope())
    run_id = f"run_{await finished_run(scene, path_set)}"
    queued = f"run_{await finished_run(scene, path_set, path_set_id=None, status='QUEUED', result_hash=None)}"
    assert await refused(scene, PATH, conversion, run=run_id, rules={}) == ("RULES_WITH_RUN", ("rules",))
    assert await refused(scene, PATH, conversion, run=queued) == ("RUN_WITHOUT_PATHS", ("run",))
    assert await refused(scene, PATH, conversion, run="run_1") == ("NOT_FOUND", ("run",))
    assert await refused(scene, PATH, conversion, run="cmp_1") == ("WRONG_ID_TYPE", ("run",))
    other = await new_scene(services)
    theirs = other.conversion()
    await other.store(theirs)
    assert await refused(other, PATH, theirs, run=run_id) == ("NOT_FOUND", ("run",))


async def test_reports_of_an_order_are_reconciled(scene: Scene) -> None:
    server = scene.conversion(order_id="o", value_minor=500, currency="EUR")
    pixel = scene.conversion(order_id="o", value_minor=510, currency="EUR", source="PIXEL", counted=False)
    single = scene.conversion()
    await scene.store(server, pixel, single)
    selection = "reconciliation { status reportsOmitted reports { id source } conflicts { field reported } }"
    for conversion in (server, pixel):
        assert (await asked(scene, selection, conversion))["reconciliation"] == {
            "status": "CONFLICT",
            "reportsOmitted": 0,
            "reports": [
                {"id": f"cnv_{server.id}", "source": "SERVER"},
                {"id": f"cnv_{pixel.id}", "source": "PIXEL"},
            ],
            "conflicts": [{"field": "VALUE", "reported": ["500", "510"]}],
        }
    assert (await asked(scene, selection, single))["reconciliation"]["status"] == "SINGLE_REPORT"


async def test_promo_code_and_touches_are_compared(scene: Scene) -> None:
    first = scene.placements[0]
    proven = await scene.placement("SAVE", created_at=NOON - DAY)
    conversion = scene.conversion(order_id="o")
    pixel = scene.conversion(order_id="o", source="PIXEL", counted=False, promo_code="SAVE")
    plain = scene.conversion()
    await scene.store(scene.touch(NOON - HOUR), conversion, pixel, plain)
    selection = """
        promo(rules: $rules) {
          summary codes agrees matchingCount matching { id } proven { id } lastTouched { id }
          outcomes { policy evidence placement { id } }
        }
    """
    plc = {"id": f"plc_{proven}"}
    assert (await asked(scene, selection, conversion))["promo"] == {
        "summary": f"Promo code SAVE belongs to plc_{proven}, but the last touch is of plc_{first}.",
        "codes": ["SAVE"],
        "agrees": False,
        "matchingCount": 1,
        "matching": [plc],
        "proven": plc,
        "lastTouched": {"id": f"plc_{first}"},
        "outcomes": [
            {"policy": "OVERRIDE", "evidence": "PROMO_CODE", "placement": plc},
            {"policy": "FALLBACK", "evidence": "TOUCHES", "placement": None},
            {"policy": "IGNORE", "evidence": "TOUCHES", "placement": None},
        ],
    }
    untouched = (await asked(scene, selection, conversion, rules={"impressionWindowHours": 0}))["promo"]
    assert (untouched["agrees"], untouched["lastTouched"]) == (None, None)
    assert (await asked(scene, selection, plain))["promo"] is None


async def test_many_conversions_cost_as_many_statements_as_one(scene: Scene) -> None:
    """One database statement each for what is selected, whatever the number of conversions."""
    stored: list[EventRecord] = []
    for household in range(1, 31):
        at = NOON + household * HOUR
        stored += [
            scene.touch(at - HOUR * place, household=household, placement_id=scene.placements[place % 3])
            for place in range(4)
        ]
        stored.append(scene.conversion(at, household=household, order_id=f"o{household}", promo_code="SAVE"))
    await scene.store(*stored)
    selection = f"{PATH} {EXPLAIN} {CREDITS} promo {{ proven {{ id }} }} reconciliation {{ status }}"
    used = ", ".join(f"{name}: {kind}" for name, kind in ARGUMENTS.items() if name != "$id")
    listed = f"query($first: Int!, {used}) {{ conversions(first: $first) {{ nodes {{ {selection} }} }} }}"

    counted = {}
    for first in (1, 30):
        with recorded_statements(scene.actor.services.database) as statements:
            answer = await data(scene.actor.context(), listed, first=first, model=LINEAR)
        nodes = answer["conversions"]["nodes"]
        assert [len(node["explain"]["touches"]) for node in nodes] == [4] * first
        counted[first] = len(statements)
    assert counted[1] == counted[30]
