"""`batched`: a field whose resolver sees all parents of one level at once.

    @batched(graphql_type=Episode, description="The episode that carries the placement.")
    @staticmethod
    async def episode(parents: Sequence[PlacementRecord], info: Info) -> list[EpisodeRecord]:
        return await info.context.loaders.by_id(Episodes).fetch([p.episode_id for p in parents])

The function returns one value for each parent, in their order. An executor that works level by level calls it once per
level. graphql-core asks parent by parent; there a dataloader of the operation collects the parents of one selection
and makes the same call.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import strawberry
from aiodataloader import DataLoader
from strawberry.types.fields.resolver import Signature

from schema.info import Info

BatchResolver = Callable[..., Awaitable[Sequence[Any]]]

BATCH_RESOLVER = "podgraph.batch_resolver"
"""Key of the batch resolver in a field's metadata, for executors that call it themselves."""


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
) -> Callable[[Any], Any]:
    """Turns `async (parents, info, **arguments) -> one value per parent` into a field of type `graphql_type`.

    `longest` is for a list outside a connection: so many objects at most. Whatever takes `first` needs none.
    """

    def field_of(declared: Any) -> Any:
        resolver: BatchResolver = declared.__func__ if isinstance(declared, staticmethod) else declared
        return strawberry.field(
            resolver=_one_by_one(resolver),
            graphql_type=graphql_type,
            description=description,
            deprecation_reason=deprecation_reason,
            metadata={BATCH_RESOLVER: resolver, LONGEST: longest},
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
        return strawberry.field(
            resolver=declared,
            graphql_type=graphql_type,
            description=description,
            deprecation_reason=deprecation_reason,
            metadata={LONGEST: longest},
        )

    return field_of


def _one_by_one(resolver: BatchResolver) -> Callable[..., Awaitable[Any]]:
    """The same resolver for one parent, through a dataloader that lives as long as the operation's context."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Awaitable[Any]:
        # One selection in the document means one set of arguments: its node identifies the batch. The type is named
        # too, because a selection on an interface stands for the fields of several types.
        selection = (info._raw_info.parent_type.name, id(info._raw_info.field_nodes[0]))
        loaders = info.context.batches
        loader = loaders.get(selection)
        if loader is None:

            async def load(parents: list[Any]) -> list[Any]:
                with info.context.under_way():
                    return list(await resolver(parents, info, **arguments))

            loader = loaders[selection] = DataLoader(load, cache=False)
        return loader.load(root)

    resolve.__name__ = resolver.__name__
    resolve.__module__ = resolver.__module__
    resolve.__doc__ = None
    signature = Signature.from_callable(resolver)
    parents, *others = signature.parameters.values()
    root = parents.replace(name="root", annotation=inspect.Parameter.empty)
    resolve.__signature__ = signature.replace(parameters=[root, *others])  # type: ignore[attr-defined]  # read by inspect.signature
    return resolve
