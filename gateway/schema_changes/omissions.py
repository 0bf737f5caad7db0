"""Differences that graphql-core's comparison does not report, or reports without saying where."""

from collections.abc import Iterator, Mapping

from graphql import GraphQLInputObjectType, GraphQLNamedType, GraphQLScalarType, GraphQLSchema

from gateway.schema_changes.change import Change, Severity
from gateway.schema_changes.elements import Coordinate, Element

Elements = Mapping[Coordinate, Element]

# They price a query: raising one can push a query that ran yesterday over its plan's limit today.
_PRICING = ("@cost", "@listSize")


def omitted_changes(
    baseline: GraphQLSchema, current: GraphQLSchema, old_elements: Elements, new_elements: Elements
) -> Iterator[Change]:
    """The changes of descriptions, deprecations, applied directives, roots, @oneOf and @specifiedBy."""
    for coordinate, old in old_elements.items():
        new = new_elements.get(coordinate)
        if new is not None:
            yield from _metadata(old, new)
    for name, old_type in baseline.type_map.items():
        new_type = current.type_map.get(name)
        if new_type is not None:
            yield from _type_marks(old_type, new_type)
    yield from _roots(baseline, current)


def _metadata(old: Element, new: Element) -> Iterator[Change]:
    at = old.coordinate
    if old.description != new.description:
        yield Change(Severity.SAFE, "DESCRIPTION_CHANGED", at, f"Description of {at} has changed.")
    match old.deprecation, new.deprecation:
        case None, str(reason):
            yield Change(Severity.SAFE, "DEPRECATION_ADDED", at, f"{at} was deprecated: {reason}")
        case str(), None:
            yield Change(Severity.SAFE, "DEPRECATION_REMOVED", at, f"{at} is no longer deprecated.")
        case str(before), str(after) if before != after:
            yield Change(Severity.SAFE, "DEPRECATION_CHANGED", at, f"{at} is deprecated for another reason: {after}")
    if old.type != new.type:
        # graphql-core reports a default value or a type, not both; the classification drops what it did report.
        yield Change(Severity.SAFE, "TYPE_RELAXED", at, f"{at} changed type from {old.type} to {new.type}.")
    yield from _applied_directives(old, new)


def _applied_directives(old: Element, new: Element) -> Iterator[Change]:
    at = old.coordinate
    for severity, added, removed in (
        (Severity.DANGEROUS, _of(new, pricing=True), _of(old, pricing=True)),
        (Severity.SAFE, _of(new, pricing=False), _of(old, pricing=False)),
    ):
        if added != removed:
            before, after = " ".join(removed) or "nothing", " ".join(added) or "nothing"
            yield Change(
                severity, "APPLIED_DIRECTIVE_CHANGED", at, f"{at} changed directives from {before} to {after}."
            )


def _of(element: Element, *, pricing: bool) -> list[str]:
    return [applied for applied in element.directives if (applied.partition("(")[0] in _PRICING) is pricing]


def _type_marks(old: GraphQLNamedType, new: GraphQLNamedType) -> Iterator[Change]:
    at = Coordinate(new.name)
    match old, new:
        case GraphQLScalarType(), GraphQLScalarType() if old.specified_by_url != new.specified_by_url:
            text = f"Scalar {at} changed its specification from {old.specified_by_url} to {new.specified_by_url}."
            yield Change(Severity.DANGEROUS, "SPECIFIED_BY_CHANGED", at, text)
        case GraphQLInputObjectType(), GraphQLInputObjectType() if new.is_one_of and not old.is_one_of:
            yield Change(Severity.BREAKING, "ONE_OF_ADDED", at, f"Input {at} now takes exactly one of its fields.")
        case GraphQLInputObjectType(), GraphQLInputObjectType() if old.is_one_of and not new.is_one_of:
            yield Change(Severity.SAFE, "ONE_OF_REMOVED", at, f"Input {at} no longer takes exactly one of its fields.")


def _roots(baseline: GraphQLSchema, current: GraphQLSchema) -> Iterator[Change]:
    for operation, old, new in (
        ("query", baseline.query_type, current.query_type),
        ("mutation", baseline.mutation_type, current.mutation_type),
        ("subscription", baseline.subscription_type, current.subscription_type),
    ):
        before, after = old and old.name, new and new.name
        if before == after:
            continue
        at = Coordinate(after or before or "")
        if before is None:
            yield Change(Severity.SAFE, "ROOT_ADDED", at, f"The schema now supports {operation} operations.")
        elif after is None:
            yield Change(
                Severity.BREAKING, "ROOT_REMOVED", at, f"The schema no longer supports {operation} operations."
            )
        else:
            text = f"The root of {operation} operations changed from {before} to {after}."
            yield Change(Severity.BREAKING, "ROOT_CHANGED", at, text)
