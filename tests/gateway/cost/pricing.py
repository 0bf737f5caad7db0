"""Prices of queries over schemas of a few lines."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, build_schema, parse
from prometheus_client import CollectorRegistry

from gateway.cost.model import CostModel
from gateway.cost.points import shown
from gateway.cost.prices import Price, Prices
from gateway.documents.documents import Document, Documents
from gateway.documents.limits import DocumentLimits, Structure
from ops.telemetry.metrics import DocumentMetrics
from schema.annotations import Annotations, read_annotations
from schema.directives import DIRECTIVES

LIMITS = DocumentLimits(tokens=10**6, aliases=10**5, fields=10**6, pairs=10**7, directives=10**5)


class Priced(msgspec.Struct, frozen=True):
    """A schema with what it costs, and prices of it."""

    schema: GraphQLSchema
    annotations: Annotations
    model: CostModel
    prices: Prices
    documents: Documents

    def document(self, query: str) -> Document:
        return self.documents.document(query, hide_suggestions=False)

    def price(self, query: str, variables: Mapping[str, Any] | None = None, operation: str | None = None) -> Price:
        document = self.document(query)
        return self.prices.price(document, document.operation(operation), variables or {})

    def cost(self, query: str, **variables: Any) -> int | float:
        """The static price in points."""
        return shown(self.price(query, variables).static)


def priced_schema(schema: GraphQLSchema, annotations: Annotations) -> Priced:
    model = CostModel(schema, annotations)
    documents = Documents(schema, LIMITS, DocumentMetrics(CollectorRegistry()))
    return Priced(schema, annotations, model, Prices(model), documents)


def priced(sdl: str) -> Priced:
    """An SDL that need not define the directives."""
    text = DIRECTIVES + sdl
    return priced_schema(build_schema(text), read_annotations(parse(text)))


def unvalidated(text: str, node: DocumentNode) -> Document:
    """A document of one operation that is known to be valid, to be priced; the text is what tells it from others."""
    operation = only_operation(node)
    raw = text.encode()
    return Document(
        hash=hashlib.sha256(raw).hexdigest(),
        text_bytes=len(raw),
        node=node,
        operations={operation.name.value if operation.name else None: operation},
        variables={},
        structure=Structure(tokens=0, depth=0, aliases=0, directives=0, introspects=False),
    )


def only_operation(document: DocumentNode) -> OperationDefinitionNode:
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return operation
