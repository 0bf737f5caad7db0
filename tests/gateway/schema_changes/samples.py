"""Small schemas, and the differences between two."""

from datetime import date

from graphql import build_schema

from gateway.schema_changes.change import Severity
from gateway.schema_changes.classification import changes_between
from gateway.schema_changes.deprecation import expired_deprecations
from gateway.schema_changes.elements import elements

TODAY = date(2026, 6, 1)
QUERY = "type Query { a: Int } "

RICH = '''"""Prices."""
directive @cost(
  """Points."""
  weight: String!
) on FIELD_DEFINITION
interface Node {
  id: ID!
}
"""A show."""
type Podcast implements Node {
  id: ID!
  title(
    """Characters."""
    length: Int! = 3
  ): String @cost(weight: "2")
  explicit: Boolean @deprecated(reason: "Use rating instead; removed after 2026-01-31.")
}
type Problem {
  code: String!
}
union Result =
  | Podcast
  | Problem
enum Order {
  NEWEST
  OLDEST
}
input Filter {
  title: String = "a"
  order: Order
}
type Query {
  node(id: ID!): Node
  podcasts(filter: Filter): [Result!]!
}
'''


def differences(before: str, after: str, today: date = TODAY) -> list[tuple[Severity, str, str | None]]:
    """Severity, kind and coordinate of every change."""
    baseline, current = build_schema(before), build_schema(after)
    excuses = (expired_deprecations(elements(baseline), today),)
    return [(change.severity, change.kind, change.coordinate) for change in changes_between(baseline, current, excuses)]
