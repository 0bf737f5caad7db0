"""What documents cost by a schema, without a server."""

from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import (
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_ast_schema,
    get_variable_values,
    parse,
)
from prometheus_client import CollectorRegistry

from gateway.cost.dearest_list import advice
from gateway.cost.model import CostModel
from gateway.cost.points import Points, points
from gateway.cost.prices import Price, Prices
from gateway.cost.quotes.assumptions import assumptions
from gateway.documents.documents import Document, Documents
from gateway.documents.limits import DocumentLimits, Structure, check_bounds
from gateway.errors import Code, RequestRejected
from ops.telemetry.metrics import DocumentMetrics
from resolvers.billing.plans import Plan
from schema.annotations import AnnotationMistakes, Annotations, read_annotations
from schema.graph import Graph


class UnpricedSchema(Exception):
    """An SDL whose annotations do not price it; the message is one sentence."""


class Quote(msgspec.Struct, frozen=True):
    """What one operation of a document costs. `assumed` says in words which values its price rests on, unasked for."""

    name: str
    kind: str
    price: Price
    structure: Structure
    assumed: tuple[str, ...]

    @property
    def cost(self) -> Points:
        """Its static price."""
        return self.price.static

    def refusal(self, plan: Plan) -> str | None:
        """Why the plan does not allow it; None if it does."""
        try:
            check_bounds(self.structure, plan.bounds)
        except RequestRejected as error:
            return error.errors[0].message
        maximum = points(plan.max_query_cost)
        if self.cost <= maximum:
            return None
        said = f"It costs more than the {plan.max_query_cost:,} points that {plan.name} allows."
        return f"{said} {advice(self.price.dearest_list(maximum))}"


class PriceList:
    """A schema that knows what it costs. Documents are read as a server reads them."""

    def __init__(self, schema: GraphQLSchema, annotations: Annotations) -> None:
        self._schema = schema
        self._documents = Documents(schema, DocumentLimits(), DocumentMetrics(CollectorRegistry()))
        self._prices = Prices(CostModel(schema, annotations))

    def quotes(self, text: str, variables: Mapping[str, Mapping[str, Any]], unnamed: str) -> tuple[Quote, ...]:
        """One for each operation of the document; `variables` by the operation's name, or `unnamed` where it has none.

        Raises RequestRejected, also for variables that a server would refuse and names that the operation has not.
        """
        document = self._documents.document(text, hide_suggestions=False)
        return tuple(
            self._quote(document, operation, variables.get(name or unnamed, {}), name or unnamed)
            for name, operation in document.operations.items()
        )

    def quote(self, text: str, operation_name: str | None, variables: Mapping[str, Any]) -> Quote:
        """The named operation's, or the only one's. Raises RequestRejected, as `quotes` does."""
        document = self._documents.document(text, hide_suggestions=False)
        operation = document.operation(operation_name)
        return self._quote(document, operation, variables, operation.name.value if operation.name else "")

    def _quote(
        self, document: Document, operation: OperationDefinitionNode, given: Mapping[str, Any], name: str
    ) -> Quote:
        self._check(operation, given)
        guesses = assumptions(document.node, operation, given)
        values = {**given, **{guess.variable: guess.value for guess in guesses}}
        price = self._prices.price(document, operation, values)

        def matters(variable: str) -> bool:
            without = {key: value for key, value in values.items() if key != variable}
            return self._prices.price(document, operation, without).static != price.static

        return Quote(
            name=name,
            kind=operation.operation.value,
            price=price,
            structure=document.structure,
            assumed=tuple(guess.words for guess in guesses if matters(guess.variable)),
        )

    def _check(self, operation: OperationDefinitionNode, given: Mapping[str, Any]) -> None:
        definitions = {each.variable.name.value: each for each in operation.variable_definitions or ()}
        errors = [
            GraphQLError(f"The operation has no variable '${name}'.") for name in given if name not in definitions
        ]
        # Others have defaults, or are assumed.
        named = [definition for name, definition in definitions.items() if name in given]
        values = get_variable_values(self._schema, named, dict(given))
        if isinstance(values, list):
            errors += values
        if errors:
            raise RequestRejected(Code.BAD_USER_INPUT, errors)


def graph_prices(graph: Graph) -> PriceList:
    """Of the graph that this installation serves."""
    return PriceList(graph.schema, graph.annotations)


def sdl_prices(sdl: str, origin: str) -> PriceList:
    """Of a schema's text. Raises UnpricedSchema, which names the `origin`."""
    try:
        document = parse(sdl)
        annotations = read_annotations(document)
        return PriceList(build_ast_schema(document, assume_valid_sdl=True), annotations)
    except GraphQLSyntaxError as error:
        raise UnpricedSchema(f"{origin} is no SDL: {error.message}") from error
    except AnnotationMistakes as error:
        more = f" (and {len(error.mistakes) - 1} more)" if len(error.mistakes) > 1 else ""
        raise UnpricedSchema(f"{origin} does not say what it costs: {error.mistakes[0]}{more}.") from error


def complaints(error: RequestRejected, origin: str) -> list[str]:
    """A line for each error of a document, with its place in it: 'query.graphql:3:5: Cannot query field …'."""
    return [f"{origin}{_place(each)}: {each.message}" for each in error.errors]


def _place(error: GraphQLError) -> str:
    return f":{error.locations[0].line}:{error.locations[0].column}" if error.locations else ""
