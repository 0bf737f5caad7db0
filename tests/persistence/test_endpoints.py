"""URLs name servers: one or several each, by any of SQLAlchemy's notations."""

import pytest

from persistence.endpoints import endpoints

SCHEME = "postgresql+asyncpg://"


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        (["app@db/podgraph"], ["db:5432/podgraph"]),
        (["app:secret@db:6432/podgraph"], ["db:6432/podgraph"]),
        (["app@/podgraph?host=a:1&host=b:2"], ["a:1/podgraph", "b:2/podgraph"]),
        (["app@/podgraph?host=a,b&port=1,2"], ["a:1/podgraph", "b:2/podgraph"]),
        (["app@/podgraph?host=%2Frun%2Fpg&port=5433"], ["/run/pg:5433/podgraph"]),
        (["app@/podgraph?host=%2Frun%2Fpg,%2Frun%2Fpg&port=1,2"], ["/run/pg:1/podgraph", "/run/pg:2/podgraph"]),
        (["app@a/podgraph", "app@b/podgraph", "app@a:5432/podgraph"], ["a:5432/podgraph", "b:5432/podgraph"]),
    ],
)
def test_each_server_is_named_once(urls: list[str], names: list[str]) -> None:
    assert [found.name for found in endpoints([SCHEME + url for url in urls])] == names


def test_arguments_are_the_drivers_and_the_password_is_not_shown() -> None:
    url = f"{SCHEME}app:secret@db/podgraph?ssl=require&target_session_attrs=any&prepared_statement_cache_size=0"
    [found] = endpoints([url])
    assert found.arguments == {
        "host": "db",
        "user": "app",
        "password": "secret",
        "database": "podgraph",
        "ssl": "require",
    }
    assert found.user == "app"
    assert "secret" not in repr(found)
