"""What a good engineer writes for the shapes of `podgraph bench queries` and for nothing else: Starlette and asyncpg.

One statement with joins for each (two for Q2), rows to dicts, msgspec. The tenant is believed from a header: nobody is
authenticated, nothing is priced. It has the application's role, like Podgraph, and PostgreSQL's row-level security is
told the tenant once, when a connection opens; statements name the tenant from the header besides. An answer is the
`data` of Podgraph's answer to the same question, byte for byte.
"""

import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CAMPAIGNS: Final = """
SELECT c.id, c.name, c.status, p.id, p.position, p.promo_code, e.id, e.title, d.id, d.title
  FROM (SELECT id, name, status, created_at FROM campaigns
         WHERE tenant_id = $1 AND advertiser_id = $2 AND status <> 'ARCHIVED'
         ORDER BY created_at DESC, id DESC LIMIT $3) AS c
  LEFT JOIN LATERAL (SELECT id, position, promo_code, episode_id, created_at FROM placements
                      WHERE tenant_id = $1 AND campaign_id = c.id AND archived_at IS NULL
                      ORDER BY created_at, id LIMIT $4) AS p ON true
  LEFT JOIN episodes AS e ON e.tenant_id = $1 AND e.id = p.episode_id
  LEFT JOIN podcasts AS d ON d.tenant_id = $1 AND d.id = e.podcast_id
 ORDER BY c.created_at DESC, c.id DESC, p.created_at, p.id
"""
RUN: Final = """
SELECT r.path_set_id, c.id, c.name
  FROM attribution_runs AS r
  LEFT JOIN campaigns AS c ON c.tenant_id = $1 AND c.id = r.campaign_id
 WHERE r.tenant_id = $1 AND r.id = $2 AND r.status = 'SUCCEEDED' AND r.model = 'LINEAR'
"""
CONVERSIONS: Final = """
SELECT v.id, v.occurred_at, v.value_minor, v.currency, v.touches, t.place, p.id, p.promo_code, e.id, e.title
  FROM (SELECT id, occurred_at, value_minor, currency, placement_ids, cardinality(placement_ids) AS touches
          FROM frozen_conversions WHERE tenant_id = $1 AND path_set_id = $2
         ORDER BY occurred_at, id LIMIT $3) AS v
  LEFT JOIN LATERAL unnest(v.placement_ids) WITH ORDINALITY AS t (placement_id, place) ON true
  LEFT JOIN placements AS p ON p.tenant_id = $1 AND p.id = t.placement_id
  LEFT JOIN episodes AS e ON e.tenant_id = $1 AND e.id = p.episode_id
 ORDER BY v.occurred_at, v.id, t.place
"""
CAMPAIGN: Final = "SELECT id, name, status FROM campaigns WHERE tenant_id = $1 AND id = $2"
EPISODES: Final = """
SELECT e.id, e.title, e.published_at, e.duration_seconds
  FROM podcasts AS d
  LEFT JOIN LATERAL (SELECT id, title, published_at, duration_seconds, coalesce(published_at, created_at) AS sorted_by
                       FROM episodes WHERE tenant_id = $1 AND podcast_id = d.id
                      ORDER BY coalesce(published_at, created_at) DESC, id DESC LIMIT $3) AS e ON true
 WHERE d.tenant_id = $1 AND d.id = $2
 ORDER BY e.sorted_by DESC, e.id DESC
"""
_UNITS: Final = 10**12
"""A conversion, in the smallest part of it that is credited."""

Rows = Sequence[Sequence[Any]]
Answer = Callable[["asyncpg.Pool[asyncpg.Record]", Request], Awaitable[Any]]


def campaigns(rows: Rows) -> list[dict[str, Any]]:
    """Of the rows of CAMPAIGNS."""
    nodes = []
    placements: list[dict[str, Any]] = []
    last = None
    for campaign, name, status, placement, position, promo_code, episode, episode_title, podcast, title in rows:
        if campaign != last:
            last, placements = campaign, []
            nodes.append({"id": f"cmp_{campaign}", "name": name, "status": status, "placements": {"nodes": placements}})
        if placement is not None:
            placements.append(
                {
                    "id": f"plc_{placement}",
                    "position": position,
                    "promoCode": promo_code,
                    "episode": {
                        "id": f"epi_{episode}",
                        "title": episode_title,
                        "podcast": {"id": f"pod_{podcast}", "title": title},
                    },
                }
            )
    return nodes


def conversions(rows: Rows) -> list[dict[str, Any]]:
    """Of the rows of CONVERSIONS; every touch of a path earns the same, to 12 decimals that sum to 1."""
    nodes = []
    last = None
    credits: list[dict[str, Any]] = []
    earned: dict[int, int] = {}
    for conversion, occurred_at, value, currency, touches, place, placement, promo_code, episode, title in rows:
        if conversion != last:
            last, credits, earned = conversion, [], {}
            nodes.append(
                {
                    "occurredAt": occurred_at,
                    "value": None if value is None else {"amountMinor": value, "currency": currency},
                    "credits": credits,
                }
            )
        if placement is None:
            continue
        units = _UNITS // touches + (place <= _UNITS % touches)
        if placement in earned:  # touched before
            earned[placement] += units
            own = next(credit for credit in credits if credit["placement"]["id"] == f"plc_{placement}")
            own["share"] = share(earned[placement])
            continue
        earned[placement] = units
        credits.append(
            {
                "share": share(units),
                "placement": {
                    "id": f"plc_{placement}",
                    "promoCode": promo_code,
                    "episode": {"id": f"epi_{episode}", "title": title},
                },
            }
        )
    return nodes


@lru_cache(maxsize=4096)
def share(units: int) -> str:
    """So many of a conversion's 10^12 parts, as text: '0.25'."""
    whole, fraction = divmod(units, _UNITS)
    return f"{whole}.{fraction:012}".rstrip("0").rstrip(".")


async def q1(pool: "asyncpg.Pool[asyncpg.Record]", request: Request) -> Any:
    asked = request.query_params
    advertiser = int(asked["advertiser"].removeprefix("adv_"))
    rows = await pool.fetch(CAMPAIGNS, _tenant(request), advertiser, int(asked["campaigns"]), int(asked["placements"]))
    return {"campaigns": {"nodes": campaigns(rows)}}


async def q2(pool: "asyncpg.Pool[asyncpg.Record]", request: Request) -> Any:
    tenant, asked = _tenant(request), request.query_params
    async with pool.acquire() as connection:
        run = await connection.fetchrow(RUN, tenant, int(asked["run"].removeprefix("run_")))
        if run is None:
            return {"attributionRun": None}
        path_set, campaign, name = run
        rows = await connection.fetch(CONVERSIONS, tenant, path_set, int(asked["conversions"]))
    return {
        "attributionRun": {
            "campaign": {"id": f"cmp_{campaign}", "name": name},
            "conversions": {"nodes": conversions(rows)},
        }
    }


async def q3(pool: "asyncpg.Pool[asyncpg.Record]", request: Request) -> Any:
    campaign = int(request.query_params["campaign"].removeprefix("cmp_"))
    row = await pool.fetchrow(CAMPAIGN, _tenant(request), campaign)
    return {"campaign": None if row is None else {"id": f"cmp_{row[0]}", "name": row[1], "status": row[2]}}


async def q4(pool: "asyncpg.Pool[asyncpg.Record]", request: Request) -> Any:
    asked = request.query_params
    podcast = int(asked["podcast"].removeprefix("pod_"))
    rows = await pool.fetch(EPISODES, _tenant(request), podcast, int(asked["episodes"]))
    if not rows:
        return {"podcast": None}
    nodes = [
        {"id": f"epi_{episode}", "title": title, "publishedAt": published_at, "durationSeconds": seconds}
        for episode, title, published_at, seconds in rows
        if episode is not None
    ]
    return {"podcast": {"episodes": {"nodes": nodes}}}


def application(database_url: str, tenant_id: int) -> Starlette:
    """The endpoint, over connections that see this tenant alone."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        settings = {"podgraph.tenant_id": str(tenant_id), "timezone": "UTC", "jit": "off"}
        async with asyncpg.create_pool(
            database_url, min_size=1, max_size=16, reset=_as_it_is, server_settings=settings
        ) as pool:
            gc.collect()
            gc.freeze()
            yield {"pool": pool}

    def answering(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            found = await answer(request.state.pool, request)
            return Response(msgspec.json.encode(found), media_type="application/json")

        return endpoint

    async def ready(_request: Request) -> Response:
        return Response()

    answers = {"/q1": q1, "/q2": q2, "/q3": q3, "/q4": q4}
    routes = [Route(path, answering(answer)) for path, answer in answers.items()]
    return Starlette(routes=[*routes, Route("/readyz", ready)], lifespan=lifespan)


async def _as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing to undo when a connection goes back: saves a statement for each request."""


def _tenant(request: Request) -> int:
    return int(request.headers["x-tenant"])


def main(database_url: str, tenant_id: str, port: str) -> None:
    """Serve until a signal."""
    uvicorn.run(
        application(database_url, int(tenant_id)),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
