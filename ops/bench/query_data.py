"""What the tenant of `podgraph bench queries` has: invented, and the same on every machine but for ids and the day.

Rows go straight into the tables, by the role that owns them. Events and attribution runs go through the graph, so that
paths and credits are the product's own.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
import httpx2
import msgspec

from ops.bench.processes import BenchFailed, data
from ops.bench.query_shapes import Known, Size

LONGEST_PATH: Final = 5
"""Touches, at least one: three on average."""

_SEED: Final = 5
_DAYS: Final = 20
"""Of conversions; the last is before today."""
_AT_ONCE: Final = 500
"""Rows of a statement, and events of a call."""
_RUN_SECONDS: Final = 120.0

_SUBJECTS: Final = (
    *("The Audit", "Two Brothers", "A Wrong Number", "High Water", "The Other Key", "Café Señor", "Half a Degree"),
    *("What the Map Left Out", 'The "Last" Train', "Salt & Ink", "An Empty Chair", "Nine Minutes", "The Rehearsal"),
)
_SENTENCES: Final = (
    "We talk to the people who were in the room when the decision was made, and to one who left early.",
    "The papers were in a box under the stairs; nobody had opened it since the harbour closed.",
    "If you like the show, tell a friend: that is still how most of you found us.",
    'Recorded on location, so you will hear the <em>weather</em> and, at 21:40, a very small "dog".',
    "Corrections to the last episode: the bridge has five arches, not four, and Anaïs is spelled with two dots.",
    "Our thanks to the archive, to the night staff and to everybody who answered the telephone.",
    "Next week: a ledger with a page torn out, and what the carbon copy said about it.",
    "Transcripts and the reading list are on the show's page, together with photographs of the letters.",
)
_RUN: Final = """
mutation($campaign: ID!, $from: DateTime!, $until: DateTime!) {
  runAttribution(campaignId: $campaign, input: {model: {kind: LINEAR}, from: $from, until: $until}) {
    ... on RunAttributionPayload { run { id } }
    ... on Error { code message }
  }
}
"""
_STATUS: Final = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on AttributionRun { status } } }"
_TRACK: Final = """
mutation($events: [EventInput!]!) {
  trackEvents(events: $events) { ... on TrackEventsPayload { accepted } ... on Error { code message } }
}
"""


class Campaign(msgspec.Struct, frozen=True):
    """By typed ids."""

    id: str
    advertiser: str
    placements: tuple[str, ...]


async def seeded(owner_url: str, tenant_id: int, http: httpx2.AsyncClient, size: Size, today: datetime) -> Known:
    """Fills the tenant, which has nothing yet; `http` speaks for it, `today` is a midnight. Raises BenchFailed."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SELECT set_config('podgraph.tenant_id', $1, false)", str(tenant_id))
        async with connection.transaction():
            rows = _Rows(connection, tenant_id, Random(_SEED), today)  # noqa: S311  # invented content, no secret
            archives = await rows.shows(size.archives, size.archive_episodes, "Archive")
            shows = await rows.shows(size.podcasts, size.episodes, "Show")
            campaigns = await rows.campaigns(size, [episode for _, episodes in shows for episode in episodes])
        paid = [own[0] for own in campaigns]
        await _track(http, list(_events(Random(_SEED), paid, size.conversions, today)))  # noqa: S311
        runs = await _runs(http, paid, today) if size.conversions else []
        # As autovacuum would, sooner or later: without statistics the first plans are bad ones, and kept.
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return Known(
        advertisers=tuple(own[0].advertiser for own in campaigns),
        campaigns=tuple(campaign.id for own in campaigns for campaign in own[:5]),
        runs=tuple(runs),
        archives=tuple(f"pod_{archive}" for archive, _ in archives),
    )


class _Rows:
    """Writes rows of the tenant, each table's in order."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", tenant_id: int, chance: Random, today: datetime
    ) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._chance = chance
        self._today = today

    async def shows(self, count: int, episodes: int, kind: str) -> list[tuple[int, list[int]]]:
        """The ids of podcasts, each with those of its episodes."""
        podcasts = [
            {"title": f"{kind} {number}: {self._subject()}", "description": self._notes(), "author": f"{kind} Studio"}
            for number in range(1, count + 1)
        ]
        podcast_ids = await self._inserted("podcasts", podcasts)
        rows = [
            {
                "podcast_id": podcast_id,
                "guid": f"{kind}-{podcast_id}-{number}",
                "title": f"{number}: {self._subject()} and {self._subject()}",
                "description": self._notes(),
                "published_at": self._today - timedelta(days=7 * (episodes - number), minutes=podcast_id % 1440),
                "duration_seconds": self._chance.randrange(600, 7200),
                "enclosure_url": f"https://audio.example/{podcast_id}/{number}.mp3",
                "enclosure_type": "audio/mpeg",
                "enclosure_bytes": self._chance.randrange(10_000_000, 90_000_000),
                "season": 1 + number // 50,
                "number": number,
            }
            for podcast_id in podcast_ids
            for number in range(1, episodes + 1)
        ]
        ids = await self._inserted("episodes", rows)
        return [(own, ids[place * episodes :][:episodes]) for place, own in enumerate(podcast_ids)]

    async def campaigns(self, size: Size, episodes: Sequence[int]) -> list[list[Campaign]]:
        """Those of each advertiser; every placement is in one of the episodes, drawn at random."""
        advertisers = await self._inserted(
            "advertisers", [{"name": f"Advertiser {number}"} for number in range(1, size.advertisers + 1)]
        )
        owners = [advertiser for advertiser in advertisers for _ in range(size.campaigns)]
        campaigns = await self._inserted("campaigns", [self._campaign(n, owner) for n, owner in enumerate(owners)])
        lines = await self._inserted("line_items", [self._line(campaign) for campaign in campaigns])
        rows = [
            self._placement(campaign, line, self._chance.choice(episodes), number)
            for campaign, line in zip(campaigns, lines, strict=True)
            for number in range(size.placements)
        ]
        placements = [f"plc_{own}" for own in await self._inserted("placements", rows)]
        found: dict[int, list[Campaign]] = {advertiser: [] for advertiser in advertisers}
        for place, (campaign, owner) in enumerate(zip(campaigns, owners, strict=True)):
            own = placements[place * size.placements :][: size.placements]
            found[owner].append(Campaign(f"cmp_{campaign}", f"adv_{owner}", tuple(own)))
        return list(found.values())

    def _campaign(self, number: int, advertiser: int) -> dict[str, Any]:
        return {
            "advertiser_id": advertiser,
            "name": f"Campaign {number + 1} {self._subject()}",
            "status": self._chance.choice(("ACTIVE", "ACTIVE", "PAUSED", "COMPLETED")),
            "budget_minor": self._chance.randrange(1_000, 100_000) * 100,
            "currency": "EUR",
            "starts_on": self._today.date() - timedelta(days=90),
            "ends_on": self._today.date() + timedelta(days=90),
            "created_at": self._today - timedelta(days=100, minutes=-number),
        }

    def _line(self, campaign: int) -> dict[str, Any]:
        return {
            "campaign_id": campaign,
            "name": "All spots",
            "pricing": "CPM",
            "rate_minor": self._chance.randrange(1_500, 5_000),
            "currency": "EUR",
        }

    def _placement(self, campaign: int, line: int, episode: int, number: int) -> dict[str, Any]:
        code = f"PROMO{self._chance.randrange(16**6):06X}"
        return {
            "campaign_id": campaign,
            "line_item_id": line,
            "episode_id": episode,
            "position": self._chance.choice(("PRE_ROLL", "MID_ROLL", "POST_ROLL")),
            "insertion_type": "DYNAMIC",
            "read_type": "HOST_READ",
            "promo_code": code,
            "vanity_url": f"https://shop.example/{code}",
            "created_at": self._today - timedelta(days=95, minutes=-number),
        }

    def _subject(self) -> str:
        return self._chance.choice(_SUBJECTS)

    def _notes(self) -> str:
        """Show notes of one to five thousand characters."""
        sentences = self._chance.choices(_SENTENCES, k=self._chance.randrange(12, 50))
        return "".join(f"<p>{' '.join(sentences[start : start + 4])}</p>" for start in range(0, len(sentences), 4))

    async def _inserted(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """The ids, which follow the rows. Row-level security does not let COPY write."""
        ids = []
        columns = ", ".join(rows[0]) if rows else ""
        statement = (
            f"INSERT INTO {table} (tenant_id, {columns})"  # noqa: S608  # names are this module's own
            f" SELECT $1, {columns} FROM jsonb_populate_recordset(NULL::{table}, $2::jsonb) RETURNING id"
        )
        for start in range(0, len(rows), _AT_ONCE):
            some = msgspec.json.encode(rows[start : start + _AT_ONCE]).decode()
            ids += [record[0] for record in await self._connection.fetch(statement, self._tenant_id, some)]
        return ids


def _events(chance: Random, campaigns: Sequence[Campaign], count: int, today: datetime) -> Iterator[dict[str, Any]]:
    """So many purchases from each campaign's advertiser, and before each of them what that household heard."""
    for place, campaign in enumerate(campaigns):
        for number in range(count):
            household = f"2001:db8:{place:x}:{number:x}::1"
            moment = today - timedelta(seconds=1 + chance.randrange(_DAYS * 86_400))
            touches = chance.choices(campaign.placements, k=1 + number % LONGEST_PATH)
            for touch, placement in enumerate(touches):
                yield {
                    "key": f"heard-{place}-{number}-{touch}",
                    "type": "AD_DELIVERED",
                    "occurredAt": _text(moment - timedelta(hours=1 + 12 * touch, seconds=chance.randrange(3600))),
                    "ipAddress": household,
                    "placementId": placement,
                }
            yield {
                "key": f"bought-{place}-{number}",
                "type": "PURCHASE",
                "occurredAt": _text(moment),
                "ipAddress": household,
                "advertiserId": campaign.advertiser,
                "orderId": f"order-{place}-{number}",
                "valueMinor": chance.randrange(1_900, 18_000),
                "currency": "EUR",
            }


async def _track(http: httpx2.AsyncClient, events: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(events), _AT_ONCE):
        some = events[start : start + _AT_ONCE]
        done = (await data(http, msgspec.json.encode({"query": _TRACK, "variables": {"events": some}})))["trackEvents"]
        if done.get("accepted") != len(some):
            raise BenchFailed(f"of {len(some)} events trackEvents says {done}")


async def _runs(http: httpx2.AsyncClient, campaigns: Sequence[Campaign], today: datetime) -> list[str]:
    """The ids of runs that have succeeded, one of each campaign."""
    span = {"from": _text(today - timedelta(days=_DAYS)), "until": _text(today)}
    ids = []
    for campaign in campaigns:
        body = msgspec.json.encode({"query": _RUN, "variables": {"campaign": campaign.id, **span}})
        answer = (await data(http, body))["runAttribution"]
        if "run" not in answer:
            raise BenchFailed(f"runAttribution says {answer}")
        ids.append(answer["run"]["id"])
    deadline = time.monotonic() + _RUN_SECONDS
    while True:
        nodes = (await data(http, msgspec.json.encode({"query": _STATUS, "variables": {"ids": ids}})))["nodes"]
        statuses = {node["status"] for node in nodes}
        if statuses == {"SUCCEEDED"}:
            return ids
        if not statuses <= {"SUCCEEDED", "QUEUED", "RUNNING"} or time.monotonic() > deadline:
            raise BenchFailed(f"the attribution runs end {', '.join(sorted(statuses))}")
        await asyncio.sleep(0.2)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
