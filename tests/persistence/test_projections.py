"""Projected records: the attributes that are read, and no others."""

import msgspec
import pytest

from persistence.projections import CURSOR, Projections, projected, record_of
from persistence.records import AdvertiserRecord, EpisodeRecord

TITLES = frozenset({"title", "guid"})


def test_projection_has_the_attributes_that_are_read_and_the_id_in_the_records_order() -> None:
    kind = projected(EpisodeRecord, TITLES)
    assert kind.__struct_fields__ == ("id", "guid", "title")
    record = kind(7, "g", "A Title")
    assert (record.id, record.guid, record.title) == (7, "g", "A Title")
    assert record == kind(7, "g", "A Title")


def test_attribute_that_was_not_asked_for_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(AttributeError):
        _ = projected(EpisodeRecord, TITLES)(7, "g", "A Title").season


def test_projected_record_cannot_be_changed() -> None:
    record = projected(EpisodeRecord, TITLES)(7, "g", "A Title")
    with pytest.raises(AttributeError):
        record.title = "Another"


def test_names_that_the_record_does_not_have_are_passed_over() -> None:
    assert projected(EpisodeRecord, frozenset({"title", CURSOR, "node"})).__struct_fields__ == ("id", "title")


def test_all_attributes_are_the_record_itself() -> None:
    assert projected(AdvertiserRecord, frozenset(AdvertiserRecord.__struct_fields__)) is AdvertiserRecord
    assert Projections().of(AdvertiserRecord, None) is AdvertiserRecord


def test_record_of_a_projection_is_what_it_is_a_part_of() -> None:
    assert record_of(projected(EpisodeRecord, TITLES)) is EpisodeRecord
    assert record_of(EpisodeRecord) is EpisodeRecord
    assert record_of(int) is int


def test_one_record_and_the_same_attributes_have_one_type() -> None:
    projections = Projections()
    assert projections.of(EpisodeRecord, frozenset({"title"})) is projections.of(EpisodeRecord, frozenset({"title"}))
    assert projections.of(EpisodeRecord, frozenset({"title"})) is not projections.of(EpisodeRecord, TITLES)
    assert projections.of(EpisodeRecord, frozenset()) is not projections.of(AdvertiserRecord, frozenset())


def test_however_many_are_asked_for_the_kept_ones_are_bounded_and_the_used_ones_stay() -> None:
    projections = Projections(most=3)
    used = projections.of(EpisodeRecord, TITLES)
    for name in EpisodeRecord.__struct_fields__:
        projections.of(EpisodeRecord, frozenset({name, "title"}))
        assert projections.of(EpisodeRecord, TITLES) is used
    assert len(projections) == 3


def test_projections_are_encoded_as_their_attributes() -> None:
    assert msgspec.json.encode(projected(EpisodeRecord, TITLES)(7, "g", "A Title")) == (
        b'{"id":7,"guid":"g","title":"A Title"}'
    )
