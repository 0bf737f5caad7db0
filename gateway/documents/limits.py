"""Structural limits of a document: one bounded walk before validation, so that no text is dear to validate."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from graphql import (
    DocumentNode,
    ExecutableDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
)

from gateway.errors import Code, RequestRejected, rejected
from resolvers.billing.plans import DocumentBounds

NESTING_PER_DEPTH: Final = 4
"""Fragments that may enclose a field, for each level of depth allowed."""

INTROSPECTION_FIELDS: Final = frozenset({"__schema", "__type"})

LIMIT_OF_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        Code.REQUEST_TOO_LARGE: "body_bytes",
        Code.BATCH_TOO_LARGE: "batch_items",
        Code.VARIABLES_TOO_LARGE: "variables",
        Code.TOO_MANY_TOKENS: "tokens",
        Code.DOCUMENT_TOO_DEEP: "depth",
        Code.TOO_MANY_ALIASES: "aliases",
        Code.TOO_MANY_DIRECTIVES: "directives",
        Code.TOO_MANY_FIELDS: "fields",
        Code.INTROSPECTION_TOO_DEEP: "introspection_depth",
    }
)
"""Which structural limit a refusal with this code met; the label of `podgraph_structural_limits_total`."""


class DocumentLimits(msgspec.Struct, frozen=True):
    """Bounds of every document, whoever sends it; `check_bounds` adds those of a plan.

    `fields` counts those of a fragment once for each spread. `pairs` bounds the fields of one response path that
    validation must compare with each other (n fields of one path are n(n-1)/2 pairs): unbounded, 2.5 KB of text keep
    graphql-core busy for a second.
    """

    source_bytes: int = 256 * 1024
    tokens: int = 4_000
    depth: int = 24
    aliases: int = 100
    directives: int = 50
    fields: int = 10_000
    pairs: int = 10_000
    errors: int = 20

    @property
    def bounds(self) -> DocumentBounds:
        """What of them a plan bounds too."""
        return DocumentBounds(tokens=self.tokens, depth=self.depth, aliases=self.aliases, directives=self.directives)


class Structure(msgspec.Struct, frozen=True):
    """What the walk learned of a document that keeps its limits; aliases and directives count where they stand."""

    tokens: int
    depth: int
    aliases: int
    directives: int
    introspects: bool


def structure(document: DocumentNode, limits: DocumentLimits) -> Structure:
    """Walk every operation with its fragments spread out.

    Raises RequestRejected with the limit's own code; a cycle of fragments ends at the limit of depth. An unknown
    fragment is left for validation to report.
    """
    aliases, directives = _flat_counts(document, limits)
    walk = _Walk(document, limits)
    for definition in document.definitions:
        if isinstance(definition, ExecutableDefinitionNode):
            root = walk.path(None, str(id(definition)))
            walk.selections(definition.selection_set, root, 1, 0)
    return Structure(
        tokens=document.token_count,
        depth=walk.deepest,
        aliases=aliases,
        directives=directives,
        introspects=walk.introspects,
    )


def check_bounds(found: Structure, bounds: DocumentBounds) -> None:
    """Raises RequestRejected where a document is larger than a plan allows."""
    if (
        found.tokens <= bounds.tokens
        and found.depth <= bounds.depth
        and found.aliases <= bounds.aliases
        and found.directives <= bounds.directives
    ):
        return
    for number, most, code, words in (
        (found.tokens, bounds.tokens, Code.TOO_MANY_TOKENS, "tokens"),
        (found.depth, bounds.depth, Code.DOCUMENT_TOO_DEEP, "levels of depth"),
        (found.aliases, bounds.aliases, Code.TOO_MANY_ALIASES, "aliases"),
        (found.directives, bounds.directives, Code.TOO_MANY_DIRECTIVES, "directives"),
    ):
        if number > most:
            raise rejected(code, f"The document has {number:,} {words}; the plan allows {most:,}.")


def _flat_counts(document: DocumentNode, limits: DocumentLimits) -> tuple[int, int]:
    """How many aliases and how many directives are written."""
    aliases = directives = 0
    pending: list[Node] = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, FieldNode) and node.alias is not None:
            aliases += 1
        if isinstance(node, StringValueNode) and "\x00" in node.value:
            raise RequestRejected(Code.BAD_USER_INPUT, [GraphQLError("A string may not contain U+0000.", node)])
        for key in node.keys:
            child = getattr(node, key, None)
            if isinstance(child, Node):
                pending.append(child)
            elif isinstance(child, (list, tuple)):
                pending.extend(item for item in child if isinstance(item, Node))
                directives += len(child) if key == "directives" else 0
        if aliases > limits.aliases:
            raise _exceeded(Code.TOO_MANY_ALIASES, f"The document has more than {limits.aliases} aliases.", node)
        if directives > limits.directives:
            raise _exceeded(
                Code.TOO_MANY_DIRECTIVES, f"The document has more than {limits.directives} directives.", node
            )
    return aliases, directives


class _Walk:
    def __init__(self, document: DocumentNode, limits: DocumentLimits) -> None:
        self._limits = limits
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._paths: dict[tuple[int | None, str], int] = {}
        self._seen: list[int] = []
        self._pairs = 0
        self.fields = 0
        self.deepest = 0
        self.introspects = False

    def path(self, parent: int | None, key: str) -> int:
        """The number of a response path, counting how often it was seen."""
        number = self._paths.setdefault((parent, key), len(self._seen))
        if number == len(self._seen):
            self._seen.append(0)
        self._pairs += self._seen[number]
        self._seen[number] += 1
        return number

    def selections(self, selected: SelectionSetNode, parent: int, depth: int, nesting: int) -> None:
        """Count one selection set; `nesting` counts the fragments around it, which a cycle makes endless."""
        if depth > self._limits.depth or nesting > NESTING_PER_DEPTH * self._limits.depth:
            message = f"The document is more than {self._limits.depth} levels deep."
            raise _exceeded(Code.DOCUMENT_TOO_DEEP, message, selected)
        self.deepest = max(self.deepest, depth)
        for node in selected.selections:
            self.fields += 1
            if self.fields > self._limits.fields or self._pairs > self._limits.pairs:
                raise _exceeded(Code.TOO_MANY_FIELDS, "The document selects too many fields, or repeats them.", node)
            if isinstance(node, FieldNode):
                self.introspects = self.introspects or node.name.value in INTROSPECTION_FIELDS
                here = self.path(parent, (node.alias or node.name).value)
                if node.selection_set is not None:
                    self.selections(node.selection_set, here, depth + 1, nesting)
            elif isinstance(node, InlineFragmentNode):
                self.selections(node.selection_set, parent, depth, nesting + 1)
            elif isinstance(node, FragmentSpreadNode) and (spread := self._fragments.get(node.name.value)):
                self.selections(spread.selection_set, parent, depth, nesting + 1)


def _exceeded(code: Code, message: str, node: Node) -> RequestRejected:
    at = node if not isinstance(node, (DocumentNode, OperationDefinitionNode)) else None
    return RequestRejected(code, [GraphQLError(message, at)])
