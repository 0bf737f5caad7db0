"""What the graph costs, as its SDL says: `@cost` and `@listSize` read and checked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from graphql import (
    ConstDirectiveNode,
    DirectiveDefinitionNode,
    DocumentNode,
    FieldDefinitionNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    NullValueNode,
    build_ast_schema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    parse,
    print_ast,
    value_from_ast_untyped,
)
from graphql.validation.validate import validate_sdl

from schema.directives import ASSUMED_SIZE_FOR, COST, DIRECTIVES, LIST_SIZE, AssumedSizeFor, ListSize

LARGEST_WEIGHT: Final = Decimal(1_000_000)
"""Points: what is dearer is a slip of the keyboard."""

LARGEST_SIZE: Final = 1_000_000
"""Values of a list: what is longer is no bound."""


class Annotations(msgspec.Struct, frozen=True):
    """By schema coordinate; weights are points with at most three decimals. What is not there has its default.

    `arguments` holds those of directives too, as "@approx(tolerance:)".
    """

    types: Mapping[str, Decimal]
    fields: Mapping[str, Decimal]
    arguments: Mapping[str, Decimal]
    input_fields: Mapping[str, Decimal]
    list_sizes: Mapping[str, ListSize]


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with the annotations at one coordinate; it may be empty when the SDL as a whole is at fault."""

    coordinate: str
    message: str

    def __str__(self) -> str:
        return f"{self.coordinate}: {self.message}" if self.coordinate else self.message


class AnnotationMistakes(Exception):
    """All that is wrong with the annotations of an SDL."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(["The annotations of the graph are wrong.", *map(str, mistakes)]))
        self.mistakes = tuple(mistakes)


def read_annotations(document: DocumentNode) -> Annotations:
    """The annotations of an SDL. Raises AnnotationMistakes with every mistake in it."""
    found = _Reader(document)
    if found.mistakes:
        raise AnnotationMistakes(found.mistakes)
    return Annotations(found.types, found.fields, found.arguments, found.input_fields, found.list_sizes)


class _Reader:
    def __init__(self, document: DocumentNode) -> None:
        self.types: dict[str, Decimal] = {}
        self.fields: dict[str, Decimal] = {}
        self.arguments: dict[str, Decimal] = {}
        self.input_fields: dict[str, Decimal] = {}
        self.list_sizes: dict[str, ListSize] = {}
        self.mistakes: list[Mistake] = []
        self._misplaced(document)
        self._redefined(document)
        for error in validate_sdl(document):
            # What is misplaced is told above, with its coordinate.
            nodes = error.nodes or ()
            if not (nodes and isinstance(nodes[0], ConstDirectiveNode) and "may not be used on" in error.message):
                self.mistakes.append(Mistake("", error.message))
        if not self.mistakes:
            self._read(build_ast_schema(document, assume_valid_sdl=True))

    def _refuse(self, coordinate: str, message: str) -> None:
        self.mistakes.append(Mistake(coordinate, message))

    def _misplaced(self, document: DocumentNode) -> None:
        """Directives on definitions that cannot have them."""
        locations = {
            "object_type": {COST},
            "scalar_type": {COST},
            "enum_type": {COST},
        }
        for definition in document.definitions:
            kind = definition.kind.removesuffix("_definition").removesuffix("_extension")
            name = getattr(getattr(definition, "name", None), "value", kind)
            allowed = locations.get(kind, set())
            for directive in _ours(definition):
                if directive.name.value not in allowed:
                    where = kind.removesuffix("_type").replace("_", " ")
                    self._refuse(name, f"@{directive.name.value} has no meaning on a definition of {where}")
            for member in getattr(definition, "values", None) or ():
                for directive in _ours(member):
                    self._refuse(f"{name}.{member.name.value}", f"@{directive.name.value} has no meaning on a value")
            for field in getattr(definition, "fields", None) or ():
                if not isinstance(field, FieldDefinitionNode):
                    self._only_cost(f"{name}.{field.name.value}", field)
                    continue
                for argument in field.arguments or ():
                    self._only_cost(f"{name}.{field.name.value}({argument.name.value}:)", argument)

    def _only_cost(self, coordinate: str, node: Any) -> None:
        for directive in _ours(node):
            if directive.name.value != COST:
                self._refuse(coordinate, f"@{directive.name.value} has a meaning on fields alone")

    def _redefined(self, document: DocumentNode) -> None:
        """Definitions of the directives that are not the specification's, descriptions apart."""
        expected = _signatures(parse(DIRECTIVES))
        for name, signature in _signatures(document).items():
            if name in expected and signature != expected[name]:
                self._refuse(f"@{name}", f"is not defined as it should be: {expected[name]}")

    def _read(self, schema: GraphQLSchema) -> None:
        for name, type_ in schema.type_map.items():
            if name.startswith("__"):
                continue
            if isinstance(type_, GraphQLObjectType | GraphQLScalarType | GraphQLEnumType):
                self._weigh(self.types, name, _nodes(type_), least=Decimal(0))
            if isinstance(type_, GraphQLInputObjectType):
                for field_name, input_field in type_.fields.items():
                    self._weigh(self.input_fields, f"{name}.{field_name}", [input_field.ast_node])
            if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
                for field_name, field in type_.fields.items():
                    self._read_field(schema, type_, f"{name}.{field_name}", field)
        for directive in schema.directives:
            for argument_name, argument in directive.args.items():
                self._weigh(self.arguments, f"@{directive.name}({argument_name}:)", [argument.ast_node])
        self._unbounded(schema)

    def _read_field(
        self,
        schema: GraphQLSchema,
        parent: GraphQLObjectType | GraphQLInterfaceType,
        coordinate: str,
        field: GraphQLField,
    ) -> None:
        weighed: list[tuple[dict[str, Decimal], str, Any]] = [(self.fields, coordinate, field.ast_node)]
        weighed += [
            (self.arguments, f"{coordinate}({name}:)", argument.ast_node) for name, argument in field.args.items()
        ]
        for found, where, node in weighed:
            if isinstance(parent, GraphQLInterfaceType) and any(one.name.value == COST for one in _ours(node)):
                self._refuse(where, "@cost stands on the fields of objects, not on those of interfaces")
            else:
                self._weigh(found, where, [node])
        size = self._list_size(field.ast_node, coordinate)
        if size is not None:
            self.mistakes += [Mistake(coordinate, text) for text in _size_mistakes(schema, field, size)]
            self.list_sizes[coordinate] = size

    def _weigh(
        self, found: dict[str, Decimal], coordinate: str, nodes: Iterable[Any], *, least: Decimal = -LARGEST_WEIGHT
    ) -> None:
        for node in nodes:
            for directive in _ours(node):
                if directive.name.value == COST:
                    text = _arguments(directive)["weight"]
                    problem = weight_problem(text, least)
                    if problem is None:
                        found[coordinate] = Decimal(text)
                    else:
                        self._refuse(coordinate, problem)

    def _list_size(self, node: FieldDefinitionNode | None, coordinate: str) -> ListSize | None:
        """What the field's directives say."""
        given: dict[str, Any] | None = None
        assumed_for: list[AssumedSizeFor] = []
        for directive in _ours(node):
            arguments = _arguments(directive)
            if directive.name.value == LIST_SIZE:
                given = arguments
            elif directive.name.value == ASSUMED_SIZE_FOR:
                assumed_for.append(AssumedSizeFor(arguments["argument"], arguments["value"], arguments["size"]))
        if given is None:
            if assumed_for:
                self._refuse(coordinate, "@assumedSizeFor needs a @listSize beside it, for other values")
            return None
        return ListSize(
            assumed_size=given.get("assumedSize"),
            slicing_arguments=_names(given.get("slicingArguments")),
            sized_fields=_names(given.get("sizedFields")),
            require_one_slicing_argument=given.get("requireOneSlicingArgument") is not False,
            assumed_for=tuple(assumed_for),
        )

    def _unbounded(self, schema: GraphQLSchema) -> None:
        """Lists whose values cost something and that nothing bounds, or two things do."""
        sizing = _sizing(schema, self.list_sizes)
        for type_ in schema.type_map.values():
            if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
                continue
            for name, field in type_.fields.items():
                named = get_named_type(field.type)
                coordinate = f"{type_.name}.{name}"
                own = self.list_sizes.get(coordinate)
                own_list = own is not None and not own.sized_fields
                returned = sizing.get(type_.name, {})
                sized_by = sorted(by for by, names in returned.items() if name in names)
                if not is_list_type(get_nullable_type(field.type)):
                    continue
                if own_list and sized_by:
                    self._refuse(coordinate, f"its size is said twice: here, and by sizedFields of {sized_by[0]}")
                if own_list:
                    continue
                if is_composite_type(named):
                    others = sorted(returned.keys() - sized_by)
                    if others or not sized_by:
                        where = f" where {others[0]} returns it" if sized_by else ""
                        self._refuse(coordinate, f"nothing bounds this list{where}: give it a @listSize")
                elif self.types.get(named.name):
                    self._refuse(coordinate, "a list of scalars that cost something needs a @listSize of its own")


def weight_problem(text: str, least: Decimal = -LARGEST_WEIGHT) -> str | None:
    """Why a text is no weight; None if it is one."""
    try:
        weight = Decimal(text)
    except InvalidOperation:
        return f"the weight '{text}' is not a number"
    if not weight.is_finite():
        return f"the weight '{text}' is not a number"
    if abs(weight) > LARGEST_WEIGHT:
        return f"the weight {text} is beyond {LARGEST_WEIGHT:,}"
    if weight < least:
        return f"the weight {text} of a type is negative"
    if weight * 1_000 != int(weight * 1_000):
        return f"the weight {text} has more than three decimals"
    return None


def _size_mistakes(schema: GraphQLSchema, field: GraphQLField, size: ListSize) -> Iterator[str]:
    if not size.sized_fields and not is_list_type(get_nullable_type(field.type)):
        yield "@listSize is on a field that is no list and names no sizedFields"
    if size.assumed_size is None and not size.slicing_arguments:
        yield "@listSize says neither assumedSize nor slicingArguments"
    if size.assumed_size is not None and not 0 <= size.assumed_size <= LARGEST_SIZE:
        yield f"assumedSize is not between 0 and {LARGEST_SIZE:,}"
    yield from _repeated("slicing argument", size.slicing_arguments)
    yield from _repeated("sized field", size.sized_fields)
    for name in size.sized_fields:
        yield from _sized_field_mistakes(schema, field, name)
    slices = [_slice(field, name) for name in size.slicing_arguments]
    for name, slice_ in zip(size.slicing_arguments, slices, strict=True):
        if slice_ is None:
            yield f"the slicing argument '{name}' does not exist"
        elif not _slices(slice_.type):
            yield f"the slicing argument '{name}' is neither an Int nor a list"
    known = [slice_ for slice_ in slices if slice_ is not None]
    with_default = any(slice_.default for slice_ in known)
    if size.slicing_arguments and size.assumed_size is not None:
        if with_default:
            yield "assumedSize never counts beside a slicing argument with a default"
        if size.require_one_slicing_argument:
            yield "assumedSize beside slicingArguments needs requireOneSlicingArgument: false"
    elif size.slicing_arguments and len(known) == len(slices):
        certain = with_default or any(slice_.required for slice_ in known)
        if not certain and not size.require_one_slicing_argument:
            yield "nothing bounds the list when no slicing argument is given: say assumedSize"
    yield from _assumed_for_mistakes(field, size)


def _sized_field_mistakes(schema: GraphQLSchema, field: GraphQLField, name: str) -> Iterator[str]:
    named = get_named_type(field.type)
    holders: list[GraphQLNamedType] = [named, *_possible(schema, named)]
    found = [
        holder.fields[name]
        for holder in holders
        if isinstance(holder, GraphQLObjectType | GraphQLInterfaceType) and name in holder.fields
    ]
    if not found:
        yield f"the sized field '{name}' does not exist in {named.name}"
    elif not all(is_list_type(get_nullable_type(one.type)) for one in found):
        yield f"the sized field '{name}' of {named.name} is no list"


def _assumed_for_mistakes(field: GraphQLField, size: ListSize) -> Iterator[str]:
    for one in size.assumed_for:
        argument = field.args.get(one.argument)
        type_ = None if argument is None else get_nullable_type(argument.type)
        if argument is None:
            yield f"the argument '{one.argument}' of @assumedSizeFor does not exist"
        elif not isinstance(type_, GraphQLEnumType):
            yield f"the argument '{one.argument}' of @assumedSizeFor is no enumeration"
        elif one.value not in type_.values:
            yield f"{type_.name} has no value '{one.value}', which @assumedSizeFor names"
        if not 0 <= one.size <= LARGEST_SIZE:
            yield f"the size of @assumedSizeFor is not between 0 and {LARGEST_SIZE:,}"
    if size.assumed_for and size.assumed_size is None:
        yield "@assumedSizeFor needs an assumedSize, for other values"
    yield from _repeated("@assumedSizeFor", [f"{one.argument}: {one.value}" for one in size.assumed_for])


class _Slice(msgspec.Struct, frozen=True):
    """The argument or input field that a slicing argument names."""

    type: Any
    default: bool
    required: bool


def _slice(field: GraphQLField, path: str) -> _Slice | None:
    name, *inner = path.split(".")
    found: Any = field.args.get(name)
    certain = True
    while found is not None:
        # `= null` is what being left out means anyway.
        default = not (found.default is None or isinstance(found.default.literal, NullValueNode))
        required = get_nullable_type(found.type) is not found.type
        if not inner:
            return _Slice(found.type, certain and default, certain and required)
        # What is within an object that may be left out has no say where it is.
        certain = certain and (default or required)
        type_ = get_nullable_type(found.type)
        found = type_.fields.get(inner.pop(0)) if isinstance(type_, GraphQLInputObjectType) else None
    return None


def _slices(type_: Any) -> bool:
    nullable = get_nullable_type(type_)
    return nullable is GraphQLInt or is_list_type(nullable)


def _sizing(schema: GraphQLSchema, list_sizes: Mapping[str, ListSize]) -> dict[str, dict[str, frozenset[str]]]:
    """For each object type the fields that may return it, each with the names of the lists in it that it sizes."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                coordinate = f"{type_.name}.{name}"
                size = list_sizes.get(coordinate)
                sized = frozenset(size.sized_fields if size else ())
                for returned in _possible(schema, get_named_type(field.type)):
                    found.setdefault(returned.name, {})[coordinate] = sized
    return found


def _possible(schema: GraphQLSchema, named: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
    if is_abstract_type(named):
        return schema.get_possible_types(named)
    return [named] if isinstance(named, GraphQLObjectType) else []


def _nodes(type_: GraphQLNamedType) -> list[Any]:
    return [type_.ast_node, *(type_.extension_ast_nodes or ())]


def _ours(node: Any) -> list[ConstDirectiveNode]:
    directives = getattr(node, "directives", None) or ()
    return [one for one in directives if one.name.value in (COST, LIST_SIZE, ASSUMED_SIZE_FOR)]


def _arguments(directive: ConstDirectiveNode) -> dict[str, Any]:
    return {one.name.value: value_from_ast_untyped(one.value) for one in directive.arguments or ()}


def _names(given: Any) -> tuple[str, ...]:
    """A list as it is given: one name alone is a list of one."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _repeated(what: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"the {what} '{name}' is named twice" for name in sorted({n for n in names if names.count(n) > 1}))


def _signatures(document: DocumentNode) -> dict[str, str]:
    """The directive definitions without their descriptions."""
    found = {}
    for definition in document.definitions:
        if isinstance(definition, DirectiveDefinitionNode):
            arguments = ", ".join(
                f"{one.name.value}: {print_ast(one.type)}"
                + (f" = {print_ast(one.default_value)}" if one.default_value else "")
                for one in definition.arguments or ()
            )
            locations = " | ".join(sorted(one.value for one in definition.locations))
            repeatable = " repeatable" if definition.repeatable else ""
            name = definition.name.value
            found[name] = f"directive @{name}({arguments}){repeatable} on {locations}"
    return found
