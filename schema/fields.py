"""`batched`: a field whose resolver sees all parents of one level at once.

    @batched(graphql_type=Episode, description="The episode that carries the placement.")
    @staticmethod
    async def episode(parents: Sequence[PlacementRecord], info: Info) -> list[EpisodeRecord]:
        return await info.context.loaders.by_id(Episodes).fetch([p.episode_id for p in parents])

The function returns one value for each parent, in their order. One that waits for nothing is no coroutine function. The
compiled executor calls it once per level. graphql-core asks parent by parent; there a dataloader of the operation
collects the parents of one selection and makes the same call.

`reads` names the attributes of the parents that the function reads. Statements then select no other columns than those
and the ones of the fields that a client selects. A function that does not say it is given whole records.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import strawberry
from aiodataloader import DataLoader
from strawberry.types.fields.resolver import Signature

from persistence.projections import Reads
from resolvers.answers import UNKNOWN
from resolvers.context import OperationOver
from schema.info import Info

BatchResolver = Callable[..., Awaitable[Sequence[Any]] | Sequence[Any]]
RootResolver = Callable[..., Any]

BATCH_RESOLVER = "podgraph.batch_resolver"
"""Key of the batch resolver in a field's metadata, for executors that call it themselves."""

READS = "podgraph.reads"
"""Key of what the batch resolver reads of its parents: names of attributes, or None for all."""

ROOT_RESOLVER = "podgraph.root_resolver"
"""Key of the resolver of a root field in its metadata."""

LONGEST = "podgraph.longest"
"""Key of a list's greatest length in a field's metadata: a number, a LongestBy or a PerItem."""


class LongestBy(msgspec.Struct, frozen=True):
    """The greatest length of a list by the value of an argument, an enumeration's.

    `spans` says for some of the values how many seconds of the range that the argument `range` gives there are for each
    object; `range_seconds` is that range where it is left out.
    """

    argument: str
    lengths: Mapping[str, int]
    spans: Mapping[str, int] = {}
    range: str = ""
    range_seconds: int = 0


class PerItem(msgspec.Struct, frozen=True):
    """One object for each item of an argument, in the list that the field is, or in these `fields` of what it returns.

    The argument is named as in the graph.
    """

    argument: str
    fields: tuple[str, ...] = ()


CURRENCIES = 180
"""The greatest length of a list with one amount for each currency: ISO 4217 has fewer with minor units."""


def batched(
    *,
    graphql_type: Any,
    description: str,
    deprecation_reason: str | None = None,
    longest: int | LongestBy | PerItem | None = None,
    reads: Sequence[str] | None = None,
) -> Callable[[Any], Any]:
    """Turns `(parents, info, **arguments) -> one value per parent` into a field of type `graphql_type`.

    `longest` is for a list outside a connection: so many objects at most. Whatever takes `first` needs none. `reads`
    are the attributes of a parent that the function reads; all, if it does not say.
    """
    read: Reads = None if reads is None else frozenset(reads)

    def field_of(declared: Any) -> Any:
        resolver: BatchResolver = _function(declared)
        return strawberry.field(
            resolver=_one_by_one(resolver),
            graphql_type=graphql_type,
            description=description,
            deprecation_reason=deprecation_reason,
            metadata={BATCH_RESOLVER: resolver, READS: read, LONGEST: longest},
        )

    return field_of


def root_field(
    *,
    graphql_type: Any,
    description: str,
    deprecation_reason: str | None = None,
    longest: int | PerItem | None = None,
) -> Callable[[Any], Any]:
    """A field of Query or Mutation: a static function whose values are records of `graphql_type`."""

    def field_of(declared: Any) -> Any:
        resolver: RootResolver = _function(declared)
        return strawberry.field(
            resolver=_once(resolver),
            graphql_type=graphql_type,
            description=description,
            deprecation_reason=deprecation_reason,
            metadata={ROOT_RESOLVER: resolver, LONGEST: longest},
        )

    return field_of


def _function(declared: Any) -> Any:
    return declared.__func__ if isinstance(declared, staticmethod) else declared


def _selected(info: Info) -> tuple[str, int]:
    # One selection in the document means one set of arguments: its node identifies the batch. The type is named too,
    # because a selection on an interface stands for the fields of several types.
    return info._raw_info.parent_type.name, id(info._raw_info.field_nodes[0])


def _once(resolver: RootResolver) -> RootResolver:
    """The same resolver, but for what the operation's answers know already."""

    def resolve(info: Info, **arguments: Any) -> Any:
        known = info.context.answers.of(_selected(info), None)
        return resolver(info, **arguments) if known is UNKNOWN else known

    async def resolve_later(info: Info, **arguments: Any) -> Any:
        known = info.context.answers.of(_selected(info), None)
        return await resolver(info, **arguments) if known is UNKNOWN else known

    same: RootResolver = resolve_later if inspect.iscoroutinefunction(resolver) else resolve
    return _as_declared(same, resolver, list(Signature.from_callable(resolver).parameters.values()))


def _one_by_one(resolver: BatchResolver) -> Callable[..., Any]:
    """The same resolver for one parent: at once, or through a dataloader that lives as long as the context."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        selection = _selected(info)
        known = info.context.answers.of(selection, root)
        if known is not UNKNOWN:
            return known
        if not inspect.iscoroutinefunction(resolver):
            [value] = cast(Sequence[Any], resolver([root], info, **arguments))
            return value
        loaders = info.context.batches
        loader = loaders.get(selection)
        if loader is None:

            async def load(parents: list[Any]) -> list[Any]:
                try:
                    with info.context.under_way():
                        return list(await cast(Awaitable[Sequence[Any]], resolver(parents, info, **arguments)))
                # The dataloader would leave those who wait for it waiting for ever.
                except asyncio.CancelledError:
                    raise OperationOver from None

            loader = loaders[selection] = DataLoader(load, cache=False)
        answer = loader.load(root)
        answer.add_done_callback(_seen)
        return answer

    parents, *others = Signature.from_callable(resolver).parameters.values()
    return _as_declared(resolve, resolver, [parents.replace(name="root", annotation=inspect.Parameter.empty), *others])


def _seen(answer: asyncio.Future[Any]) -> None:
    """Marks an error as seen: where the operation is over nobody waits for it, and asyncio would complain."""
    if not answer.cancelled():
        answer.exception()


def _as_declared(
    function: Callable[..., Any], declared: Callable[..., Any], parameters: Sequence[inspect.Parameter]
) -> Callable[..., Any]:
    """The function under the name of the declared one, with these parameters in its place."""
    function.__name__ = declared.__name__
    function.__module__ = declared.__module__
    function.__doc__ = None
    function.__wrapped__ = declared  # type: ignore[attr-defined]  # read by inspect.unwrap
    signature = Signature.from_callable(declared).replace(parameters=list(parameters))
    function.__signature__ = signature  # type: ignore[attr-defined]  # read by inspect.signature
    return function
