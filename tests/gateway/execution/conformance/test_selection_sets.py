"""GraphQL specification, September 2025, "Executing Selection Sets": which fields are collected, and in which order."""

import pytest

from tests.gateway.execution.conformance.stage import Machine, Person, Stage

ROOT = {
    "best": Person("Ada", 1, {"friend": Machine("R2", 2), "text": "hello"}),
    "found": [Person("Ada"), Machine("R2"), None, Person("Eve")],
    "text": "a",
    "key": "k",
    "integer": 1,
}


async def test_fields_are_answered_in_the_order_in_which_they_stand(stage: Stage) -> None:
    assert await stage.data("{ key text integer }", ROOT) == '{"key":"k","text":"a","integer":1}'
    assert await stage.data("{ integer key text }", ROOT) == '{"integer":1,"key":"k","text":"a"}'


async def test_order_does_not_depend_on_what_waits(stage: Stage) -> None:
    query = "{ best { text name friend { name } number } }"
    assert await stage.data(query, ROOT) == '{"best":{"text":"hello","name":"Ada","friend":{"name":"R2"},"number":1}}'


async def test_an_alias_is_the_key_and_the_same_field_may_have_several(stage: Stage) -> None:
    query = "{ a: best { x: name y: name name } b: best { name: number } }"
    assert await stage.data(query, ROOT) == '{"a":{"x":"Ada","y":"Ada","name":"Ada"},"b":{"name":1}}'


async def test_a_field_stands_where_it_was_first_asked_for(stage: Stage) -> None:
    query = "{ text best { name } key ...More best { number } text } fragment More on Query { integer best { text } }"
    assert await stage.data(query, ROOT) == (
        '{"text":"a","best":{"name":"Ada","text":"hello","number":1},"key":"k","integer":1}'
    )


async def test_fields_of_fragments_are_collected_depth_first(stage: Stage) -> None:
    query = """{ ...A key } fragment A on Query { integer ...B text } fragment B on Query { best { name } ...C }
      fragment C on Query { text }"""
    assert await stage.data(query, ROOT) == '{"integer":1,"best":{"name":"Ada"},"text":"a","key":"k"}'


async def test_a_fragment_that_is_spread_twice_counts_once_and_a_field_is_resolved_once(stage: Stage) -> None:
    query = "{ ...A ...A best { text } } fragment A on Query { best { text } }"
    assert await stage.data(query, ROOT) == '{"best":{"text":"hello"}}'
    assert stage.script.calls == [("best", 1), ("text", 1)]


async def test_fragments_without_a_type_apply(stage: Stage) -> None:
    assert await stage.data("{ ... { text } ... @include(if: true) { key } }", ROOT) == '{"text":"a","key":"k"}'


async def test_fragments_apply_to_their_own_type_alone(stage: Stage) -> None:
    query = "{ found { ... on Human { name } ... on Droid { __typename } } }"
    assert await stage.data(query, ROOT) == ('{"found":[{"name":"Ada"},{"__typename":"Droid"},null,{"name":"Eve"}]}')


async def test_fragments_on_an_interface_apply_to_what_implements_it(stage: Stage) -> None:
    query = "{ best { ... on Character { name friend { ... on Character { name } ... on Human { number } } } } }"
    assert await stage.data(query, ROOT) == '{"best":{"name":"Ada","friend":{"name":"R2"}}}'


async def test_fragments_on_a_union_apply_to_its_members(stage: Stage) -> None:
    query = "{ best { ... on Found { ... on Human { name } ... on Droid { number } } } }"
    assert await stage.data(query, ROOT) == '{"best":{"name":"Ada"}}'


async def test_an_object_of_which_nothing_is_collected_is_empty(stage: Stage) -> None:
    assert await stage.data("{ found { ... on Droid { name } } }", ROOT) == '{"found":[{},{"name":"R2"},null,{}]}'


async def test_one_key_may_mean_different_fields_of_types_that_exclude_each_other(stage: Stage) -> None:
    query = "{ found { ... on Human { x: name } ... on Droid { x: text } } }"
    assert await stage.data(query, ROOT) == '{"found":[{"x":"Ada"},{"x":null},null,{"x":"Eve"}]}'


@pytest.mark.parametrize(
    ("directives", "included"),
    [
        ("@skip(if: true)", False),
        ("@skip(if: false)", True),
        ("@include(if: true)", True),
        ("@include(if: false)", False),
        ("@skip(if: false) @include(if: true)", True),
        ("@skip(if: true) @include(if: true)", False),
        ("@include(if: false) @skip(if: false)", False),
        ("@include(if: true) @skip(if: true)", False),
    ],
)
async def test_skip_and_include_of_fields_and_fragments(stage: Stage, directives: str, included: bool) -> None:
    expected = '{"text":"a","key":"k"}' if included else '{"key":"k"}'
    for written in (f"text {directives}", f"... {directives} {{ text }}", f"...T {directives}"):
        query = f"{{ {written} key }} {'fragment T on Query { text }' if '...T' in written else ''}"
        assert await stage.data(query, ROOT) == expected


@pytest.mark.parametrize(("a", "b"), [(True, True), (True, False), (False, True), (False, False)])
async def test_skip_and_include_by_variables(stage: Stage, a: bool, b: bool) -> None:
    query = """query Some($a: Boolean!, $b: Boolean = true) {
      text @skip(if: $a) best @include(if: $b) { name @skip(if: $a) number } key }"""
    found = await stage.data(query, ROOT, {"a": a, "b": b})
    name = "" if a else '"name":"Ada",'
    text = "" if a else '"text":"a",'
    best = f'"best":{{{name}"number":1}},' if b else ""
    assert found == f'{{{text}{best}"key":"k"}}'


async def test_variables_that_steer_have_their_defaults(stage: Stage) -> None:
    query = "query Some($a: Boolean! = true) { text @skip(if: $a) key }"
    assert await stage.data(query, ROOT) == '{"key":"k"}'
    assert await stage.data(query, ROOT, {"a": False}) == '{"text":"a","key":"k"}'


async def test_a_field_that_is_skipped_in_one_place_is_there_by_another(stage: Stage) -> None:
    query = "{ best @skip(if: true) { name } best { number } }"
    assert await stage.data(query, ROOT) == '{"best":{"number":1}}'


async def test_a_fragment_that_is_skipped_first_applies_later(stage: Stage) -> None:
    query = "{ ...T @skip(if: true) key ...T } fragment T on Query { text }"
    assert await stage.data(query, ROOT) == '{"key":"k","text":"a"}'


async def test_what_is_skipped_is_not_resolved(stage: Stage) -> None:
    await stage.data("{ best { text @skip(if: true) friend @include(if: false) { name } name } }", ROOT)
    assert stage.script.calls == [("best", 1)]
