"""One run of a plan: level by level, a list of records in, a list of response maps out.

What a level's fields need is asked for before anything is built: calls that wait are begun together, in the same turn
of the event loop, so that loaders merge their keys; each one's objects are completed as soon as its values are there.
Last, generated code builds the level's response maps, whole, from the records and these columns.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec
from graphql.execution.values import VariableValues

from gateway.cost.tally import Tally
from gateway.execution.abandoned import Abandoned
from gateway.execution.plan import Attribute, Call, Choice, Column, Items, Leaves, Objects, Plan, Selection, Shape
from gateway.execution.profile import Profile
from persistence.projections import Reads, record_of
from resolvers.answers import Answers
from schema.info import Info

T = TypeVar("T")

_NONE: Final = type(None)
_LISTS: Final = frozenset({list, tuple})
_FEW: Final = 8
"""Records for which it does not pay to look whether some are the same."""

_ROOT: Final = (None,)


class CallInfo(Info):
    """What a call's resolver may ask: its context, and what will be read of what it returns.

    Whatever else Strawberry's Info knows, it does not: a resolver that asks is answered by the reference executor.
    """

    def __init__(self, context: Any, reads: Reads) -> None:
        self._context = context
        self._reads = reads

    @property
    def context(self) -> Any:
        return self._context

    @property
    def reads(self) -> Reads:
        return self._reads


class Run:
    """Runs a plan once. Raises Abandoned, or whatever a resolver raises, when the reference executor has to answer."""

    def __init__(
        self, plan: Plan, variables: VariableValues, context: Any, answers: Answers, profile: Profile | None = None
    ) -> None:
        self._plan = plan
        self._profile = profile
        self._variables = variables
        self._context = context
        self._answers = answers
        self._counts = [0] * len(plan.selections)

    async def data(self) -> msgspec.Struct:
        """The response map of the operation."""
        root = self._plan.root
        self._counts[root.index] = 1
        columns = await self._columns(root, _ROOT)
        [data] = root.build(_ROOT, *columns)
        return data

    def count_into(self, tally: Tally) -> None:
        """Counts the objects of which the fields were executed."""
        for selection, times in zip(self._plan.selections, self._counts, strict=True):
            if times:
                tally.count(selection.type_name, selection.nodes, selection.path, times)

    async def _columns(self, selection: Selection, records: Sequence[Any]) -> list[Any]:
        """The columns of a level, in their order, begun together."""
        columns = selection.columns
        waiting = [column for column in columns if column.waits]
        if not waiting:
            return [self._column(column, records) for column in columns]
        if len(waiting) == 1:
            return [
                await self._awaited(column, records) if column.waits else self._column(column, records)
                for column in columns
            ]
        tasks = [asyncio.create_task(self._awaited(column, records)) for column in waiting]
        try:
            ready = {column.key: self._column(column, records) for column in columns if not column.waits}
            done = await _together(tasks)
        except BaseException:
            await _cancelled(tasks)
            raise
        ready.update(zip((column.key for column in waiting), done, strict=True))
        return [ready[column.key] for column in columns]

    def _column(self, column: Column, records: Sequence[Any]) -> list[Any]:
        source = column.source
        values = _attributes(source, records) if isinstance(source, Attribute) else self._called(source, records)
        return self._completed(column.shape, values)

    async def _awaited(self, column: Column, records: Sequence[Any]) -> list[Any]:
        source = column.source
        values: Sequence[Any]
        if isinstance(source, Attribute):
            values = _attributes(source, records)
        elif source.waits:
            values = await self._called_later(source, records)
        else:
            values = self._called(source, records)
        if column.shape.waits:
            return await self._completed_later(column.shape, values)
        return self._completed(column.shape, values)

    def _called(self, call: Call, parents: Sequence[Any]) -> Sequence[Any]:
        """Of a resolver that waits for nothing, and so takes no time that a profile would show."""
        try:
            values = self._begun(call, parents)
        except Exception as error:
            self._failed(call, parents, error)
            raise
        return self._answered(call, parents, values)

    async def _called_later(self, call: Call, parents: Sequence[Any]) -> Sequence[Any]:
        profile = self._profile
        level = None if profile is None else profile.begin(call.coordinate, call.path, len(parents))
        try:
            values = await self._begun(call, parents)
        except Exception as error:
            self._failed(call, parents, error)
            raise
        if profile is not None and level is not None:
            profile.end(level)
        return self._answered(call, parents, values)

    def _begun(self, call: Call, parents: Sequence[Any]) -> Any:
        arguments = call.arguments.values(self._variables)
        self._answers.reads[call.type_name, id(call.nodes[0])] = call.reads
        info = CallInfo(self._context, call.reads)
        if parents is _ROOT:
            return call.resolver(info, **arguments)
        return call.resolver(parents, info, **arguments)

    def _answered(self, call: Call, parents: Sequence[Any], values: Any) -> Sequence[Any]:
        answered = [values] if parents is _ROOT else values
        if len(answered) != len(parents):
            raise Abandoned(f"{call.coordinate} did not answer each of its parents")
        self._answers.note((call.type_name, id(call.nodes[0])), parents, answered)
        return answered

    def _failed(self, call: Call, parents: Sequence[Any], error: Exception) -> None:
        self._answers.note((call.type_name, id(call.nodes[0])), parents, error)

    def _completed(self, shape: Shape, values: Sequence[Any]) -> list[Any]:
        """The values as the response has them, of a shape that waits for nothing."""
        if isinstance(shape, Leaves):
            complete = shape.leaf.complete
            return [complete(value) for value in values]
        flat, restored = _flat(shape, values)
        if isinstance(shape, Items):
            return restored(self._completed(shape.item, flat))
        if isinstance(shape.target, Choice):
            return restored(_merged(shape.target, flat, self._built))
        return restored(self._built(shape.target, flat))

    async def _completed_later(self, shape: Shape, values: Sequence[Any]) -> list[Any]:
        if isinstance(shape, Leaves):
            return self._completed(shape, values)
        flat, restored = _flat(shape, values)
        if isinstance(shape, Items):
            return restored(await self._completed_later(shape.item, flat))
        if isinstance(shape.target, Choice):
            return restored(await self._chosen_later(shape.target, flat))
        return restored(await self._built_later(shape.target, flat))

    def _built(self, selection: Selection, records: Sequence[Any]) -> list[msgspec.Struct]:
        if not records:
            return []
        self._counts[selection.index] += len(records)
        _check(selection, records)
        if selection.repeats and len(records) > _FEW:
            distinct = {id(record): record for record in records}
            if len(distinct) < len(records):
                built = dict(zip(distinct, selection.build(distinct.values()), strict=True))
                return [built[id(record)] for record in records]
        return selection.build(records, *[self._column(column, records) for column in selection.columns])

    async def _built_later(self, selection: Selection, records: Sequence[Any]) -> list[msgspec.Struct]:
        if not records:
            return []
        self._counts[selection.index] += len(records)
        _check(selection, records)
        return selection.build(records, *await self._columns(selection, records))

    async def _chosen_later(self, choice: Choice, records: Sequence[Any]) -> list[msgspec.Struct]:
        groups = _groups(choice, records)
        if not groups:
            return []
        if len(groups) == 1:
            return [*await self._built_later(groups[0][0], records)]
        tasks = [asyncio.create_task(self._built_later(selection, group)) for selection, group, _ in groups]
        try:
            built = await _together(tasks)
        except BaseException:
            await _cancelled(tasks)
            raise
        return _in_order(groups, built, len(records))


Restored = Callable[[list[Any]], list[Any]]
Group = tuple[Selection, list[Any], list[int]]


def _attributes(source: Attribute, records: Sequence[Any]) -> list[Any]:
    return list(map(attrgetter(source.name), records))


def _flat(shape: Objects | Items, values: Sequence[Any]) -> tuple[Sequence[Any], Restored]:
    """The values without nulls, those of lists in one, and what puts completed ones back in their places."""
    types = set(map(type, values))
    if _NONE in types:
        if not shape.nullable:
            raise Abandoned("null where it is not allowed")
        present = [value for value in values if value is not None]
        flat, restored = _flat(shape, present)
        return flat, lambda completed: _with_nulls(values, restored(completed))
    if isinstance(shape, Objects):
        return values, _same
    if not types <= _LISTS:
        raise Abandoned("a list that is none")
    if len(values) == 1:
        return values[0], _alone
    return list(chain.from_iterable(values)), lambda completed: _split(values, completed)


def _same(completed: list[Any]) -> list[Any]:
    return completed


def _alone(completed: list[Any]) -> list[Any]:
    return [completed]


def _with_nulls(values: Sequence[Any], completed: list[Any]) -> list[Any]:
    each = iter(completed)
    return [None if value is None else next(each) for value in values]


def _split(lists: Sequence[Sequence[Any]], completed: list[Any]) -> list[Any]:
    each = iter(completed)
    return [list(islice(each, len(one))) for one in lists]


def _check(selection: Selection, records: Iterable[Any]) -> None:
    """Raises Abandoned for values that are not of the selection's type."""
    record, is_type_of = selection.record, selection.is_type_of
    if is_type_of is None and record is not None:
        for found in set(map(type, records)):
            if not issubclass(record_of(found), record):
                raise Abandoned(f"{found.__name__} is no {selection.type_name}")
    elif is_type_of is not None and not all(is_type_of(value, None) for value in records):
        raise Abandoned(f"a value is no {selection.type_name}")


def _groups(choice: Choice, records: Sequence[Any]) -> list[Group]:
    """The records by their concrete type, and where they were."""
    groups: dict[int, Group] = {}
    for place, value in enumerate(records):
        selection = _chosen(choice, value)
        _, group, places = groups.setdefault(selection.index, (selection, [], []))
        group.append(value)
        places.append(place)
    return list(groups.values())


def _chosen(choice: Choice, value: Any) -> Selection:
    for selection in choice.selections:
        record, is_type_of = selection.record, selection.is_type_of
        if is_type_of is not None:
            if is_type_of(value, None):
                return selection
        elif record is not None and issubclass(record_of(type(value)), record):
            return selection
    raise Abandoned("a value is of no type of its interface or union")


def _merged(
    choice: Choice, records: Sequence[Any], built: Callable[[Selection, Sequence[Any]], list[Any]]
) -> list[Any]:
    groups = _groups(choice, records)
    return _in_order(groups, [built(selection, group) for selection, group, _ in groups], len(records))


def _in_order(groups: Sequence[Group], built: Sequence[list[Any]], count: int) -> list[Any]:
    merged: list[Any] = [None] * count
    for (_, _, places), maps in zip(groups, built, strict=True):
        for place, one in zip(places, maps, strict=True):
            merged[place] = one
    return merged


async def _together(tasks: Sequence[asyncio.Task[T]]) -> list[T]:
    """The results, in order; raises as soon as one task fails."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
    return [task.result() for task in tasks]


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
