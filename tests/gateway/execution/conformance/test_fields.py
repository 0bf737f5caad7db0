"""GraphQL specification, September 2025, "Executing Fields": arguments, resolution, completion of values."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import strawberry

from tests.gateway.execution.conformance.stage import Film, Machine, Person, Review, Stage
from tests.gateway.execution.leftovers import LEFTOVERS

pytestmark = LEFTOVERS

HERO = {"best": Person()}


async def said(stage: Stage, query: str, **variables: Any) -> dict[str, Any]:
    """What the resolver of `said` was called with."""
    await stage.data(query, HERO, variables)
    [arguments] = [given for name, given in stage.script.calls if name == "said"]
    assert isinstance(arguments, dict)
    return arguments


# Coercing Field Arguments

DEFAULTS: Mapping[str, Any] = {
    "text": "a default",
    "number": 7,
    "maybe": strawberry.UNSET,
    "film": Film.EMPIRE,
    "review": None,
    "many": None,
}


async def test_arguments_that_are_left_out_have_their_defaults(stage: Stage) -> None:
    assert await said(stage, "{ best { said } }") == DEFAULTS


async def test_literals_are_coerced_by_the_types_of_arguments(stage: Stage) -> None:
    query = """{ best { said(text: "x", number: 3, maybe: "m", film: NEWHOPE, many: 5
      review: {stars: 4, tags: ["a", null]}) } }"""
    assert await said(stage, query) == {
        "text": "x",
        "number": 3,
        "maybe": "m",
        "film": Film.NEWHOPE,
        "many": [5],
        "review": Review(stars=4, commentary="none", tags=["a", None]),
    }


async def test_null_is_no_default(stage: Stage) -> None:
    assert await said(stage, "{ best { said(number: null, maybe: null) } }") == {
        **DEFAULTS,
        "number": None,
        "maybe": None,
    }


async def test_variables_are_given_in_the_place_of_arguments(stage: Stage) -> None:
    query = """query Said($text: String!, $film: Film!, $review: Review) {
      best { said(text: $text, film: $film, review: $review) } }"""
    found = await said(stage, query, text="v", film="NEWHOPE", review={"stars": 1})
    assert found == {**DEFAULTS, "text": "v", "film": Film.NEWHOPE, "review": Review(stars=1)}


async def test_an_argument_whose_variable_is_not_given_has_its_default(stage: Stage) -> None:
    query = """query Said($text: String, $number: Int, $maybe: String) {
      best { said(text: $text, number: $number, maybe: $maybe) } }"""
    assert await said(stage, query) == DEFAULTS
    assert (await said(stage, query, number=None))["number"] is None
    assert (await said(stage, query, maybe=None))["maybe"] is None


async def test_variables_within_input_objects_and_lists(stage: Stage) -> None:
    query = """query Said($stars: Int!, $comment: String, $tag: String, $one: Int!) {
      best { said(review: {stars: $stars, commentary: $comment, tags: [$tag, "b"]}, many: [1, $one]) } }"""
    found = await said(stage, query, stars=2, one=9, tag="a")
    assert (found["review"], found["many"]) == (Review(stars=2, commentary="none", tags=["a", "b"]), [1, 9])
    found = await said(stage, query, stars=2, one=9)
    assert found["review"].tags == [None, "b"]


async def test_null_for_an_argument_that_is_never_null_is_an_error_of_the_field(stage: Stage) -> None:
    query = "query Said($text: String) { best { name said(text: $text) } }"
    data, errors = await stage.errors(query, HERO, {"text": None})
    assert data == '{"best":{"name":"Ada","said":null}}'
    assert [path for _, path in errors] == [["best", "said"]]


async def test_one_plan_takes_the_variables_of_each_request(stage: Stage) -> None:
    query = 'query Said($text: String! = "d") { best { said(text: $text) } }'
    for text in ("a", "b", "a"):
        assert await stage.data(query, HERO, {"text": text}) == f'{{"best":{{"said":"{text}"}}}}'
    assert await stage.data(query, HERO) == '{"best":{"said":"d"}}'


# Value Resolution


async def test_a_field_without_a_resolver_reads_the_object(stage: Stage) -> None:
    assert await stage.data("{ best { name sureName number } }", HERO) == (
        '{"best":{"name":"Ada","sureName":"Ada","number":1}}'
    )


async def test_each_field_is_resolved_for_its_own_object(stage: Stage) -> None:
    friends = [Person(f"P{number}", number, {"text": f"t{number}"}) for number in range(5)]
    found = await stage.data("{ friends { number text } }", {"friends": friends})
    maps = [f'{{"number":{number},"text":"t{number}"}}' for number in range(5)]
    assert found == f'{{"friends":[{",".join(maps)}]}}'
    assert stage.script.calls == [("friends", 1), ("text", 5)]


# Value Completion


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("text", "a", '"a"'),
        ("text", 'quoted "text"\n\u2028', '"quoted \\"text\\"\\n\u2028"'),
        ("text", 5, '"5"'),
        ("text", True, '"true"'),
        ("integer", 2**31 - 1, "2147483647"),
        ("integer", -(2**31), "-2147483648"),
        ("integer", True, "1"),
        ("integer", 3.0, "3"),
        ("integer", "12", "12"),
        ("fraction", 1, "1.0"),
        ("fraction", 0.5, "0.5"),
        ("fraction", "1.5", "1.5"),
        ("flag", False, "false"),
        ("flag", 1, "true"),
        ("key", "k", '"k"'),
        ("key", 7, '"7"'),
        ("film", Film.NEWHOPE, '"NEWHOPE"'),
        ("moment", datetime(2026, 1, 2, 3, 4, 5, 6, UTC), '"2026-01-02T03:04:05.000006Z"'),
        ("amount", Decimal("1.50"), '"1.5"'),
        ("texts", ["a", None, "b"], '["a",null,"b"]'),
        ("texts", ("a",), '["a"]'),
        ("texts", [], "[]"),
        ("integers", [[1, None], []], "[[1,null],[]]"),
    ],
)
@pytest.mark.parametrize("place", ["{ %s }", "{ best { %s } }"])
async def test_results_are_coerced_by_their_types(
    stage: Stage, place: str, field: str, value: Any, written: str
) -> None:
    root = {field: value, "best": Person(links={field: value})}
    data, errors = await stage.errors(place % f"x: {field}", root)
    assert errors == []
    assert data == (f'{{"x":{written}}}' if place == "{ %s }" else f'{{"best":{{"x":{written}}}}}')


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", []),
        ("text", {}),
        ("integer", 2**31),
        ("integer", "x"),
        ("integer", 1.5),
        ("integer", float("nan")),
        ("fraction", "x"),
        ("fraction", float("inf")),
        ("flag", "true"),
        ("key", 1.5),
        ("film", "NEWHOPE"),
        ("film", 6),
        ("moment", "2026-01-02T03:04:05Z"),
        ("amount", 1.5),
        ("amount", Decimal("NaN")),
        ("texts", "text"),
        ("texts", {"a": 1}),
        ("texts", 5),
    ],
)
async def test_results_that_cannot_be_coerced_are_errors(stage: Stage, field: str, value: Any) -> None:
    data, errors = await stage.errors(f"{{ best {{ name {field} }} }}", {"best": Person(links={field: value})})
    assert data == f'{{"best":{{"name":"Ada","{field}":null}}}}'
    assert [path for _, path in errors] == [["best", field]]


async def test_null_is_completed_to_null(stage: Stage) -> None:
    query = "{ text friend { name } friends { name } texts integers grid { name } }"
    assert await stage.data(query) == (
        '{"text":null,"friend":null,"friends":null,"texts":null,"integers":null,"grid":null}'
    )


async def test_lists_of_lists_keep_their_shape(stage: Stage) -> None:
    grid = [[Person("a"), None], None, [], [Machine("b"), Person("c")]]
    found = await stage.data("{ grid { name __typename } }", {"grid": grid})
    assert found == (
        '{"grid":[[{"name":"a","__typename":"Human"},null],null,[],'
        '[{"name":"b","__typename":"Droid"},{"name":"c","__typename":"Human"}]]}'
    )


async def test_the_same_object_in_several_places_is_completed_in_each(stage: Stage) -> None:
    ada = Person("Ada", links={"text": "t"})
    found = await stage.data("{ friends { name text } }", {"friends": [ada, ada, None, ada]})
    one = '{"name":"Ada","text":"t"}'
    assert found == f'{{"friends":[{one},{one},null,{one}]}}'


async def test_abstract_types_are_those_of_their_values(stage: Stage) -> None:
    root = {"found": [Machine("R2", 2), Person("Ada", 1)], "friends": [Person("Ada"), Machine("R2")]}
    query = "{ found { __typename ... on Human { name } ... on Droid { number } } friends { __typename name } }"
    assert await stage.data(query, root) == (
        '{"found":[{"__typename":"Droid","number":2},{"__typename":"Human","name":"Ada"}],'
        '"friends":[{"__typename":"Human","name":"Ada"},{"__typename":"Droid","name":"R2"}]}'
    )


async def test_objects_of_several_types_keep_their_order_below_what_waits(stage: Stage) -> None:
    friends = [
        (Machine if number % 3 else Person)(str(number), links={"friend": Person(f"of {number}")})
        for number in range(7)
    ]
    query = "{ friends { name ... on Human { friend { name } } ... on Droid { f: friend { n: name } } } }"
    maps = [
        f'{{"name":"{n}","f":{{"n":"of {n}"}}}}' if n % 3 else f'{{"name":"{n}","friend":{{"name":"of {n}"}}}}'
        for n in range(7)
    ]
    assert await stage.data(query, {"friends": friends}) == f'{{"friends":[{",".join(maps)}]}}'


async def test_a_value_of_no_type_of_the_interface_is_an_error(stage: Stage) -> None:
    data, errors = await stage.errors("{ friends { name } text }", {"friends": [Person(), "no object"], "text": "a"})
    assert data == '{"friends":[{"name":"Ada"},null],"text":"a"}'
    assert [path for _, path in errors] == [["friends", 1]]


async def test_a_value_of_another_type_than_the_fields_is_an_error(stage: Stage) -> None:
    data, errors = await stage.errors("{ best { name } text }", {"best": Machine(), "text": "a"})
    assert data == '{"best":null,"text":"a"}'
    assert [path for _, path in errors] == [["best"]]


async def test_selections_of_a_field_that_is_asked_for_twice_are_merged(stage: Stage) -> None:
    root = {"best": Person("Ada", 1, {"friend": Person("Eve", 2, {"text": "deep"})})}
    query = "{ best { name friend { name } } best { friend { number text } number friend { name } } }"
    assert await stage.data(query, root) == (
        '{"best":{"name":"Ada","friend":{"name":"Eve","number":2,"text":"deep"},"number":1}}'
    )
    assert stage.script.calls == [("best", 1), ("friend", 1), ("text", 1)]
