"""Elements, their lines, and text that is no schema."""

import pytest
from graphql import build_schema

from gateway.schema_changes.elements import Coordinate, UnreadableSchema, elements, line_of, owner, schema_from
from tests.gateway.schema_changes.samples import RICH


def test_lines_are_those_of_the_name_not_of_its_description() -> None:
    lines = elements(build_schema(RICH))
    assert lines[Coordinate("Podcast")].line == 10
    assert lines[Coordinate("Podcast.title(length:)")].line == 14
    assert lines[Coordinate("@cost(weight:)")].line == 4


def test_what_is_gone_is_shown_at_the_nearest_owner_that_is_left() -> None:
    lines = elements(build_schema(RICH))
    assert line_of(Coordinate("Podcast.title(gone:)"), lines) == 12
    assert line_of(Coordinate("Podcast.gone(x:)"), lines) == 10
    assert line_of(Coordinate("Gone.field"), lines) == 1
    assert line_of(None, lines) == 1


def test_owners_lead_from_an_argument_to_its_type() -> None:
    assert owner(Coordinate("T.f(a:)")) == "T.f"
    assert owner(Coordinate("T.f")) == "T"
    assert owner(Coordinate("@d(a:)")) == "@d"
    assert owner(Coordinate("T")) is None


@pytest.mark.parametrize(
    ("sdl", "message"),
    [
        ("", "here is not a valid schema: Syntax Error: Unexpected <EOF>. (line 1)"),
        ("type Query {", "here is not a valid schema: Syntax Error: Expected Name, found <EOF>. (line 1)"),
        ("type Query { a: Nothing }", "here is not a valid schema: Unknown type 'Nothing'. Did you mean 'String'?"),
        ("type T { a: Int }", "here is not a valid schema: Query root type must be provided."),
    ],
)
def test_text_that_is_no_schema_is_one_sentence(sdl: str, message: str) -> None:
    with pytest.raises(UnreadableSchema) as refused:
        schema_from(sdl, "here")
    assert str(refused.value) == message
