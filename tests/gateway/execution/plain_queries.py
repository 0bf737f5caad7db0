"""Queries by hypothesis-graphql, as syntax trees: fields, arguments and fragments on types, nothing more."""

from typing import Final

from graphql import DocumentNode, GraphQLSchema
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

_TEXTS: Final = {
    "String": ("a", "", 'a "quoted" text'),
    "DateTime": ("2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z", "soon"),
    "Date": ("2026-11-01",),
    "Decimal": ("0.5", "x"),
}


def plain_queries(schema: GraphQLSchema, field: str, *, count: int, ids: tuple[str, ...]) -> list[DocumentNode]:
    """`count` queries, or somewhat less, that ask for one field of the root; the same each time."""
    found: list[DocumentNode] = []
    scalars = {name: st.sampled_from(texts).map(nodes.String) for name, texts in {**_TEXTS, "ID": ids}.items()}
    numbers = st.integers(min_value=-1, max_value=30).map(nodes.Int)
    strategy = queries(
        schema,
        fields=[field],
        custom_scalars={**scalars, "Int": numbers, "BigInt": numbers},
        print_ast=lambda document: document,
    )

    @seed(5)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(query: DocumentNode) -> None:
        found.append(query)

    collect()
    return found
