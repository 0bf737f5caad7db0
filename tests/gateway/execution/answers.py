"""What an executor answers, and when two answers are alike: when neither a client nor a bill could tell them apart."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSchema
from prometheus_client import CollectorRegistry

from gateway.cost.calibration.queries import GeneratedQuery
from gateway.cost.tally import Tally
from gateway.documents.documents import Documents
from gateway.errors import RequestRejected
from gateway.execution.executor import ContextT, Executor, Job
from ops.telemetry.metrics import DocumentMetrics
from tests.graph import ROOMY

TIMEOUT = "it takes too long"
Path = tuple[str | int, ...]


class Complaint(msgspec.Struct, frozen=True):
    """An error. `kind` is the exception that it came of."""

    path: Path | None
    message: str
    kind: str
    locations: Sequence[tuple[int, int]]
    extensions: Mapping[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """`data` is JSON, so that the order of keys counts. `counted` has objects, by their keys and type."""

    data: bytes
    errors: Sequence[Complaint] = ()
    counted: Mapping[tuple[str, ...], int] = {}
    rejected: str = ""
    """Why nothing was executed: a code."""

    def __str__(self) -> str:
        errors = "".join(f"\n    {error}" for error in self.errors)
        return f"  {self.rejected}{self.data.decode()}\n  {dict(self.counted)}{errors}"


def documents(schema: GraphQLSchema) -> Documents:
    """Documents of tests may be larger than those of clients."""
    return Documents(schema, ROOMY, DocumentMetrics(CollectorRegistry()))


async def answer(
    executor: Executor[ContextT],
    known: Documents,
    query: GeneratedQuery,
    context: ContextT,
    operation_name: str | None = None,
) -> Answer:
    """Raises RequestRejected for a document that is not valid."""
    document = known.document(query.text, hide_suggestions=False)
    tally = Tally()
    job = Job(document, operation_name, query.variables, hide_suggestions=False, tally=tally)
    try:
        execution = await executor.execute(job, context)
    except RequestRejected as error:
        return Answer(b"", [_complaint(one) for one in error.errors], {}, error.code)
    except TimeoutError:
        return Answer(b"", rejected=TIMEOUT)
    counted: Counter[tuple[str, ...]] = Counter()
    for one in tally:
        counted[*one.path, one.group[0]] += one.times
    return Answer(msgspec.json.encode(execution.data), [_complaint(one) for one in execution.errors], +counted)


def alike(one: Answer, other: Answer) -> bool:
    """Whether they are the same, but for what the order in which resolvers end decides.

    graphql-core lists errors in the order in which they happen. Where an error makes an object null, it stops what else
    is under way below there: whether a second field there has failed before, and how many objects there were begun,
    depends on the database. Any two errors at one place must be the same even so.
    """
    if (one.data, one.rejected) != (other.data, other.rejected):
        return False
    data = msgspec.json.decode(one.data) if one.data else None
    voids = _voids(data, one.errors)
    return (
        voids == _voids(data, other.errors)
        and _certain_errors(one, other, data)
        and _certain_counts(one, voids) == _certain_counts(other, voids)
    )


def _voids(data: Any, errors: Iterable[Complaint]) -> set[Path]:
    """The places that are null because of errors below them."""
    return {void for error in errors if (void := _void(data, error.path)) is not None}


def _void(data: Any, path: Path | None) -> Path | None:
    """Where the data is null because of an error further down at `path`; None where the place itself is there."""
    at = data
    for depth, key in enumerate(path or ()):
        if at is None:
            return (path or ())[:depth]
        at = at[key]
    return None


def _certain_errors(one: Answer, other: Answer, data: Any) -> bool:
    ours, theirs = _by_place(one.errors), _by_place(other.errors)
    for place in ours.keys() | theirs.keys():
        if ours.get(place) == theirs.get(place):
            continue
        # A second error below an object that is null may be missing; the same place never has two.
        if (place in ours and place in theirs) or _void(data, place) is None:
            return False
    return True


def _by_place(errors: Iterable[Complaint]) -> dict[Path | None, list[Complaint]]:
    found: dict[Path | None, list[Complaint]] = {}
    for error in errors:
        found.setdefault(error.path, []).append(error)
    return {place: sorted(these, key=repr) for place, these in found.items()}


def _certain_counts(found: Answer, voids: Iterable[Path]) -> Mapping[tuple[str, ...], int]:
    keys = [tuple(key for key in void if isinstance(key, str)) for void in voids]
    return {place: times for place, times in found.counted.items() if not any(place[: len(key)] == key for key in keys)}


def _complaint(error: GraphQLError) -> Complaint:
    return Complaint(
        path=tuple(error.path) if error.path is not None else None,
        message=error.message,
        kind=type(error.original_error).__name__,
        locations=[(location.line, location.column) for location in error.locations or ()],
        extensions=dict(error.extensions or {}),
    )
