"""GraphQL specification, September 2025, "Handling Execution Errors": errors, null, and how far they reach."""

from typing import Any

import pytest

from resolvers.errors import Forbidden
from tests.gateway.execution.conformance.stage import Person, Stage
from tests.gateway.execution.leftovers import LEFTOVERS

pytestmark = LEFTOVERS

BROKEN = ValueError("no")


async def test_an_error_of_a_field_makes_it_null_and_is_reported_once(stage: Stage) -> None:
    root = {"text": BROKEN, "key": "k", "best": Person(links={"text": BROKEN})}
    assert await stage.errors("{ text key best { name text } }", root) == (
        '{"text":null,"key":"k","best":{"name":"Ada","text":null}}',
        [("no", ["best", "text"]), ("no", ["text"])],
    )


async def test_an_error_of_a_field_that_is_read(stage: Stage) -> None:
    assert await stage.errors("{ best { name broken } }", {"best": Person()}) == (
        '{"best":{"name":"Ada","broken":null}}',
        [("It is broken.", ["best", "broken"])],
    )


async def test_paths_have_aliases_and_indices(stage: Stage) -> None:
    friends = [Person(), Person(links={"friends": [None, Person(links={"text": BROKEN})]})]
    _, errors = await stage.errors("{ a: friends { b: friends { c: text } } }", {"friends": friends})
    assert errors == [("no", ["a", 1, "b", 1, "c"])]


async def test_an_error_keeps_what_it_is_and_says_where_it_was_asked_for(stage: Stage) -> None:
    execution = await stage.execution("{\n  key\n  again: text\n}", {"text": Forbidden("You may not.")})
    [error] = execution.errors
    assert isinstance(error.original_error, Forbidden)
    assert [(location.line, location.column) for location in error.locations or ()] == [(3, 3)]


async def test_a_field_of_several_nodes_names_them_all(stage: Stage) -> None:
    execution = await stage.execution("{ text ... { text } }", {"text": BROKEN})
    [error] = execution.errors
    assert [location.column for location in error.locations or ()] == [3, 14]


async def test_null_where_it_must_not_be_is_an_error_of_that_field(stage: Stage) -> None:
    data, errors = await stage.errors("{ best { sureText name } text }", {"best": Person(), "text": "a"})
    assert data == '{"best":null,"text":"a"}'
    assert errors == [("Cannot return null for non-nullable field Human.sureText.", ["best", "sureText"])]


async def test_an_error_where_null_must_not_be_is_reported_as_itself_alone(stage: Stage) -> None:
    found = await stage.errors(
        "{ best { name sureText } text }", {"best": Person(links={"sureText": BROKEN}), "text": "a"}
    )
    assert found == ('{"best":null,"text":"a"}', [("no", ["best", "sureText"])])


async def test_null_reaches_up_to_the_next_field_that_may_be_null(stage: Stage) -> None:
    deepest = Person(links={"sureFriend": Person(links={"sureText": BROKEN})})
    root = {"friend": Person("top", links={"friend": deepest, "text": "t"})}
    found = await stage.errors("{ friend { name friend { sureFriend { sureText } } text } }", root)
    assert found == (
        '{"friend":{"name":"top","friend":null,"text":"t"}}',
        [("no", ["friend", "friend", "sureFriend", "sureText"])],
    )


async def test_all_the_way_up_there_is_no_data(stage: Stage) -> None:
    root = {"sureFriend": Person(links={"sureFriend": Person(links={"sureText": BROKEN})}), "text": "a"}
    found = await stage.errors("{ text sureFriend { sureFriend { sureText } } }", root)
    assert found == ("null", [("no", ["sureFriend", "sureFriend", "sureText"])])


ADA, NONE = Person("Ada", links={"sureText": "t"}), Person("Eve")
"""The second has no `sureText`."""


@pytest.mark.parametrize(
    ("field", "value", "data", "paths"),
    [
        ("friends", [ADA, None], '{"x":[{"sureText":"t"},null]}', []),
        ("friends", [ADA, NONE, ADA], '{"x":[{"sureText":"t"},null,{"sureText":"t"}]}', [["x", 1, "sureText"]]),
        ("sureFriends", [ADA, None], '{"x":null}', [["x", 1]]),
        ("sureFriends", [ADA, NONE], '{"x":null}', [["x", 1, "sureText"]]),
        ("allFriends", [ADA, None], "null", [["x", 1]]),
        ("allFriends", [NONE], "null", [["x", 0, "sureText"]]),
        ("allFriends", None, "null", [["x"]]),
        ("grid", [[ADA, None], None, [NONE]], '{"x":[[{"sureText":"t"},null],null,[null]]}', [["x", 2, 0, "sureText"]]),
    ],
)
async def test_null_in_lists(stage: Stage, field: str, value: Any, data: str, paths: list[list[str | int]]) -> None:
    found, errors = await stage.errors(f"{{ x: {field} {{ sureText }} }}", {field: value})
    assert found == data
    assert [path for _, path in errors] == paths


@pytest.mark.parametrize(
    ("field", "value", "data", "paths"),
    [
        ("texts", ["a", BROKEN, "b"], '{"best":{"x":["a",null,"b"]}}', [["best", "x", 1]]),
        ("sureTexts", ["a", None], '{"best":{"x":null}}', [["best", "x", 1]]),
        ("integers", [[1, "x"], [2]], '{"best":{"x":[[1,null],[2]]}}', [["best", "x", 0, 1]]),
        ("integers", [[1], None], '{"best":{"x":null}}', [["best", "x", 1]]),
    ],
)
async def test_null_in_lists_of_values(
    stage: Stage, field: str, value: Any, data: str, paths: list[list[str | int]]
) -> None:
    found, errors = await stage.errors(f"{{ best {{ x: {field} }} }}", {"best": Person(links={field: value})})
    assert found == data
    assert [path for _, path in errors] == paths


async def test_errors_of_several_objects_are_all_reported(stage: Stage) -> None:
    friends = [Person(links={"text": ValueError(str(number)) if number % 2 else "t"}) for number in range(4)]
    found = await stage.errors("{ friends { text } }", {"friends": friends})
    assert found == (
        '{"friends":[{"text":"t"},{"text":null},{"text":"t"},{"text":null}]}',
        [("1", ["friends", 1, "text"]), ("3", ["friends", 3, "text"])],
    )


async def test_what_was_resolved_before_an_error_is_not_resolved_again(stage: Stage) -> None:
    """An error is answered by graphql-core: it takes what compiled code has found already."""
    friends = [Person(links={"text": "t", "friend": Person()}), Person(links={"text": BROKEN, "friend": Person()})]
    await stage.errors("{ friends { text friend { name } } }", {"friends": friends})
    assert sorted(stage.script.calls) == [("friend", 2), ("friends", 1), ("text", 2)]
