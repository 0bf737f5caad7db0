"""What resolvers have answered, for whoever asks again."""

import traceback

import pytest

from resolvers.answers import UNKNOWN, Answers

FIELD = ("Campaign", 1)
ONE, OTHER = object(), object()


def test_a_value_is_found_for_the_very_parent_it_was_given_for() -> None:
    answers = Answers()
    answers.note(FIELD, [ONE, OTHER], ["one", None])
    assert (answers.of(FIELD, ONE), answers.of(FIELD, OTHER)) == ("one", None)
    assert answers.of(FIELD, object()) is UNKNOWN
    assert answers.of(("Campaign", 2), ONE) is UNKNOWN


def test_a_field_that_was_called_at_two_places_has_the_answers_of_both() -> None:
    answers = Answers()
    answers.note(FIELD, [ONE], ["one"])
    assert answers.of(FIELD, OTHER) is UNKNOWN
    answers.note(FIELD, [OTHER], ["other"])
    assert (answers.of(FIELD, ONE), answers.of(FIELD, OTHER)) == ("one", "other")


def test_what_a_call_raised_is_raised_for_each_parent_with_a_traceback_that_does_not_grow() -> None:
    answers = Answers()
    answers.note(FIELD, [ONE, OTHER], LookupError("gone"))
    depths = []
    for parent in (ONE, OTHER, ONE, OTHER):
        with pytest.raises(LookupError, match="gone") as caught:
            answers.of(FIELD, parent)
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(depths)) == 1
