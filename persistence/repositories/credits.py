"""Credits of finished runs as they are read: summed for each subject of a group, and compared between two runs.

Finished runs never change, so a subject's place by what it earned is a stable position for pages.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    any_,
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
from persistence.pages import Order, Rows, Slice, page
from persistence.records import CreditMoveRecord, CreditRecord
from persistence.repositories.owned import TENANT
from persistence.sessions import TenantSession
from persistence.statements import Build
from persistence.tables import credit_values, credits, episodes, placements

R = TypeVar("R", bound=msgspec.Struct)

GROUPS: Final = ("PLACEMENT", "LINE_ITEM", "CAMPAIGN", "EPISODE", "PODCAST")

_SUBJECTS: Final[Mapping[str, ColumnElement[int]]] = {
    "LINE_ITEM": placements.c.line_item_id,
    "CAMPAIGN": placements.c.campaign_id,
    "EPISODE": placements.c.episode_id,
    "PODCAST": episodes.c.podcast_id,
}

_RUN_IDS: Final[BindParameter[Sequence[int]]] = bindparam("run_ids", type_=ARRAY(BigInteger))
_AGAINST: Final[BindParameter[int]] = bindparam("against_id", type_=BigInteger())


class Credits:
    orders: ClassVar[Mapping[str, Order]] = {
        group: Order(group, column("position", Integer), attrgetter("position"), int, frozenset({"position"}))
        for group in GROUPS
    }
    """One for each group: a cursor of one is none of another."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session

    async def pages(self, run_ids: Sequence[RunId], part: Slice) -> list[Rows[CreditRecord]]:
        """Of each run in order: who earned most first; the slice's order is the group."""
        values = {"run_ids": list(set(run_ids)), **_places(part)}
        return await self._pages(_select_ranked, CreditRecord, values, run_ids, part)

    async def counts(self, run_ids: Sequence[RunId], group: str) -> list[int]:
        """How many subjects each run has, in order."""
        return await self._counts(_select_counts, group, {"run_ids": list(set(run_ids))}, run_ids)

    async def moves(self, run_ids: Sequence[RunId], against_id: RunId, part: Slice) -> list[Rows[CreditMoveRecord]]:
        """Of each run in order: the subjects whose credit is another one in `against_id`, what moved most first."""
        values = {"run_ids": list(set(run_ids)), "against_id": against_id, **_places(part)}
        return await self._pages(_select_moved, CreditMoveRecord, values, run_ids, part)

    async def move_counts(self, run_ids: Sequence[RunId], against_id: RunId, group: str) -> list[int]:
        """How many subjects moved, of each run in order."""
        values = {"run_ids": list(set(run_ids)), "against_id": against_id}
        return await self._counts(_select_move_counts, group, values, run_ids)

    async def values(self, keys: Sequence[tuple[RunId, int]], group: str) -> list[dict[str, Decimal]]:
        """Of each (run, subject) in order: the value it earned by currency, in minor units, sorted by currency."""
        distinct = list(dict.fromkeys(keys))
        values = {
            "tenant_id": self._session.tenant_id,
            "run_ids": list({run_id for run_id, _ in distinct}),
            "asked_runs": [run_id for run_id, _ in distinct],
            "asked_subjects": [subject for _, subject in distinct],
        }
        found: dict[tuple[int, int], dict[str, Decimal]] = {key: {} for key in keys}
        for run_id, subject, currency, value in await self._session.asked(_select_values, (group,), values):
            found[run_id, subject][currency] = value
        return [found[key] for key in keys]

    async def _pages(
        self, build: Build, record: type[R], values: dict[str, Any], run_ids: Sequence[RunId], part: Slice
    ) -> list[Rows[R]]:
        """The statement's first column is the run."""
        values["tenant_id"] = self._session.tenant_id
        found: dict[int, list[R]] = {run_id: [] for run_id in run_ids}
        for row in await self._session.asked(build, (part.order,), values):
            found[row[0]].append(record(*row))
        return [page(found[run_id], part.limit) for run_id in run_ids]

    async def _counts(self, build: Build, group: str, values: dict[str, Any], run_ids: Sequence[RunId]) -> list[int]:
        values["tenant_id"] = self._session.tenant_id
        found = dict[int, int]([(row[0], row[1]) for row in await self._session.asked(build, (group,), values)])
        return [found.get(run_id, 0) for run_id in run_ids]


def _places(part: Slice) -> dict[str, int]:
    """The positions between which a page lies, with one row more to tell whether others follow."""
    first = 0 if part.after is None else int(str(part.after[0]))
    return {"place_before": first, "place_last": first + part.limit + 1}


def _select_ranked(group: str) -> Select[Any]:
    return _within(_ranked(group).cte("ranked"))


def _select_moved(group: str) -> Select[Any]:
    return _within(_moved(group).cte("ranked"))


def _select_counts(group: str) -> Select[Any]:
    return _counted(_summed(_of_runs, group).cte("summed"))


def _select_move_counts(group: str) -> Select[Any]:
    return _counted(_moved(group).cte("moved"))


def _select_values(group: str) -> Select[Any]:
    summed = _summed_values(_of_runs, group).cte("summed")
    relation = func.unnest(
        bindparam("asked_runs", type_=ARRAY(BigInteger)), bindparam("asked_subjects", type_=ARRAY(BigInteger))
    ).table_valued("run_id", "subject", name="asked")
    asked = relation.render_derived()
    same = and_(asked.c.run_id == summed.c.run_id, asked.c.subject == summed.c.subject)
    return select(summed).select_from(summed.join(asked, same)).order_by(summed.c.currency)


def _ranked(group: str) -> Select[Any]:
    """The columns of CreditRecord."""
    summed = _summed(_of_runs, group).cte("summed")
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


def _moved(group: str) -> Select[Any]:
    """The columns of CreditMoveRecord."""
    runs = func.unnest(_RUN_IDS).table_valued("id", name="run").render_derived()
    after = _summed(_of_runs, group).cte("after")
    against = _summed(_of_other, group).cte("against")
    before = select(runs.c.id.label("run_id"), against.c.subject, against.c.conversions).select_from(
        runs.join(against, true())
    )
    joined = _compared(after, before.cte("before"), "conversions")
    values = _summed_values(_of_runs, group).cte("values_after")
    other = _summed_values(_of_other, group).cte("values_against")
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
        _AGAINST.label("against_id"),
        literal(group).label("group"),
        joined.c.subject.label("id"),
        func.row_number()
        .over(partition_by=joined.c.run_id, order_by=(size.desc(), joined.c.subject))
        .label("position"),
        joined.c.before,
        joined.c.after,
    ).select_from(joined.join(moved, and_(moved.c.run_id == joined.c.run_id, moved.c.subject == joined.c.subject)))


def _summed(of_runs: Callable[[ColumnElement[int]], ColumnElement[bool]], group: str) -> Select[Any]:
    """run_id, subject, conversions, weight."""
    own = (credits.c.tenant_id == TENANT, of_runs(credits.c.run_id))
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


def _summed_values(of_runs: Callable[[ColumnElement[int]], ColumnElement[bool]], group: str) -> Select[Any]:
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
        .where(credit_values.c.tenant_id == TENANT, of_runs(credit_values.c.run_id))
        .group_by(credit_values.c.run_id, subject, credit_values.c.currency)
    )


def _counted(of_subjects: FromClause) -> Select[Any]:
    return select(of_subjects.c.run_id, func.count()).group_by(of_subjects.c.run_id)


def _of_runs(run_id: ColumnElement[int]) -> ColumnElement[bool]:
    return run_id == any_(_RUN_IDS)


def _of_other(run_id: ColumnElement[int]) -> ColumnElement[bool]:
    return run_id == _AGAINST


def _within(ranked: FromClause) -> Select[Any]:
    before, last = (bindparam(name, type_=BigInteger()) for name in ("place_before", "place_last"))
    placed = (ranked.c.position > before, ranked.c.position <= last)
    return select(ranked).where(*placed).order_by(ranked.c.run_id, ranked.c.position)


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
