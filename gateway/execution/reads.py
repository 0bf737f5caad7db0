"""Which attributes an operation reads of records, so that statements select no more than these.

Once for each type of record and operation, not for each place: siblings that differ in what they select still share
their loaders, and what was fetched serves all of them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLSchema, get_named_type, is_abstract_type
from graphql.execution.collect_fields import FieldDetails

from persistence.projections import CURSOR, Reads
from schema.fields import BATCH_RESOLVER, READS
from schema.relay import OfRecord

Details = list[FieldDetails]
Subfields = Callable[[GraphQLObjectType, Details], Mapping[str, Details]]

DEFINITION: Final = "strawberry-definition"
"""Where Strawberry keeps its own definition of a type or a field."""

_CURSORS = frozenset({"cursor", "start_cursor", "end_cursor"})
"""Attributes of a page and its edges that are made of what the page is sorted by."""


def record_of(of_type: GraphQLObjectType) -> type[Any] | None:
    """The record that the values of an object type are, if the graph names one."""
    check = of_type.is_type_of
    return check.record if isinstance(check, OfRecord) else None


def reads_of_records(
    schema: GraphQLSchema, root: GraphQLObjectType, grouped: Mapping[str, Details], subfields: Subfields
) -> Mapping[type[Any], Reads]:
    """By record; None where a field does not say what it reads."""
    found: dict[type[Any], set[str] | None] = {}
    seen: set[tuple[str, tuple[int, ...]]] = set()
    pending = [(root, grouped)]
    while pending:
        parent, fields = pending.pop()
        record = record_of(parent)
        if record is not None and isinstance(parent.is_type_of, OfRecord):
            _add(found, record, frozenset(parent.is_type_of.reads))
        for details in fields.values():
            field = parent.fields.get(details[0].node.name.value)
            if field is None:
                continue
            if record is not None:
                _add(found, record, _read(field.extensions.get(DEFINITION)))
            for concrete in _objects(schema, field.type):
                place = (concrete.name, tuple(id(detail.node) for detail in details))
                if place not in seen:
                    seen.add(place)
                    pending.append((concrete, subfields(concrete, details)))
    return {record: None if names is None else frozenset(names) for record, names in found.items()}


def reads_below(
    schema: GraphQLSchema,
    of_type: GraphQLOutputType,
    details: Details,
    subfields: Subfields,
    reads: Mapping[type[Any], Reads],
) -> Reads:
    """What is read of the records that a field leads to: of its own values, or of those in the page that it is."""
    records: set[type[Any] | None] = set()
    around: set[str] = set()
    _reached(schema, of_type, details, subfields, records, around)
    record = records.pop() if len(records) == 1 else None
    own = reads.get(record) if record is not None else None
    if own is None:
        return None
    return own | {CURSOR} if around & _CURSORS else own


def _reached(
    schema: GraphQLSchema,
    of_type: GraphQLOutputType,
    details: Details,
    subfields: Subfields,
    records: set[type[Any] | None],
    around: set[str],
) -> None:
    """Adds the first records below, None for what is not known to be one, and the attributes read on the way there."""
    named = get_named_type(of_type)
    if is_abstract_type(named):
        records.update(map(record_of, schema.get_possible_types(named)))
    if not isinstance(named, GraphQLObjectType):
        return
    if named.is_type_of is not None:
        records.add(record_of(named))
        return
    for below in subfields(named, details).values():
        field = named.fields.get(below[0].node.name.value)
        declared = field and field.extensions.get(DEFINITION)
        if field is not None and declared is not None and BATCH_RESOLVER not in declared.metadata:
            around.add(declared.python_name)
            _reached(schema, field.type, below, subfields, records, around)


def _read(declared: Any) -> Reads:
    """What a field reads of its parents."""
    if declared is None:
        return None
    if BATCH_RESOLVER in declared.metadata:
        reads: Reads = declared.metadata[READS]
        return reads
    return frozenset({declared.python_name})


def _add(found: dict[type[Any], set[str] | None], record: type[Any], reads: Reads) -> None:
    names = found.setdefault(record, set())
    if reads is None:
        found[record] = None
    elif names is not None:
        names |= reads


def _objects(schema: GraphQLSchema, of_type: GraphQLOutputType) -> Iterator[GraphQLObjectType]:
    named = get_named_type(of_type)
    if is_abstract_type(named):
        yield from schema.get_possible_types(named)
    elif isinstance(named, GraphQLObjectType):
        yield named
