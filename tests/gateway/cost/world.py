"""A schema that answers anything at random, within the bounds that it declares, and a thousand ways to ask it."""

from collections.abc import Mapping
from random import Random
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLResolveInfo,
    NameNode,
    SelectionSetNode,
    is_abstract_type,
    is_leaf_type,
    parse,
    visit,
)
from graphql.language import Visitor

from gateway.cost.calibration.queries import GeneratedQuery
from schema.annotations import Annotations
from tests.gateway.cost.oracle import size_by

SDL = """
scalar Heavy @cost(weight: "0.25")
enum Kind @cost(weight: "0.125") { CAT DOG }
enum Grain { ALL DAY WEEK }
scalar Moment
input Span { from: Moment! until: Moment! }
input Filter {
  name: String @cost(weight: "0.5")
  ages: [Int!] @cost(weight: "0.01")
  and: [Filter!]
  not: Filter @cost(weight: "-0.7")
  limit: Int
}
type Query {
  pets(first: Int, last: Int, filter: Filter): PetConnection!
    @listSize(slicingArguments: ["first", "last"], sizedFields: ["edges", "nodes"], assumedSize: 5,
      requireOneSlicingArgument: false)
  nodes(ids: [ID!]! @cost(weight: "0.05")): [Named]! @listSize(slicingArguments: ["ids"])
  found(filter: Filter @cost(weight: "2")): [Found!]!
    @cost(weight: "3") @listSize(slicingArguments: ["filter.limit"], assumedSize: 3, requireOneSlicingArgument: false)
  pet(id: ID!): Pet @cost(weight: "0")
  grid(side: Int! = 2): [[Rock!]!]! @listSize(slicingArguments: ["side"])
  shop(first: Int! = 3): Shop @listSize(slicingArguments: ["first"], sizedFields: ["rocks"])
}
interface Named { id: ID! label(long: Boolean! = false): String }
interface Pet { id: ID! friend: Pet friends: [Pet!] series(by: Grain! = ALL): [Point!]! }
type Cat implements Pet & Named @cost(weight: "1.5") {
  id: ID!
  friend: Pet
  friends: [Pet!] @listSize(assumedSize: 2)
  label(long: Boolean! = false @cost(weight: "0.2")): String @cost(weight: "0.1")
  lives: Int @cost(weight: "0.3")
  kind: Kind!
  series(by: Grain! = ALL): [Point!]! @listSize(assumedSize: 6) @assumedSizeFor(argument: "by", value: "ALL", size: 1)
}
type Dog implements Pet & Named {
  id: ID!
  friend: Pet @cost(weight: "4")
  friends: [Pet!] @listSize(assumedSize: 3)
  label(long: Boolean! = false): String
  tricks: [Heavy!] @listSize(assumedSize: 4)
  series(by: Grain! = ALL, range: Span): [Point!]!
    @listSize(assumedSize: 5)
    @assumedSizeFor(argument: "by", value: "ALL", size: 1)
    @assumedSizeFor(argument: "by", value: "DAY", size: 4, range: "range", seconds: 86400, rangeSeconds: 172800)
}
type Rock @cost(weight: "0.5") {
  id: ID!
  weight: Float
  owners(first: Int! = 2): [Named!]! @listSize(slicingArguments: ["first"])
}
type Point @cost(weight: "0.1") { at: Heavy value: Float }
type Shop { rocks: [Rock] best: Rock name: String }
type PetConnection { edges: [PetEdge!]! nodes: [Pet]! total: Int @cost(weight: "1.25") }
type PetEdge { node: Pet cursor: String! }
union Found = Cat | Dog | Rock
"""


class World:
    """Resolvers: `failing` is how often a field raises, `full` how often a list is as long as it may be."""

    def __init__(self, annotations: Annotations, random: Random, *, failing: float, full: float) -> None:
        self._annotations = annotations
        self._random = random
        self._failing = failing
        self._full = full

    def resolve(self, source: Mapping[str, Any] | None, info: GraphQLResolveInfo[Any], **values: Any) -> Any:
        """The field resolver of every field."""
        if self._random.random() < self._failing:
            raise ValueError("as it happens")
        sized = (source or {}).get("sized", {}).get(info.field_name)
        annotated = self._annotations.list_sizes.get(f"{info.parent_type.name}.{info.field_name}")
        most = 1 if annotated is None else size_by(annotated, values)
        passed_on = dict.fromkeys(annotated.sized_fields, most) if annotated else {}
        return self._value(info, info.return_type, most if sized is None else sized, passed_on)

    def type_of(self, value: Any, _info: GraphQLResolveInfo[Any], _type: Any) -> str:
        return str(value["type"])

    def _value(self, info: GraphQLResolveInfo[Any], type_: Any, most: int, passed_on: Mapping[str, int]) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._value(info, type_.of_type, most, passed_on)
        if isinstance(type_, GraphQLList):
            length = most if self._random.random() < self._full else self._random.randint(0, most)
            return [self._value(info, type_.of_type, most, passed_on) for _ in range(length)]
        if is_leaf_type(type_):
            return {"Kind": "CAT", "Float": 1.5, "Int": 3}.get(type_.name, "x")
        types = info.schema.get_possible_types(type_) if is_abstract_type(type_) else [type_]
        return {"type": self._random.choice(types).name, "sized": passed_on}


class _Typed(Visitor):
    def leave_selection_set(self, node: SelectionSetNode, *_args: Any) -> SelectionSetNode:
        typename = FieldNode(
            alias=NameNode(value="__t"),
            name=NameNode(value="__typename"),
            arguments=(),
            directives=(),
            selection_set=None,
        )
        return SelectionSetNode(selections=(typename, *node.selections))


def typed(query: GeneratedQuery) -> DocumentNode:
    """The query asking for the type of every object, as `__t`."""
    typed_document: DocumentNode = visit(parse(query.text, no_location=True), _Typed())
    return typed_document
