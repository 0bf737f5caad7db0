"""One query, two executors: what differs."""

from collections.abc import Callable, Sequence
from typing import Generic

from graphql import GraphQLSchema

from gateway.cost.calibration.queries import GeneratedQuery
from gateway.errors import RequestRejected
from gateway.execution.executor import ContextT
from tests.gateway.execution.answers import TIMEOUT, Answer, alike, answer, documents
from tests.gateway.execution.executors import Subject
from tests.gateway.execution.reach import note_values
from tests.gateway.execution.shrinking import smallest


class Differential(Generic[ContextT]):
    """Asks both executors, each in a fresh context, and counts what came of it.

    The schemas are the same one, built twice: nothing that the one keeps helps the other.
    """

    def __init__(
        self,
        build: Callable[[], GraphQLSchema],
        reference: Callable[[GraphQLSchema], Subject[ContextT]],
        compiled: Callable[[GraphQLSchema], Subject[ContextT]],
    ) -> None:
        self.reference_schema, self.compiled_schema = build(), build()
        self._reference, self._compiled = reference(self.reference_schema), compiled(self.compiled_schema)
        self._documents = documents(self.reference_schema), documents(self.compiled_schema)
        self._seen: set[str] = set()
        self._noted: set[str] = set()
        note_values(self.reference_schema, self._noted)
        self.asked = 0
        """Different queries that both answered alike."""
        self.invalid = 0
        """Queries that the generator got wrong: they are asked of nobody."""
        self.flawless = 0
        """Of those asked, the ones that were answered without errors."""
        self.compiled = 0
        """Of those asked, the ones that the compiled executor answered by itself."""
        self.objects = 0
        self.with_rows = 0
        """Of those asked, the ones that found something: more than the root and pages without rows."""
        self.compared: set[str] = set()
        """Fields of which the compiled executor has given a value by itself."""

    async def ask(self, query: GeneratedQuery, context: Callable[[], ContextT]) -> None:
        """Fails when the answers differ, with the smallest query for which they do."""
        if (key := repr((query, context))) in self._seen:
            return
        self._seen.add(key)
        self._noted.clear()
        before = self._compiled.fallback.jobs
        try:
            expected, *found = await self._answers(query, context)
        except RequestRejected:
            self.invalid += 1
            return
        if not all(alike(expected, one) for one in found):
            await self._fail(query, context)
        assert expected.rejected != TIMEOUT, query
        by_itself = self._compiled.fallback.jobs == before
        self.asked += 1
        self.flawless += not expected.errors
        self.compiled += by_itself
        self.compared |= self._noted if by_itself else set()
        self.objects += sum(expected.counted.values())
        self.with_rows += any(_is_row(place) for place in expected.counted)

    def __str__(self) -> str:
        return (
            f"{self.asked:,} queries with {self.objects:,} objects: {self.with_rows:,} return rows, "
            f"{self.flawless:,} are without errors, "
            f"{self.compiled:,} compiled, {len(self.compared)} fields compared; {self.invalid} invalid"
        )

    async def _answers(self, query: GeneratedQuery, context: Callable[[], ContextT]) -> list[Answer]:
        """The reference's, the compiled executor's, and of every fourth query what the same plan gives once more."""
        ours, theirs = self._documents
        times = 1 if self.asked % 4 else 2
        found = [await answer(self._compiled.executor, theirs, query, context()) for _ in range(times)]
        return [await answer(self._reference.executor, ours, query, context()), *found]

    async def _fail(self, query: GeneratedQuery, context: Callable[[], ContextT]) -> None:
        async def differs(smaller: GeneratedQuery) -> bool:
            try:
                expected, *found = await self._answers(smaller, context)
            except RequestRejected:
                return False
            return not all(alike(expected, one) for one in found)

        least = await smallest(self.reference_schema, query, differs)
        answers = "\n".join(map(str, await self._answers(least, context)))
        raise AssertionError(f"{least.text}\nvariables: {dict(least.variables)}\n{answers}")


def _is_row(place: Sequence[str]) -> bool:
    *path, type_name = place
    return bool(path) and not type_name.endswith(("Connection", "PageInfo"))
