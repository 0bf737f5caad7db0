"""Plain queries made rich: what generators of queries leave out, and clients write.

hypothesis-graphql chooses fields and arguments; here they get aliases, fragments in place and by name, fields that are
asked for in two places and merged, variables, @skip and @include, `__typename`, and introspection.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    is_required_argument,
    print_ast,
)

from gateway.cost.calibration.arguments import Arguments, Sizes, Values
from gateway.cost.calibration.queries import GeneratedQuery

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType

_SIZES: Final = Sizes(least=-1, largest=10_000)
_INTROSPECTION: Final = (
    "__typename",
    "q: __typename",
    "__schema { queryType { name } }",
    '__type(name: "Node") { kind possibleTypes { name } }',
)


def dressed(schema: GraphQLSchema, plain: DocumentNode, random: Random, values: Values) -> GeneratedQuery:
    """A valid query that asks for no less than `plain`, which has one operation, without variables.

    Most arguments are drawn anew from `values`; in one query of ten those of `plain` stay. Lists of which only the
    length or the like is asked for are asked for their objects too, so that most queries return rows.
    """
    return _Dressing(schema, random, values).query(plain)


class _Dressing:
    def __init__(self, schema: GraphQLSchema, random: Random, values: Values) -> None:
        self._schema = schema
        self._random = random
        self._arguments = Arguments(random, values)
        self._fragments: list[str] = []
        self._names = 0
        self._keep = random.random() < 0.1
        self._typenames = random.choice((0.0, 0.1, 1.0))
        self._rich = random.choice((0.0, 0.05, 0.2))

    def query(self, plain: DocumentNode) -> GeneratedQuery:
        [operation] = [one for one in plain.definitions if isinstance(one, OperationDefinitionNode)]
        root = self._schema.query_type
        assert root is not None
        written = self._selection(root, operation.selection_set)
        if self._chance(0.1):
            written = f"{{ {self._random.choice(_INTROSPECTION)} {written[1:]}"
        name = " Dressed" if self._chance(0.5) else ""
        parts = [f"query{name}{self._arguments.declarations} {written}", *self._fragments]
        self._random.shuffle(parts)
        return GeneratedQuery(text="\n".join(parts), variables=self._arguments.given)

    def _selection(self, parent: Composite, node: SelectionSetNode) -> str:
        parts = [part for one in node.selections for part in self._parts(parent, one)]
        parts += self._rows(parent, node)
        if not parts or self._chance(self._typenames):
            parts.append("__typename" if self._chance(0.7) else f"{self._fresh('t')}: __typename")
        if self._chance(self._rich):
            parts = self._wrapped(parent, parts)
        if self._chance(0.2):
            self._random.shuffle(parts)
        return f"{{ {' '.join(parts)} }}"

    def _rows(self, parent: Composite, node: SelectionSetNode) -> Sequence[str]:
        names = {one.name.value for one in node.selections if isinstance(one, FieldNode)}
        rows = None if isinstance(parent, GraphQLUnionType) else parent.fields.get("nodes")
        if rows is None or rows.args or names & {"nodes", "edges"} or self._chance(0.2):
            return ()
        of_type = get_named_type(rows.type)
        fields = {} if not isinstance(of_type, GraphQLObjectType | GraphQLInterfaceType) else of_type.fields
        plain = [name for name, one in fields.items() if not one.args and is_leaf_type(get_named_type(one.type))]
        some = self._random.sample(plain, min(len(plain), self._random.randint(1, 6)))
        return (f"nodes {{ {' '.join(some or ['__typename'])} }}",)

    def _parts(self, parent: Composite, node: Any) -> Sequence[str]:
        if isinstance(node, InlineFragmentNode):
            on = parent if node.type_condition is None else self._schema.type_map[node.type_condition.name.value]
            assert isinstance(on, Composite)
            if self._chance(self._rich):
                return [self._named(on, self._selection(on, node.selection_set))]
            return [f"... on {on.name}{self._directive()} {self._selection(on, node.selection_set)}"]
        assert isinstance(node, FieldNode)
        return self._field(parent, node)

    def _field(self, parent: Composite, node: FieldNode) -> Sequence[str]:
        name = node.name.value
        if name == "__typename":
            return ["__typename"]
        assert not isinstance(parent, GraphQLUnionType)
        field = parent.fields[name]
        head = self._call(f"{parent.name}.{name}", name, node, field.args)
        if head is None:
            return []
        # hypothesis-graphql gives aliases where fields of several types would not merge.
        if node.alias is not None:
            head = f"{node.alias.value}: {head}"
        elif self._chance(self._rich):
            head = f"{self._fresh('a')}: {head}"
        if node.selection_set is None:
            return [f"{head}{self._directive()}"]
        below = get_named_type(field.type)
        assert is_composite_type(below)
        if len(node.selection_set.selections) > 1 and self._chance(self._rich):
            return [f"{head}{self._directive()} {self._selection(below, half)}" for half in self._halves(node)]
        return [f"{head}{self._directive()} {self._selection(below, node.selection_set)}"]

    def _halves(self, node: FieldNode) -> Sequence[SelectionSetNode]:
        """Of a field that is asked for twice: both have something of their own, and something in common."""
        assert node.selection_set is not None
        selections = node.selection_set.selections
        cut = self._random.randrange(1, len(selections))
        # What both have must be the same in both; arguments are drawn for each, so that only plain fields can.
        plain = [
            one for one in selections if isinstance(one, FieldNode) and not one.arguments and not one.selection_set
        ]
        both = tuple(plain[:1])
        return [SelectionSetNode(selections=part) for part in ((*both, *selections[:cut]), (*selections[cut:], *both))]

    def _call(self, coordinate: str, name: str, node: FieldNode, declared: dict[str, Any]) -> str | None:
        """The name with its arguments; None where a required one has no value."""
        written = []
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        numbered = False
        for key, argument in declared.items():
            if self._keep and key in given:
                written.append(f"{key}: {print_ast(given[key])}")
                continue
            number = get_named_type(argument.type).name == "Int"
            if number and numbered and self._chance(0.95):  # first beside last is refused
                continue
            likely = 0.7 if number else 0.06 if key in {"after", "before"} else 0.12
            drawn = self._arguments.drawn(argument, f"{coordinate}({key}:)", likely=likely, sizes=_SIZES)
            if drawn is not None:
                numbered = numbered or number
                written.append(f"{key}: {drawn.text}")
            elif is_required_argument(argument):
                if key not in given:
                    return None
                written.append(f"{key}: {print_ast(given[key])}")
        return f"{name}({', '.join(written)})" if written else name

    def _wrapped(self, parent: Composite, parts: list[str]) -> list[str]:
        """Some of them within a fragment, which applies, or does so by a directive."""
        start = self._random.randrange(len(parts))
        end = self._random.randint(start + 1, len(parts))
        inside = f"{{ {' '.join(parts[start:end])} }}"
        kind = self._random.randrange(3)
        if kind == 0:
            wrapped = self._named(parent, inside)
        else:
            wrapped = f"...{f' on {parent.name}' if kind == 1 else ''}{self._directive()} {inside}"
        return [*parts[:start], wrapped, *parts[end:]]

    def _named(self, on: Composite, selection: str) -> str:
        name = self._fresh("F")
        self._fragments.append(f"fragment {name} on {on.name} {selection}")
        return f"...{name}{self._directive()}"

    def _directive(self) -> str:
        if not self._chance(self._rich / 2):
            return ""
        return f" @{self._random.choice(('skip', 'include'))}(if: {self._arguments.flag()})"

    def _fresh(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}x"

    def _chance(self, likely: float) -> bool:
        return self._random.random() < likely
