"""Freezing paths: the statements that build a path set's rows chunk by chunk, and hash them on the way.

The hash is a chain over canonical texts in a fixed order: of the scope and its rules, of every conversion with its
path, and of every null path with its count. Nothing in it depends on the set's own id or on where rows lie.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from persistence.ids import AdvertiserId, CampaignId, PathSetId
from persistence.repositories.events import CONVERSIONS, of_types
from persistence.repositories.path_rules import CONVERSION_COLUMNS, LONGEST_PATH, PathRules, built_paths, placed
from persistence.sessions import TenantSession
from persistence.tables import event_hours, events, frozen_conversions, frozen_nulls

HOUSEHOLDS = 2**62
"""Households are below this, evenly spread: hashes."""

_HASHED = "podgraph paths 1"
"""Names what is hashed and how. Another way needs another name, so that equal hashes always mean equal paths."""

_JOURNEY_COLUMNS = ("household", "occurred_at", "id", "type", "advertiser_id", "placement_id", "counted")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class PathScope(msgspec.Struct, frozen=True):
    """The conversions of an advertiser from `starts_at` to before `ends_at`, and the touches that may lead to them."""

    advertiser_id: AdvertiserId
    campaign_id: CampaignId | None
    """Only touches of this campaign count; None: of all the advertiser's."""
    starts_at: datetime
    ends_at: datetime
    rules: PathRules

    def digest(self) -> bytes:
        """The first link of the chain."""
        rules = self.rules
        said: list[Any] = [
            _HASHED,
            self.advertiser_id,
            self.campaign_id,
            (self.starts_at - _EPOCH) // _MICROSECOND,
            (self.ends_at - _EPOCH) // _MICROSECOND,
            rules.impressions,
            rules.impression_window_seconds,
            rules.visit_window_seconds,
            rules.promo_policy,
        ]
        return hashlib.sha256(msgspec.json.encode(said)).digest()


class Place(NamedTuple):
    """Where a chunk ended in the order of conversions."""

    occurred_at: datetime
    id: int


class Chunk(NamedTuple):
    """What freezing one chunk gave; `chain` is the hash up to its end, `place` is None for an empty one."""

    rows: int
    attributed: int
    place: Place | None
    chain: bytes


class Freezing:
    """The statements of one path set that is being made, in a session of `Database.snapshot`."""

    def __init__(self, session: TenantSession, set_id: PathSetId, scope: PathScope) -> None:
        self.session = session
        self.set_id = set_id
        self.scope = scope

    async def prefer_indexes(self) -> None:
        """For this transaction: reads in the order of an index, and stops early, also where statistics are missing.

        Every statement is planned for its own values: a plan for any values would not know which months it reads.
        """
        settings = dict.fromkeys(("enable_seqscan", "enable_bitmapscan", "enable_sort"), "off")
        settings["plan_cache_mode"] = "force_custom_plan"
        await self.session.execute(select(*(func.set_config(*setting, true()) for setting in settings.items())))

    async def expected(self) -> tuple[int, int]:
        """About how many conversions and how many touches the scope has: those of its hours, by the hourly counts."""
        conversion = event_hours.c.type.in_(CONVERSIONS)
        touch = event_hours.c.type.in_(list(self.scope.rules.windows))

        def total(kind: ColumnElement[bool]) -> ColumnElement[int]:
            return cast(func.coalesce(func.sum(event_hours.c.events).filter(kind), 0), BigInteger)

        statement = select(total(conversion), total(touch)).where(
            event_hours.c.tenant_id == self.session.tenant_id,
            event_hours.c.advertiser_id == self.scope.advertiser_id,
            *self._hours(),
        )
        [row] = await self.session.rows(statement)
        return row[0], row[1]

    async def looked_through(self) -> int:
        """About how many events the slices of `gather_nulls` read: of all advertisers, since they go by household."""
        statement = select(cast(func.coalesce(func.sum(event_hours.c.events), 0), BigInteger)).where(
            event_hours.c.tenant_id == self.session.tenant_id, *self._hours()
        )
        return int(await self.session.scalar(statement))

    async def freeze_conversions(self, after: Place | None, limit: int, chain: bytes) -> Chunk:
        """Builds and stores the paths of the next conversions, by (occurred_at, id)."""
        chosen = select(*CONVERSION_COLUMNS).where(
            *self._of_advertiser(after.occurred_at if after else self.scope.starts_at),
            of_types(CONVERSIONS),
            events.c.counted,
        )
        if after is not None:
            chosen = chosen.where(tuple_(events.c.occurred_at, events.c.id) > tuple_(*map(literal, after)))
        conversions = chosen.order_by(events.c.occurred_at, events.c.id).limit(limit).cte("conversion")
        paths = built_paths(conversions, self.session.tenant_id, self.scope.rules, self.scope.campaign_id)
        built = paths.subquery("built")
        row = frozen_conversions.c
        stored = (
            insert(frozen_conversions)
            .from_select(
                ["tenant_id", "path_set_id", *built.c.keys()], select(*self._key(), *built.c).select_from(built)
            )
            .returning(
                row.id,
                row.occurred_at,
                row.value_minor,
                row.currency,
                row.evidence,
                row.placement_ids,
                row.touch_ids,
                row.touched_at,
            )
            .cte("stored")
        )
        text = _text(
            "c",
            stored.c.id,
            _microseconds(stored.c.occurred_at),
            stored.c.value_minor,
            stored.c.currency,
            stored.c.evidence,
            func.array_to_string(stored.c.placement_ids, ","),
            func.array_to_string(stored.c.touch_ids, ","),
            _all_microseconds(stored),
        )
        last = (
            select(stored.c.occurred_at, stored.c.id)
            .order_by(stored.c.occurred_at.desc(), stored.c.id.desc())
            .limit(1)
            .subquery("last")
        )
        statement = select(
            func.count(),
            func.count().filter(stored.c.evidence != "NONE"),
            select(last.c.occurred_at).scalar_subquery(),
            select(last.c.id).scalar_subquery(),
            _chained(chain, text, stored.c.occurred_at, stored.c.id),
        ).select_from(stored)
        [(rows, attributed, occurred_at, last_id, linked)] = await self.session.rows(statement)
        return Chunk(rows, attributed, Place(occurred_at, last_id) if rows else None, linked)

    async def gather_nulls(self, first: int, until: int, gathered: int) -> int:
        """Counts the paths of the households from `first` to before `until` that did not convert, as rows to sum up.

        `gathered` is how many such rows there are already; gives how many were added. Until `freeze_nulls` sums them
        up, their positions are negative.
        """
        event = (
            select(*(events.c[name] for name in _JOURNEY_COLUMNS))
            .where(
                events.c.tenant_id == self.session.tenant_id,
                events.c.household >= first,
                events.c.household < until,
                events.c.occurred_at >= self.scope.starts_at,
                events.c.occurred_at < self.scope.ends_at,
            )
            # A fence, as in `path_rules`. Sorted, because only the index by household sorts so: each slice shall read
            # its own households and no others.
            .order_by(events.c.household, events.c.occurred_at, events.c.id)
            .offset(0)
            .subquery("event")
        )
        touch = and_(
            event.c.type.in_(list(self.scope.rules.windows)),
            placed(event, self.session.tenant_id, self.scope.campaign_id),
        )
        conversion = and_(event.c.type.in_(CONVERSIONS), event.c.counted)
        path = func.array_agg(event.c.placement_id, type_=ARRAY(BigInteger))
        journeys = (
            select(path.aggregate_order_by(event.c.occurred_at, event.c.id).filter(touch).label("path"))
            .where(event.c.advertiser_id == self.scope.advertiser_id, or_(touch, conversion))
            .group_by(event.c.household)
            .having(func.count().filter(conversion) == 0)
            .subquery("journey")
        )
        touches = func.cardinality(journeys.c.path)
        latest = journeys.c.path[func.greatest(1, touches - (LONGEST_PATH - 1)) : touches].label("latest")
        cut = select(latest).subquery("cut")
        counted = select(
            *self._key(),
            -(gathered + func.row_number().over(order_by=cut.c.latest)),
            cut.c.latest,
            func.count(),
        ).group_by(cut.c.latest)
        return await self._stored_nulls(counted)

    async def freeze_nulls(self, position: int, limit: int, chain: bytes) -> tuple[int, int, bytes]:
        """Sums up the gathered rows of the next distinct paths, by path, after the one at `position` (0: the first).

        Gives how many paths these are, how many journeys took them, and the chain up to there.
        """
        gathered, before = frozen_nulls.alias("gathered"), frozen_nulls.alias("before")
        last = select(before.c.placement_ids).where(*self._own(before), before.c.position == position).scalar_subquery()
        summed = (
            select(gathered.c.placement_ids, cast(func.sum(gathered.c.journeys), BigInteger).label("journeys"))
            .where(*self._own(gathered), gathered.c.position < 0)
            .group_by(gathered.c.placement_ids)
            .order_by(gathered.c.placement_ids)
            .limit(limit)
        )
        if position:
            summed = summed.where(gathered.c.placement_ids > last)
        chosen = summed.subquery("chosen")
        numbered = select(
            *self._key(),
            position + func.row_number().over(order_by=chosen.c.placement_ids),
            chosen.c.placement_ids,
            chosen.c.journeys,
        )
        stored = (
            insert(frozen_nulls)
            .from_select(["tenant_id", "path_set_id", "position", "placement_ids", "journeys"], numbered)
            .returning(frozen_nulls.c.position, frozen_nulls.c.placement_ids, frozen_nulls.c.journeys)
            .cte("stored")
        )
        text = _text("n", stored.c.journeys, func.array_to_string(stored.c.placement_ids, ","))
        statement = select(
            func.count(),
            cast(func.coalesce(func.sum(stored.c.journeys), 0), BigInteger),
            _chained(chain, text, stored.c.position),
        ).select_from(stored)
        [(rows, journeys, linked)] = await self.session.rows(statement)
        return rows, journeys, linked

    async def forget_gathered(self) -> None:
        await self.session.execute(delete(frozen_nulls).where(*self._own(frozen_nulls), frozen_nulls.c.position < 0))

    async def _stored_nulls(self, counted: Select[Any]) -> int:
        columns = ["tenant_id", "path_set_id", "position", "placement_ids", "journeys"]
        stored = insert(frozen_nulls).from_select(columns, counted).returning(frozen_nulls.c.position).cte("stored")
        return int(await self.session.scalar(select(func.count()).select_from(stored)))

    def _key(self) -> tuple[ColumnElement[int], ColumnElement[int]]:
        return literal(self.session.tenant_id, BigInteger), literal(self.set_id, BigInteger)

    def _own(self, table: FromClause) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return table.c.tenant_id == self.session.tenant_id, table.c.path_set_id == self.set_id

    def _hours(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return (
            event_hours.c.hour >= self.scope.starts_at - timedelta(hours=1),
            event_hours.c.hour < self.scope.ends_at,
        )

    def _of_advertiser(self, since: datetime) -> tuple[ColumnElement[bool], ...]:
        return (
            events.c.tenant_id == self.session.tenant_id,
            events.c.advertiser_id == self.scope.advertiser_id,
            events.c.occurred_at >= since,
            events.c.occurred_at < self.scope.ends_at,
        )


def _microseconds(moment: ColumnElement[datetime]) -> ColumnElement[int]:
    """Since 1970 UTC, exactly, whatever the session's time zone is."""
    return cast(func.extract("epoch", moment) * 1_000_000, BigInteger)


def _all_microseconds(stored: FromClause) -> ColumnElement[str]:
    path = func.unnest(stored.c.touched_at).table_valued("at", with_ordinality="position", name="step")
    step = path.render_derived()
    listed = func.string_agg(cast(_microseconds(step.c.at), Text), ",").aggregate_order_by(step.c.position)
    return select(listed).correlate(stored).scalar_subquery()


def _text(kind: str, *parts: ColumnElement[Any]) -> ColumnElement[str]:
    """The parts in one text, from which each could be read again: none of them has a bar in it."""
    said = [func.coalesce(cast(part, Text), "") for part in parts]
    return func.concat_ws("|", kind, *said)


def _chained(chain: bytes, text: ColumnElement[str], *order: ColumnElement[Any]) -> ColumnElement[bytes]:
    """The hash of the chain so far and of each row's hash, in order."""
    row = func.sha256(func.convert_to(text, "UTF8"), type_=LargeBinary())
    rows = func.string_agg(row, literal(b"", LargeBinary), type_=LargeBinary()).aggregate_order_by(*order)
    joined = literal(chain, LargeBinary).op("||")(func.coalesce(rows, literal(b"", LargeBinary)))
    return func.sha256(joined, type_=LargeBinary())
