"""Path sets: the paths of a range of conversions, frozen for attribution; and the paths of single conversions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import array

from persistence.ids import EventId, PathSetId
from persistence.pages import Order, by_column, columns
from persistence.records import FrozenConversionRecord, PathSetRecord
from persistence.repositories.conversion_paths import ConversionPath
from persistence.repositories.owned import IDS, TENANT, OwnedRows
from persistence.repositories.path_freeze import HOUSEHOLDS, Freezing, PathScope, Place
from persistence.tables import frozen_conversions, frozen_nulls, path_sets

Advance = Callable[[float], Awaitable[None]]
"""Is told how much of the work is done, 0 to 1."""


class CountedPath(NamedTuple):
    """Identical paths: conversions of one currency (None: without a value), or null journeys."""

    placement_ids: Sequence[int]
    ages: Sequence[int] | None
    """Whole seconds from each touch to the conversion, rounded down; 0 for null journeys. None if not asked for."""
    currency: str | None
    conversions: int
    value_minor: int
    nulls: int


class PathSets(OwnedRows[PathSetRecord, None]):
    table = path_sets
    record = PathSetRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "CREATED_AT": by_column("CREATED_AT", path_sets.c.created_at, datetime),
    }
    chunk: ClassVar[int] = 1_000
    """Conversions that one statement freezes; the hash depends on it."""
    null_chunk: ClassVar[int] = 20_000
    """Distinct null paths that one statement freezes; the hash depends on it."""
    block: ClassVar[int] = 5_000
    """Conversions, or distinct null paths, that one statement reads."""
    slice: ClassVar[int] = 200_000
    """About how many events one statement looks through for null journeys."""

    async def freeze(self, scope: PathScope, advance: Advance) -> PathSetRecord:
        """Builds and stores the scope's paths, in a session of `Database.snapshot`, in many short statements.

        The same events give the same hash; one touch more, less or moved by a microsecond gives another.
        """
        begun = await self._begun(scope)
        freezing = Freezing(self.session, begun.id, scope)
        await freezing.prefer_indexes()
        expected_conversions, _touches = await freezing.expected()
        slices = -(-await freezing.looked_through() // self.slice) or 1
        steps = expected_conversions // self.chunk + 1 + slices + 1
        done = conversions = attributed = gathered = position = journeys = 0
        chain = scope.digest()
        place: Place | None = None
        rows = self.chunk
        while rows == self.chunk:
            rows, found, place, chain = await freezing.freeze_conversions(place, self.chunk, chain)
            conversions, attributed, done = conversions + rows, attributed + found, done + 1
            await advance(min(done, steps) / steps)
        for index in range(slices):
            first, until = HOUSEHOLDS * index // slices, HOUSEHOLDS * (index + 1) // slices
            gathered += await freezing.gather_nulls(first, until, gathered)
            done += 1
            await advance(min(done, steps) / steps)
        rows = self.null_chunk
        while rows == self.null_chunk:
            rows, found, chain = await freezing.freeze_nulls(position, self.null_chunk, chain)
            position, journeys = position + rows, journeys + found
        await freezing.forget_gathered()
        counts = {"conversions": conversions, "attributed_conversions": attributed, "null_journeys": journeys}
        frozen = await self._finished(begun.id, {**counts, "hash": chain.hex()})
        await advance(1.0)
        return frozen

    async def counted(
        self, path_set_id: PathSetId, *, ages: bool, nulls: bool = True
    ) -> AsyncIterator[Sequence[CountedPath]]:
        """The set's paths in blocks, identical ones of a block counted, in an order that depends on the events alone.

        `ages` are for models that need them: they make almost every path distinct. Without `nulls`, conversions alone.
        """
        place: Place | None = None
        conversions = self.block
        while conversions == self.block:
            rows = await self.session.rows(self._conversion_paths(path_set_id, place, ages))
            # A sum is numeric, so that it cannot overflow.
            yield [CountedPath(path, old, money, count, int(value), 0) for path, old, money, count, value, *_ in rows]
            conversions = sum(row[3] for row in rows)
            place = Place(*rows[0][-2:]) if rows else None
        position = 0
        found = self.block if nulls else 0
        while found == self.block:
            paths = await self.session.rows(self._null_paths(path_set_id, position))
            yield [CountedPath(path, [0] * len(path) if ages else None, None, 0, 0, count) for path, count in paths]
            found, position = len(paths), position + self.block

    async def _begun(self, scope: PathScope) -> PathSetRecord:
        rules = scope.rules
        return await self.insert(
            {
                "advertiser_id": scope.advertiser_id,
                "campaign_id": scope.campaign_id,
                "starts_at": scope.starts_at,
                "ends_at": scope.ends_at,
                "impressions": rules.impressions,
                "impression_window_seconds": rules.impression_window_seconds,
                "visit_window_seconds": rules.visit_window_seconds,
                "promo_policy": rules.promo_policy,
                "conversions": 0,
                "attributed_conversions": 0,
                "null_journeys": 0,
                "hash": "",
            }
        )

    async def _finished(self, set_id: PathSetId, values: Mapping[str, Any]) -> PathSetRecord:
        statement = update(path_sets).where(self._own(), path_sets.c.id == set_id).values(**values)
        [frozen] = await self.session.records(statement.returning(*self._columns), PathSetRecord)
        return frozen

    def _conversion_paths(self, path_set_id: PathSetId, after: Place | None, ages: bool) -> Select[Any]:
        """The paths of the conversions after a place, counted; every row ends with the place of the last of them."""
        row = frozen_conversions.c
        age = _ages() if ages else null()
        chosen = select(
            row.placement_ids, age.label("ages"), row.currency, row.value_minor, row.occurred_at, row.id
        ).where(row.tenant_id == self.session.tenant_id, row.path_set_id == path_set_id)
        if after is not None:
            chosen = chosen.where(tuple_(row.occurred_at, row.id) > tuple_(*map(literal, after)))
        path = chosen.order_by(row.occurred_at, row.id).limit(self.block).cte("path")
        last = select(path.c.occurred_at, path.c.id).order_by(path.c.occurred_at.desc(), path.c.id.desc()).limit(1)
        place = last.subquery("last")
        key = (path.c.placement_ids, path.c.ages if ages else null(), path.c.currency)
        grouped = key if ages else (key[0], key[2])
        value = func.coalesce(func.sum(path.c.value_minor), 0)
        ends = [select(place.c[name]).scalar_subquery() for name in ("occurred_at", "id")]
        return select(*key, func.count(), value, *ends).group_by(*grouped).order_by(*grouped)

    def _null_paths(self, path_set_id: PathSetId, after: int) -> Select[Any]:
        row = frozen_nulls.c
        paths = select(row.placement_ids, row.journeys).where(
            row.tenant_id == self.session.tenant_id,
            row.path_set_id == path_set_id,
            row.position > after,
            row.position <= after + self.block,
        )
        return paths.order_by(row.position)


def _ages() -> ColumnElement[Any]:
    row = frozen_conversions.c
    path = func.unnest(row.touched_at).table_valued("at", with_ordinality="position", name="step")
    step = path.render_derived()
    age = cast(func.floor(func.extract("epoch", row.occurred_at - step.c.at)), BigInteger)
    listed = func.array_agg(age).aggregate_order_by(step.c.position)
    return (
        select(func.coalesce(listed, cast(array([]), ARRAY(BigInteger))))
        .correlate(frozen_conversions)
        .scalar_subquery()
    )


class FrozenConversions(OwnedRows[FrozenConversionRecord, None]):
    """The conversions of path sets. An id says nothing without its set: list them by the parent `path_set_id`."""

    table = frozen_conversions
    record = FrozenConversionRecord
    orders: ClassVar[Mapping[str, Order]] = {
        "OCCURRED_AT": by_column("OCCURRED_AT", frozen_conversions.c.occurred_at, datetime),
    }

    async def of_set(self, path_set_id: PathSetId, ids: Sequence[int]) -> list[ConversionPath | None]:
        """The path of each conversion, in the order of `ids`; None where the set has none of this id."""
        values = {"tenant_id": self.session.tenant_id, "path_set_id": path_set_id, "ids": list(set(ids))}
        records = await self.session.asked_records(self.select_of_set, (), values, ConversionPath)
        found = {record.id: record for record in records}
        return [found.get(EventId(row_id)) for row_id in ids]

    @classmethod
    def select_of_set(cls) -> Select[Any]:
        return select(*columns(frozen_conversions, ConversionPath)).where(
            cls.owned(TENANT),
            frozen_conversions.c.path_set_id == bindparam("path_set_id"),
            frozen_conversions.c.id == any_(IDS),
        )
