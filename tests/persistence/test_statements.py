"""Statements compiled once: the right text and values, as few as there are shapes, and nothing converted in silence."""

from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Enum, Numeric, Select, bindparam, column, literal, select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.types import TypeEngine

from persistence.errors import RefusedValue
from persistence.repositories.events import Conversions, EventFilter
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from persistence.statements import Statements, compiled
from persistence.tables import podcasts
from resolvers.context import Services
from tests.actors import new_tenant

DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


def _titled(limit: int) -> Select[Any]:
    return select(podcasts.c.id).where(podcasts.c.title == bindparam("title")).limit(limit)


def test_values_are_bound_by_name_and_what_belongs_to_the_shape_is_constant() -> None:
    statement = compiled(_titled(5), DIALECT)
    assert statement.sql.replace("\n", "") == (
        "SELECT podcasts.id FROM podcasts WHERE podcasts.title = $1::VARCHAR  LIMIT $2::INTEGER"
    )
    assert statement.arguments({"title": "x'; DROP TABLE podcasts; --"}) == ["x'; DROP TABLE podcasts; --", 5]
    assert statement.arguments({"title": "another"}) == ["another", 5]


def test_value_that_is_used_twice_is_sent_once() -> None:
    wanted = bindparam("wanted", type_=BigInteger())
    statement = compiled(select(podcasts.c.id).where(podcasts.c.id >= wanted, podcasts.c.id <= wanted), DIALECT)
    assert statement.arguments({"wanted": 7}) == [7]


def test_value_that_is_missing_is_a_defect_and_not_a_null() -> None:
    with pytest.raises(KeyError, match="title"):
        compiled(_titled(5), DIALECT).arguments({})


def test_a_shape_is_compiled_once() -> None:
    statements, built = Statements(DIALECT), []

    def build(limit: int) -> Select[Any]:
        built.append(limit)
        return _titled(limit)

    assert statements.of(build, (1,)) is statements.of(build, (1,))
    assert statements.of(build, (2,)) is not statements.of(build, (1,))
    assert built == [1, 2]


def test_however_many_shapes_come_the_kept_ones_are_bounded_and_the_used_ones_stay() -> None:
    statements = Statements(DIALECT, most=3)
    used = statements.of(_titled, (0,))
    for limit in range(1, 20):
        statements.of(_titled, (limit,))
        assert statements.of(_titled, (0,)) is used
    assert len(statements) == 3


@pytest.mark.parametrize("kind", [Numeric(asdecimal=False), Enum("A", "B", native_enum=False)])
def test_column_that_sqlalchemy_would_convert_is_refused(kind: TypeEngine[Any]) -> None:
    with pytest.raises(TypeError, match="convert"):
        compiled(select(column("x", kind)), DIALECT)


def test_value_that_sqlalchemy_would_convert_is_refused() -> None:
    with pytest.raises(TypeError, match="convert"):
        compiled(select(literal(1)).where(bindparam("x", type_=JSON()).is_not(None)), DIALECT)


async def test_types_of_events_are_written_into_the_text_and_nothing_else_is(services: Services) -> None:
    """Partial indexes are chosen by the types that a statement names."""
    actor = await new_tenant(services)
    told: list[tuple[str, list[Any]]] = []
    with services.database.watched(lambda statement, values: told.append((statement, list(values)))):
        async with services.database.read(actor.tenant_id) as session:
            await Conversions(session).count(EventFilter(types=("LEAD",), promo_code="C'DE"))
    [(statement, values)] = told
    assert "'LEAD'" in statement
    assert "C'DE" not in statement
    assert "C'DE" in values


async def test_clients_filters_make_few_statements(services: Services) -> None:
    actor = await new_tenant(services)
    before = len(services.database.statements)
    async with services.database.read(actor.tenant_id) as session:
        for number in range(20):
            await Podcasts(session).count(PodcastFilter(search=f"text {number}"))
    assert len(services.database.statements) - before <= 1


@pytest.mark.parametrize("search", ["\x00", "half \ud800"], ids=["nul", "surrogate"])
async def test_value_that_postgresql_cannot_read_is_refused_both_ways(services: Services, search: str) -> None:
    actor = await new_tenant(services)
    for kind in (services.database.read, services.database.write):
        with pytest.raises(RefusedValue):
            async with kind(actor.tenant_id) as session:
                await Podcasts(session).count(PodcastFilter(search=search))


async def test_value_out_of_range_is_refused_both_ways(services: Services) -> None:
    actor = await new_tenant(services)
    for kind in (services.database.read, services.database.write):
        with pytest.raises(RefusedValue):
            async with kind(actor.tenant_id) as session:
                await Podcasts(session).by_ids([2**63])
