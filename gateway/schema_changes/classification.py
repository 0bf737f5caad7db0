"""The differences between two schemas, each breaking, dangerous or safe.

The comparison is graphql-core's. Added to it: where each change is, what `omissions` finds, and the deprecation
policy (ops/adr/0007-schema-checks.md), by which a removal is forgiven once nobody can depend on it.
"""

import re
from collections.abc import Sequence

import msgspec
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, GraphQLUnionType, is_specified_scalar_type
from graphql.utilities.find_schema_changes import (
    BreakingChangeType,
    DangerousChangeType,
    SafeChangeType,
    SchemaChange,
    find_schema_changes,
)

from gateway.schema_changes.change import Change, Severity
from gateway.schema_changes.deprecation import Excuse
from gateway.schema_changes.elements import Coordinate, elements, owner
from gateway.schema_changes.omissions import Elements, omitted_changes

_SEVERITIES = {
    BreakingChangeType: Severity.BREAKING,
    DangerousChangeType: Severity.DANGEROUS,
    SafeChangeType: Severity.SAFE,
}
_FORGIVABLE = frozenset(
    {"FIELD_REMOVED", "ARG_REMOVED", "VALUE_REMOVED_FROM_ENUM", "DIRECTIVE_REMOVED", "DIRECTIVE_ARG_REMOVED"}
)

# graphql-core tells where a change is only in its sentence. The first pattern that matches wins; a test holds an
# example of every kind of change against them.
_PLACES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:Argument |An? \w+ argument )?(@\w+\(\w+:\)|\w+\.\w+\(\w+:\))[ .]",
        r"(?:Directive |Repeatable flag was \w+ (?:from|to) |\w+ was (?:removed from|added to) )(@\w+)[ .]",
        r"(?:Field |Enum value |An? \w+ field )?(\w+\.\w+) ",
        r"\w+ was (?:removed from|added to) union type (\w+)\.$",
        r"\w+ added to interfaces implemented by (\w+)\.$",
        r"Standard scalar (\w+) was removed because",
        r"(\w+) (?:was|changed|no longer) ",
    )
)


def changes_between(
    baseline: GraphQLSchema, current: GraphQLSchema, excuses: Sequence[Excuse] = ()
) -> tuple[Change, ...]:
    """Every difference from `baseline` to `current`, the worst first, then by coordinate.

    The first of `excuses` that has a reason makes the removal of an element dangerous instead of breaking. A type
    has no deprecation of its own: its removal is excused when every way to it was removed and excused.
    """
    old_elements, new_elements = elements(baseline), elements(current)
    removal = _Removals(baseline, current, old_elements, new_elements, excuses)
    compared = [
        removal.forgiven(_located(change, baseline))
        for change in find_schema_changes(baseline, current)
        if change.type is not SafeChangeType.DESCRIPTION_CHANGED  # `omissions` knows its coordinate
    ]
    retyped = {change.coordinate for change in compared if "CHANGED_KIND" in change.kind}
    omitted = [
        change
        for change in omitted_changes(baseline, current, old_elements, new_elements)
        if change.kind != "TYPE_RELAXED" or retyped.isdisjoint({change.coordinate, _type_of(change.coordinate)})
    ]
    order = list(Severity)
    return tuple(
        sorted(
            compared + omitted,
            key=lambda change: (order.index(change.severity), change.coordinate or "", change.kind, change.description),
        )
    )


def place(description: str) -> Coordinate | None:
    """The coordinate that a sentence of graphql-core's comparison speaks of; None for a sentence of an unknown form."""
    for pattern in _PLACES:
        if found := pattern.match(description):
            return Coordinate(found.group(1))
    return None


def _type_of(coordinate: Coordinate | None) -> Coordinate:
    return Coordinate((coordinate or "").partition(".")[0])


def _located(change: SchemaChange, baseline: GraphQLSchema) -> Change:
    severity, coordinate = _SEVERITIES[type(change.type)], place(change.description)
    if change.type is BreakingChangeType.TYPE_REMOVED and coordinate is not None:
        scalar = baseline.type_map.get(coordinate)
        # Nothing refers to it any more, and each reference that went has its own verdict.
        if scalar is not None and is_specified_scalar_type(scalar):
            severity = Severity.SAFE
    return Change(severity, change.type.name, coordinate, change.description)


class _Removals:
    """Which removals the excuses forgive."""

    def __init__(
        self,
        baseline: GraphQLSchema,
        current: GraphQLSchema,
        old_elements: Elements,
        new_elements: Elements,
        excuses: Sequence[Excuse],
    ) -> None:
        self._old_elements = old_elements
        self._new_elements = new_elements
        self._excuses = excuses
        self._types = self._unreachable_types(baseline, current)

    def forgiven(self, change: Change) -> Change:
        """The change, dangerous and with its excuse if it has one."""
        if change.severity is not Severity.BREAKING or change.coordinate is None:
            return change
        if change.kind == "TYPE_REMOVED":
            excuse = self._types.get(change.coordinate)
        elif change.kind in _FORGIVABLE:
            excuse = self._excuse(change.coordinate)
        else:
            excuse = None
        return change if excuse is None else msgspec.structs.replace(change, severity=Severity.DANGEROUS, excuse=excuse)

    def _excuse(self, coordinate: Coordinate) -> str | None:
        return next((reason for excuse in self._excuses if (reason := excuse(coordinate)) is not None), None)

    def _unreachable_types(self, baseline: GraphQLSchema, current: GraphQLSchema) -> dict[Coordinate, str]:
        """The removed types that are excused, the largest set that holds together: types may refer to each other."""
        roots = {
            root.name for root in (baseline.query_type, baseline.mutation_type, baseline.subscription_type) if root
        }
        ways = _ways(baseline, self._old_elements)
        removed = {name for name in baseline.type_map if name not in current.type_map and name not in roots}
        while broken := {
            name
            for name in removed
            if self._excuse(Coordinate(name)) is None and not all(self._is_gone(way, removed) for way in ways[name])
        }:
            removed -= broken
        return {Coordinate(name): self._excuse(Coordinate(name)) or "every way to it is gone" for name in removed}

    def _is_gone(self, way: Coordinate, removed: set[str]) -> bool:
        if way in removed or _type_of(way) in removed:
            return True
        if way in self._new_elements or way not in self._old_elements:
            return False
        above = owner(way)
        return self._excuse(way) is not None or (above is not None and "(" in way and self._is_gone(above, removed))


def _ways(schema: GraphQLSchema, old_elements: Elements) -> dict[str, set[Coordinate]]:
    """For each type of the schema, the elements by which an operation can come to it."""
    ways: dict[str, set[Coordinate]] = {name: set() for name in schema.type_map}
    for element in old_elements.values():
        if element.type_name is not None:
            ways[element.type_name].add(element.coordinate)
    for name, type_ in schema.type_map.items():
        if isinstance(type_, GraphQLUnionType):
            for member in type_.types:
                ways[member.name].add(Coordinate(name))
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for interface in type_.interfaces:
                ways[name].add(Coordinate(interface.name))
    return ways
