"""The conventions of the graph, as rules: each takes a schema and gives the breaches, one sentence each."""

import re
from collections.abc import Iterator, Mapping

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

NUMERIC = frozenset({"Int", "Float", "BigInt", "Decimal"})
"""Scalars whose values mean nothing without a unit. A scalar that carries its unit in its name is not one."""

UNITS = (
    # counts and orders
    r"numbers? (of|within)",
    r"how many",
    r"count(s|ed)?",
    r"(season|episode) number",
    r"counting from",
    r"counter",
    r"version",
    # time and size
    r"(milli|micro)?seconds?",
    r"minutes?",
    r"hours?",
    r"days?",
    r"bytes?",
    r"characters?",
    # money and cost
    r"minor units?",
    r"points?",
    # shares and rates
    r"shares?",
    r"0 to 1",
    r"per ",
    r"divided by",
    r"÷",
)
"""One of these must stand in the description of a numeric field, argument or input field, as words of their own."""

VERBS = frozenset(
    {
        "accept",
        "activate",
        "archive",
        "cancel",
        "change",
        "complete",
        "create",
        "delete",
        "import",
        "invite",
        "pause",
        "refresh",
        "remove",
        "resend",
        "restore",
        "resume",
        "revoke",
        "rotate",
        "run",
        "set",
        "start",
        "switch",
        "track",
        "update",
    }
)
"""What the name of a mutation begins with; a noun follows."""

SESSIONS = frozenset({"register", "login", "refresh", "logout"})
"""Mutations whose object is the caller."""


def undescribed(schema: GraphQLSchema) -> list[str]:
    """Types, fields, arguments, input fields, enum values and directives without a description."""
    return [coordinate for coordinate, description in _descriptions(schema) if not (description or "").strip()]


def unitless(schema: GraphQLSchema) -> list[str]:
    """Numeric fields, arguments and input fields whose description names no unit."""
    unit = re.compile(rf"(?<!\w)(?:{'|'.join(UNITS)})(?!\w)", re.IGNORECASE)
    return [
        coordinate
        for coordinate, element in _typed(schema)
        if get_named_type(element.type).name in NUMERIC and not unit.search(element.description or "")
    ]


def misnamed(schema: GraphQLSchema) -> list[str]:
    """Names in another case than GraphQL's custom, and inputs, unions and payloads without their ending."""
    found = []
    returned = _mutation_results(schema)
    for name, type_ in _own_types(schema):
        if not re.fullmatch(r"([A-Z][a-z0-9]*)+", name):
            found.append(f"{name}: a type is named in PascalCase")
        if isinstance(type_, GraphQLInputObjectType) and not name.endswith(("Input", "Order")):
            found.append(f"{name}: the name of an input ends in Input, or in Order where it sorts a list")
        if name.endswith("Result") and name not in returned:
            found.append(f"{name}: only what a mutation returns is a Result")
        if name.endswith("Payload") and not isinstance(type_, GraphQLObjectType):
            found.append(f"{name}: a Payload is an object")
        if isinstance(type_, GraphQLEnumType):
            found += [f"{name}.{v}: an enum value is UPPER_CASE" for v in type_.values if not _is_upper(v)]
    for coordinate, _ in _typed(schema):
        last = re.split(r"[.(]", coordinate.removesuffix(":)"))[-1]
        if not re.fullmatch(r"[a-z][a-zA-Z0-9]*", last):
            found.append(f"{coordinate}: a field or argument is named in camelCase")
    return found


def odd_mutations(schema: GraphQLSchema) -> list[str]:
    """Mutations that are not verbNoun, or do not return a union Result of one Payload and errors."""
    if schema.mutation_type is None:
        return []
    found = []
    for name, field in schema.mutation_type.fields.items():
        verb = re.match(r"[a-z]+", name)
        if name not in SESSIONS and (verb is None or verb.group() not in VERBS or verb.group() == name):
            found.append(f"Mutation.{name}: the name is a verb of VERBS and a noun")
        result = get_named_type(field.type)
        if not (isinstance(result, GraphQLUnionType) and result.name.endswith("Result")):
            found.append(f"Mutation.{name}: returns {result.name}, not a union whose name ends in Result")
            continue
        payloads = [member.name for member in result.types if member.name.endswith("Payload")]
        if len(payloads) != 1:
            found.append(f"{result.name}: has {len(payloads)} members whose name ends in Payload, not one")
        for member in result.types:
            if member.name not in payloads and "Error" not in {interface.name for interface in member.interfaces}:
                found.append(f"{result.name}: its member {member.name} is neither the Payload nor an Error")
    return found


def odd_connections(schema: GraphQLSchema) -> list[str]:
    """Connections, edges and page infos that are not as the GraphQL Cursor Connections Specification says."""
    found = []
    for name, type_ in _own_types(schema):
        if not isinstance(type_, GraphQLObjectType):
            continue
        fields = {field_name: str(field.type) for field_name, field in type_.fields.items()}
        if name.endswith("Connection"):
            edge = f"{name.removesuffix('Connection')}Edge"
            found += _unlike(name, fields, {"edges": f"[{edge}!]!", "pageInfo": "PageInfo!"})
        elif "edges" in fields or "pageInfo" in fields:
            found.append(f"{name}: has the fields of a connection, but not its name")
        if name.endswith("Edge"):
            found += _unlike(name, fields, {"cursor": "String!"})
            if "node" not in fields:
                found.append(f"{name}: has no field node")
        if name == "PageInfo":
            flags, cursors = ("hasNextPage", "hasPreviousPage"), ("startCursor", "endCursor")
            expected = {**dict.fromkeys(flags, "Boolean!"), **dict.fromkeys(cursors, "String")}
            found += _unlike(name, fields, expected)
        for field_name, field in type_.fields.items():
            if get_named_type(field.type).name.endswith("Connection"):
                arguments = {argument_name: str(argument.type) for argument_name, argument in field.args.items()}
                found += _unlike(f"{name}.{field_name}", arguments, {"first": "Int", "after": "String"})
    return found


def odd_nodes(schema: GraphQLSchema) -> list[str]:
    """Objects with an id that cannot be fetched again by it, and other than Relay's root fields for that."""
    query = schema.query_type
    fields = {} if query is None else {name: str(field.type) for name, field in query.fields.items()}
    found = _unlike("Query", fields, {"node": "Node", "nodes": "[Node]!"})
    for name, type_ in _own_types(schema):
        if isinstance(type_, GraphQLObjectType) and "id" in type_.fields:
            found += _unlike(name, {"id": str(type_.fields["id"].type)}, {"id": "ID!"})
            if "Node" not in {interface.name for interface in type_.interfaces}:
                found.append(f"{name}: has an id but does not implement Node")
    return found


def _own_types(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLNamedType]]:
    for name, type_ in schema.type_map.items():
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_):
            yield name, type_


def _typed(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField | GraphQLArgument | GraphQLInputField]]:
    for name, type_ in _own_types(schema):
        if isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{name}.{input_name}", input_field) for input_name, input_field in type_.fields.items())
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field
                yield from ((f"{name}.{field_name}({argument}:)", value) for argument, value in field.args.items())


def _descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for name, type_ in _own_types(schema):
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{value_name}", value.description) for value_name, value in type_.values.items())
    yield from ((coordinate, element.description) for coordinate, element in _typed(schema))
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description
            for argument_name, argument in directive.args.items():
                yield f"@{directive.name}({argument_name}:)", argument.description


def _mutation_results(schema: GraphQLSchema) -> set[str]:
    mutation = schema.mutation_type
    return set() if mutation is None else {get_named_type(field.type).name for field in mutation.fields.values()}


def _unlike(where: str, actual: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    return [
        f"{where}: {name} is {actual.get(name, 'missing')}, not {type_}"
        for name, type_ in expected.items()
        if actual.get(name) != type_
    ]


def _is_upper(name: str) -> bool:
    return re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", name) is not None
