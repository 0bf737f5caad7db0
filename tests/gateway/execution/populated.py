"""A tenant in which every field shows something, those who ask, and what they ask with: right values and wrong ones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Table, select, update

from gateway.cost.calibration.arguments import Values
from gateway.cost.calibration.known import known_values
from gateway.demo.content import NEWEST, DemoContent, demo_content
from gateway.demo.events import DAYS, demo_events
from gateway.demo.seed import seed_content
from persistence.ids import ApiKeyId
from persistence.tables import (
    advertisers,
    api_keys,
    attribution_runs,
    episodes,
    invites,
    line_items,
    placements,
    podcasts,
)
from resolvers.billing.changing import cancel_plan, change_plan
from resolvers.billing.plans import PlanName
from resolvers.billing.ports import BillingServices, BudgetStatus
from resolvers.billing.spending import Spending
from resolvers.context import RequestContext, Services
from resolvers.policy import Role, Scope, Viewer
from tests.actors import Actor, new_member, new_tenant
from tests.graph import data
from tests.resolvers.runs.scene import runner
from tests.schema.inhabited import inhabited_tenant

NOW: Final = NEWEST + timedelta(minutes=1)
"""The clock stands still."""
HOUSEHOLDS: Final = 70
"""How many of the demo's listeners there are here: those that bought something."""
MODELS: Final = ("FIRST_TOUCH", "LINEAR", "MARKOV")

_SPAN: Final = {"from": (NEWEST - timedelta(days=DAYS)).isoformat(), "until": NEWEST.isoformat()}
_BAD_CURSOR: Final = "bm90IGEgY3Vyc29y"
_OFTEN: Final = 8
"""So many ids of the tenant's own are given for each wrong one."""
_NUMBERS: Final = (0, 1, 2, 3, 3, 5, 5, 5, 10, 10, 20, 20, 50)
_WRONG_NUMBERS: Final = (-1, 1_001)


class Populated(msgspec.Struct, frozen=True):
    viewers: Mapping[str, Callable[[], RequestContext]]
    """Fresh contexts: of the owner, of an API key, of a member who sees less, of a stranger, and of the owner of
    another tenant, whose subscription is over."""
    own: Values
    """What the arguments of queries may be: what is there."""
    values: Values
    """The same, with cursors, and at times what is not there, or is refused."""
    ids: Mapping[str, Any]
    """A campaign that was heard, and three placements of it (`heard`, `places`); two runs over its advertiser, and one
    that failed (`first`, `second`, `failed`); the time that they are about (`from`, `until`)."""


async def populated_tenant(services: Services) -> Populated:
    foreign = list((await inhabited_tenant(services, "Foreign")).ids.values())
    await services.intake.at(_now).make_partitions()
    frozen = msgspec.structs.replace(
        services, clock=_now, intake=services.intake.at(_now), billing=BillingServices(levels=_Level())
    )
    inhabited = await inhabited_tenant(frozen, "Populated")
    actor = inhabited.actor
    content = demo_content(episodes_per_show=10, campaigns=12)
    await seed_content(frozen.database, actor.tenant_id, content, lambda _: None)
    await _hear(actor, content)
    heard, advertiser = await _heard_campaign(actor)
    first, second, *_ = [await _run(actor, advertiser, model) for model in MODELS]
    failed = await _run(actor, advertiser, "LINEAR", finish=False)
    await _make_odd(actor, failed)
    ids: dict[str, Any] = {"heard": heard, "first": first, "second": second, "failed": failed, **_SPAN}
    ids["places"] = await _placements(actor, heard)
    return Populated(await _viewers(actor), *await _values(actor, foreign), ids)


def _now() -> datetime:
    return NOW


class _Level:
    async def level(self, spending: Spending) -> BudgetStatus:
        return BudgetStatus(10_000, 1_234.5, spending.plan.restore_rate)


async def _hear(actor: Actor, content: DemoContent) -> None:
    """The demo's events of a few households."""
    # The inhabited tenant's own, which is not the demo's, came first.
    spots, owners = [(await _numbers(actor, table))[1:] for table in (placements, advertisers)]
    told = demo_events(content, spots, owners)
    bought = sorted({str(event.ip_address) for event in told if event.type == "PURCHASE"})[:HOUSEHOLDS]
    outcomes = await actor.services.intake.store(actor.tenant_id, [one for one in told if one.ip_address in bought])
    assert {outcome.status for outcome in outcomes} == {"ACCEPTED"}


async def _heard_campaign(actor: Actor) -> tuple[str, str]:
    """The campaign with most events whose advertiser has another one that was heard, and the advertiser."""
    query = (
        "{ events(first: 1000) { nodes { ... on Touchpoint { placement { campaign { id advertiser { id } } } } } } }"
    )
    found = await data(actor.context(), query)
    placed = [node["placement"]["campaign"] for node in found["events"]["nodes"] if node and node["placement"]]
    heard = [(campaign["advertiser"]["id"], campaign["id"]) for campaign in placed]
    pairs = sorted(set(heard), key=lambda pair: (-heard.count(pair), pair))
    owners = [owner for owner, _ in pairs]
    return next((campaign, owner) for owner, campaign in pairs if owners.count(owner) > 1)


async def _placements(actor: Actor, campaign: str) -> list[str]:
    query = "query Some($id: ID!) { campaign(id: $id) { placements(first: 3) { nodes { id } } } }"
    found = await data(actor.context(), query, id=campaign)
    return [node["id"] for node in found["campaign"]["placements"]["nodes"]]


async def _run(actor: Actor, advertiser: str, model: str, *, finish: bool = True) -> str:
    mutation = """mutation Run($advertiser: ID!, $from: DateTime!, $until: DateTime!, $kind: AttributionModelKind!) {
      runAttribution(advertiserId: $advertiser, input: {from: $from, until: $until, model: {kind: $kind}}) {
        ... on RunAttributionPayload { run { id } } } }"""
    asked = await data(actor.context(), mutation, advertiser=advertiser, kind=model, **_SPAN)
    run_id = str(asked["runAttribution"]["run"]["id"])
    state = "query State($id: ID!) { attributionRun(id: $id) { status } }"
    while finish and (await data(actor.context(), state, id=run_id))["attributionRun"]["status"] != "SUCCEEDED":
        assert await runner(actor.services).work_once()
    return run_id


async def _make_odd(actor: Actor, failed: str) -> None:
    """What few tenants have: a run that failed, something archived, a key with a budget, a plan that is to change."""
    art = {"explicit": True, "website_url": "https://show.example/1", "image_url": "https://show.example/1.png"}
    feed = {"feed_url": "https://show.example/feed.xml", "feed_checked_at": NOW}
    key = {"budget_capacity": 50, "budget_restore_rate": 2, "last_used_at": NOW, "revoked_at": NOW}
    failure = {"status": "FAILED", "error_code": "ATTEMPTS_EXHAUSTED", "error_message": "Again.", "finished_at": NOW}
    await _set(actor, attribution_runs, int(failed.partition("_")[2]), **failure)
    changes: dict[Table, dict[str, Any]] = {
        episodes: art,
        podcasts: {**art, **feed},
        api_keys: key,
        invites: {"accepted_at": NOW},
    }
    for table, values in changes.items():
        await _set(actor, table, (await _numbers(actor, table))[0], **values)
    for table in (podcasts, advertisers, line_items, placements):
        await _set(actor, table, (await _numbers(actor, table))[1], archived_at=NOW)
    await change_plan(actor.context(), PlanName.BUSINESS, 1)
    await change_plan(actor.context(), PlanName.TEAM, 2)


async def _numbers(actor: Actor, table: Table) -> list[int]:
    own = select(table.c.id).where(table.c.tenant_id == actor.tenant_id).order_by(table.c.id)
    async with actor.services.database.read(actor.tenant_id) as session:
        return [row[0] for row in await session.rows(own)]


async def _set(actor: Actor, table: Table, number: int, **values: Any) -> None:
    row = (table.c.tenant_id == actor.tenant_id, table.c.id == number)
    async with actor.services.database.write(actor.tenant_id) as session:
        await session.execute(update(table).where(*row).values(values))


async def _viewers(actor: Actor) -> Mapping[str, Callable[[], RequestContext]]:
    [key, *_] = await _numbers(actor, api_keys)
    program = Viewer(api_key_id=ApiKeyId(key), tenant_id=actor.tenant_id, scopes=frozenset(Scope))
    member = await new_member(actor.services, actor.tenant_id, Role.VIEWER)
    former = await new_tenant(actor.services)
    await change_plan(former.context(), PlanName.TEAM, 0)
    await cancel_plan(former.context(), 1)
    later = msgspec.structs.replace(actor.services, clock=lambda: NOW + timedelta(days=40))
    return {
        "owner": actor.context,
        "key": lambda: RequestContext(actor.services, program),
        "member": member.context,
        "stranger": lambda: RequestContext(actor.services, None),
        "former": lambda: RequestContext(later, former.viewer),
    }


async def _values(actor: Actor, foreign: Sequence[str]) -> tuple[Values, Values]:
    async def ask(query: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await data(actor.context(), query)
        return found

    wrong = [*foreign, "cmp_999999999", "no id"]
    known = await known_values(ask)
    cursors = await _cursors(actor)

    def values(coordinate: str, type_name: str) -> Sequence[Any]:
        found = known(coordinate, type_name)
        argument = coordinate.partition("(")[2]
        if type_name == "Int" and argument:
            return (*_NUMBERS * 3, *_WRONG_NUMBERS)
        if type_name == "ID" and found:
            return [*found] * (1 + _OFTEN * len(wrong) // len(found)) + wrong
        if argument in {"after:)", "before:)"}:
            return [*cursors, _BAD_CURSOR]
        return found

    return known, values


async def _cursors(actor: Actor) -> list[str]:
    """Of every list of the root, in its usual order."""
    fields = ("podcasts", "advertisers", "campaigns", "events", "conversions", "attributionRuns")
    lists = " ".join(f"{name}(first: 4) {{ edges {{ cursor }} }}" for name in fields)
    found = await data(actor.context(), f"{{ {lists} }}")
    return [edge["cursor"] for name in fields for edge in found[name]["edges"]]
