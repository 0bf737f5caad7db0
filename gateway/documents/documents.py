"""The cache of parsed and validated documents."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    validate,
)
from graphql.execution.values import VariableValues
from graphql.validation import MaxIntrospectionDepthRule

from gateway.documents.limits import DocumentLimits, Structure, structure
from gateway.documents.tokens import check_tokens
from gateway.documents.variables import DeclaredVariables
from gateway.errors import Code, RequestRejected, rejected
from ops.telemetry.metrics import DocumentMetrics
from resolvers.billing.plans import DocumentBounds

SPARE_BYTES: Final = 512
"""What an entry is taken to cost beside its text, so that a bound in bytes bounds the count too."""


class Document(msgspec.Struct, frozen=True):
    """A valid document. `hash` is the hexadecimal SHA-256 of its text, `text_bytes` how long that is."""

    hash: str
    text_bytes: int
    node: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    variables: Mapping[str | None, DeclaredVariables]
    structure: Structure

    def values(self, operation: OperationDefinitionNode, given: Mapping[str, Any]) -> VariableValues | None:
        """The coerced variables of one of its operations; None when they do not fit."""
        return self.variables[operation.name.value if operation.name else None].values(given)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of that name, or the only one; an empty name is no name."""
        if not name:
            if len(self.operations) == 1:
                return next(iter(self.operations.values()))
            message = "Must provide operation name if query contains multiple operations."
            raise rejected(Code.OPERATION_RESOLUTION_FAILURE, message)
        found = self.operations.get(name)
        if found is None:
            raise rejected(Code.OPERATION_RESOLUTION_FAILURE, f"Unknown operation named '{name}'.")
        return found


class Documents:
    """Valid documents by the hash of their text: least recently used out first, bounded by count and bytes of text.

    A syntax tree takes some hundred times its text in memory; `max_bytes` counts text. Rejected texts are not kept:
    they are the hostile ones, and a client mends them before it asks again.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: DocumentLimits,
        metrics: DocumentMetrics,
        *,
        max_entries: int = 2_000,
        max_bytes: int = 2 * 1024 * 1024,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._metrics = metrics
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, tuple[Document, int]] = OrderedDict()
        self._bytes = 0

    def document(self, text: str, *, hide_suggestions: bool, bounds: DocumentBounds | None = None) -> Document:
        """The document of a text, parsed and validated at most once while it stays cached.

        `hide_suggestions` leaves "Did you mean" out of messages: they spell the schema out to strangers. A text that
        is beyond `bounds` is not parsed for who has those; one that others had parsed may come back all the same, and
        `check_bounds` says so. Raises RequestRejected.
        """
        raw = _utf8(text)
        key = hashlib.sha256(raw).digest()
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            self._metrics.hits.amount += 1
            return entry[0]
        self._metrics.misses.amount += 1
        if len(raw) > self._limits.source_bytes:
            raise rejected(Code.TOO_MANY_TOKENS, f"The document is longer than {self._limits.source_bytes} bytes.")
        check_tokens(text, bounds or self._limits.bounds)
        document = self._parsed(text, key.hex(), len(raw), hide_suggestions=hide_suggestions)
        self._keep(key, document, len(raw) + SPARE_BYTES)
        return document

    def __len__(self) -> int:
        return len(self._entries)

    def _keep(self, key: bytes, document: Document, size: int) -> None:
        self._entries[key] = (document, size)
        self._bytes += size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            _, (_, freed) = self._entries.popitem(last=False)
            self._bytes -= freed
        self._metrics.entries.set(len(self._entries))

    def _parsed(self, text: str, digest: str, size: int, *, hide_suggestions: bool) -> Document:
        node = self._syntax_tree(text)
        found = structure(node, self._limits)
        if found.introspects and (deep := validate(self._schema, node, [MaxIntrospectionDepthRule])):
            raise RequestRejected(Code.INTROSPECTION_TOO_DEEP, deep[:1])
        errors = validate(self._schema, node, max_errors=self._limits.errors, hide_suggestions=hide_suggestions)
        if errors:
            raise RequestRejected(Code.GRAPHQL_VALIDATION_FAILED, errors)
        operations = {
            (d.name.value if d.name else None): d for d in node.definitions if isinstance(d, OperationDefinitionNode)
        }
        if not operations:
            raise rejected(Code.OPERATION_RESOLUTION_FAILURE, "The document contains no operation.")
        variables = {name: DeclaredVariables(self._schema, operation) for name, operation in operations.items()}
        return Document(
            hash=digest, text_bytes=size, node=node, operations=operations, variables=variables, structure=found
        )

    def _syntax_tree(self, text: str) -> DocumentNode:
        limits = self._limits
        try:
            return parse(text, max_tokens=limits.tokens)
        except GraphQLSyntaxError as error:
            raise RequestRejected(_parse_code(error.message, limits), [error]) from None


def _parse_code(message: str, limits: DocumentLimits) -> Code:
    """graphql-core has no other sign of its own limits than the message."""
    if f"more than {limits.tokens} tokens" in message:
        return Code.TOO_MANY_TOKENS
    return Code.DOCUMENT_TOO_DEEP if "nested too deeply" in message else Code.GRAPHQL_PARSE_FAILED


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        error = GraphQLError("The document contains an unpaired surrogate.")
        raise RequestRejected(Code.GRAPHQL_PARSE_FAILED, [error]) from None
