"""Credits of finished runs as they are read: summed for each subject of a group, and compared between two runs.

Finished runs never change, so a subject's place by what it earned is a stable position for pages.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    column,
    func,
    literal,
    null,
    select,
    true,
    union,
)

from persistence.ids import RunId
from persistence.pages import Order, Rows, Slice, page, parents
from persistence.records import CreditMoveRecord, CreditRecord
from persistence.sessions import TenantSession
from persistence.tables import credit_values, credits, episodes, placements

GROUPS: Final = ("PLACEMENT", "LINE_ITEM", "CAMPAIGN", "EPISODE", "PODCAST")

_SUBJECTS: Final[Mapping[str, ColumnElement[int]]] = {
    "LINE_ITEM": placements.c.line_item_id,
    "CAMPAIGN": placements.c.campaign_id,
    "EPISODE": placements.c.episode_id,
    "PODCAST": episodes.c.podcast_id,
}


def _position(record: CreditRecord | CreditMoveRecord) -> int:
    return record.position


class Credits:
    orders: ClassVar[Mapping[str, Order]] = {
        group: Order(group, column("position", Integer), _position, int) for group in GROUPS
    }
    """One for each group: a cursor of one is none of another."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    async def pages(self, run_ids: Sequence[RunId], part: Slice) -> list[Rows[CreditRecord]]:
        """Of each run in order: who earned most first; the slice's order is the group."""
        ranked = self._ranked(set(run_ids), part.order).cte("ranked")
        statement = select(ranked).where(*_within(ranked, part)).order_by(ranked.c.run_id, ranked.c.position)
        found: dict[int, list[CreditRecord]] = {run_id: [] for run_id in run_ids}
        for record in await self._session.records(statement, CreditRecord):
            found[record.run_id].append(record)
        return [page(found[run_id], part.limit) for run_id in run_ids]

    async def counts(self, run_ids: Sequence[RunId], group: str) -> list[int]:
        """How many subjects each run has, in order."""
        summed = self._summed(set(run_ids), group).cte("summed")
        statement = select(summed.c.run_id, func.count()).group_by(summed.c.run_id)
        found = dict[int, int]([(row[0], row[1]) for row in await self._session.rows(statement)])
        return [found.get(run_id, 0) for run_id in run_ids]

    async def moves(self, run_ids: Sequence[RunId], against_id: RunId, part: Slice) -> list[Rows[CreditMoveRecord]]:
        """Of each run in order: the subjects whose credit is another one in `against_id`, what moved most first."""
        ranked = self._moved(run_ids, against_id, part.order).cte("ranked")
        statement = select(ranked).where(*_within(ranked, part)).order_by(ranked.c.run_id, ranked.c.position)
        found: dict[int, list[CreditMoveRecord]] = {run_id: [] for run_id in run_ids}
        for record in await self._session.records(statement, CreditMoveRecord):
            found[record.run_id].append(record)
        return [page(found[run_id], part.limit) for run_id in run_ids]

    async def move_counts(self, run_ids: Sequence[RunId], against_id: RunId, group: str) -> list[int]:
        """How many subjects moved, of each run in order."""
        moved = self._moved(run_ids, against_id, group).cte("moved")
        statement = select(moved.c.run_id, func.count()).group_by(moved.c.run_id)
        found = dict[int, int]([(row[0], row[1]) for row in await self._session.rows(statement)])
        return [found.get(run_id, 0) for run_id in run_ids]

    async def values(self, keys: Sequence[tuple[RunId, int]], group: str) -> list[dict[str, Decimal]]:
        """Of each (run, subject) in order: the value it earned by currency, in minor units, sorted by currency."""
        summed = self._summed_values({run_id for run_id, _ in keys}, group).cte("summed")
        asked = _pairs(keys)
        statement = (
            select(summed)
            .select_from(
                summed.join(asked, and_(asked.c.run_id == summed.c.run_id, asked.c.subject == summed.c.subject))
            )
            .order_by(summed.c.currency)
        )
        found: dict[tuple[int, int], dict[str, Decimal]] = {key: {} for key in keys}
        for run_id, subject, currency, value in await self._session.rows(statement):
            found[run_id, subject][currency] = value
        return [found[key] for key in keys]

    def _ranked(self, run_ids: set[RunId], group: str) -> Select[Any]:
        """The columns of CreditRecord."""
        summed = self._summed(run_ids, group).cte("summed")
        whole = func.sum(summed.c.conversions).over(partition_by=summed.c.run_id)
        return select(
            summed.c.run_id,
            literal(group).label("group"),
            summed.c.subject.label("id"),
            func.row_number()
            .over(partition_by=summed.c.run_id, order_by=(summed.c.conversions.desc(), summed.c.subject))
            .label("position"),
            summed.c.conversions,
            func.round(summed.c.conversions / func.nullif(whole, 0), 12).label("share"),
            summed.c.weight,
        )

    def _moved(self, run_ids: Sequence[RunId], against_id: RunId, group: str) -> Select[Any]:
        """The columns of CreditMoveRecord."""
        runs = parents(list(dict.fromkeys(run_ids)))
        after = self._summed(set(run_ids), group).cte("after")
        against = self._summed({against_id}, group).cte("against")
        before = select(runs.c.id.label("run_id"), against.c.subject, against.c.conversions).select_from(
            runs.join(against, true())
        )
        joined = _compared(after, before.cte("before"), "conversions")
        values = self._summed_values(set(run_ids), group).cte("values_after")
        other = self._summed_values({against_id}, group).cte("values_against")
        values_before = select(runs.c.id.label("run_id"), other.c.subject, other.c.currency, other.c.value).select_from(
            runs.join(other, true())
        )
        changed = _compared(values, values_before.cte("values_before"), "value", "currency")
        moved_values = select(changed.c.run_id, changed.c.subject).where(changed.c.before != changed.c.after)
        moved_counts = select(joined.c.run_id, joined.c.subject).where(joined.c.before != joined.c.after)
        moved = union(moved_counts, moved_values).cte("moved_subjects")
        size = func.abs(joined.c.after - joined.c.before)
        return select(
            joined.c.run_id,
            literal(against_id, BigInteger).label("against_id"),
            literal(group).label("group"),
            joined.c.subject.label("id"),
            func.row_number()
            .over(partition_by=joined.c.run_id, order_by=(size.desc(), joined.c.subject))
            .label("position"),
            joined.c.before,
            joined.c.after,
        ).select_from(joined.join(moved, and_(moved.c.run_id == joined.c.run_id, moved.c.subject == joined.c.subject)))

    def _summed(self, run_ids: set[RunId], group: str) -> Select[Any]:
        """run_id, subject, conversions, weight."""
        own = (credits.c.tenant_id == self._session.tenant_id, credits.c.run_id.in_(run_ids))
        if group == "PLACEMENT":
            return select(
                credits.c.run_id, credits.c.placement_id.label("subject"), credits.c.conversions, credits.c.weight
            ).where(*own)
        subject = _SUBJECTS[group]
        return (
            select(
                credits.c.run_id,
                subject.label("subject"),
                func.sum(credits.c.conversions).label("conversions"),
                null().label("weight"),
            )
            .select_from(_with_placements(credits, group))
            .where(*own)
            .group_by(credits.c.run_id, subject)
        )

    def _summed_values(self, run_ids: set[RunId], group: str) -> Select[Any]:
        """run_id, subject, currency, value."""
        subject = _SUBJECTS.get(group, credit_values.c.placement_id)
        return (
            select(
                credit_values.c.run_id,
                subject.label("subject"),
                credit_values.c.currency,
                func.sum(credit_values.c.value).label("value"),
            )
            .select_from(credit_values if group == "PLACEMENT" else _with_placements(credit_values, group))
            .where(credit_values.c.tenant_id == self._session.tenant_id, credit_values.c.run_id.in_(run_ids))
            .group_by(credit_values.c.run_id, subject, credit_values.c.currency)
        )


def _with_placements(table: Any, group: str) -> FromClause:
    joined = table.join(
        placements, and_(placements.c.tenant_id == table.c.tenant_id, placements.c.id == table.c.placement_id)
    )
    if group == "PODCAST":
        of_placement = and_(episodes.c.tenant_id == placements.c.tenant_id, episodes.c.id == placements.c.episode_id)
        joined = joined.join(episodes, of_placement)
    found: FromClause = joined
    return found


def _compared(after: FromClause, before: FromClause, amount: str, *key: str) -> FromClause:
    """run_id, subject, the further columns of the key, and the amount before and after, 0 where there is none."""
    names = ("run_id", "subject", *key)
    same = and_(*(after.c[name] == before.c[name] for name in names))
    return (
        select(
            *(func.coalesce(after.c[name], before.c[name]).label(name) for name in names),
            func.coalesce(before.c[amount], 0).label("before"),
            func.coalesce(after.c[amount], 0).label("after"),
        )
        .select_from(after.join(before, same, full=True))
        .cte(f"compared_{amount}")
    )


def _pairs(keys: Sequence[tuple[RunId, int]]) -> FromClause:
    distinct = list(dict.fromkeys(keys))
    relation = func.unnest(
        bindparam("run_ids", [run_id for run_id, _ in distinct], type_=ARRAY(BigInteger)),
        bindparam("subjects", [subject for _, subject in distinct], type_=ARRAY(BigInteger)),
    ).table_valued("run_id", "subject", name="asked")
    return relation.render_derived()


def _within(ranked: FromClause, part: Slice) -> list[ColumnElement[bool]]:
    first = 0 if part.after is None else int(str(part.after[0]))
    return [ranked.c.position > first, ranked.c.position <= first + part.limit + 1]
