"""Manifests as clients' tools write them, and what is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.manifest import ManifestDocument, UnreadableManifest, manifest_from

APOLLO = {"format": "apollo-persisted-query-manifest", "version": 1}


def read(folder: Path, value: Any) -> tuple[ManifestDocument, ...]:
    file = folder / "manifest.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return manifest_from(file)


def test_apollos_manifest_gives_its_operations(tmp_path: Path) -> None:
    operations = [
        {"id": "a1", "name": "One", "type": "query", "body": "query One { a }"},
        {"id": "b2", "name": "Two", "type": "mutation", "body": "mutation Two { b }"},
    ]
    assert read(tmp_path, {**APOLLO, "operations": operations}) == (
        ManifestDocument("a1", "One", "query One { a }"),
        ManifestDocument("b2", "Two", "mutation Two { b }"),
    )


def test_relays_manifest_names_documents_by_their_operation(tmp_path: Path) -> None:
    texts = {"0f": "query PodcastsPage($n: Int) { a }", "1e": "{ a }", "operations": "subscription S { a }"}
    assert read(tmp_path, texts) == (
        ManifestDocument("0f", "PodcastsPage", "query PodcastsPage($n: Int) { a }"),
        ManifestDocument("1e", "1e", "{ a }"),
        ManifestDocument("operations", "S", "subscription S { a }"),
    )


def test_operation_that_is_listed_twice_is_one(tmp_path: Path) -> None:
    operation = {"id": "a1", "name": "One", "type": "query", "body": "{ a }"}
    assert len(read(tmp_path, {**APOLLO, "operations": [operation, operation]})) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "is neither Apollo's manifest nor an object of texts by id"),
        ({"a": 1}, "is neither Apollo's manifest nor an object of texts by id"),
        ({"operations": []}, 'has "operations", but is not "apollo-persisted-query-manifest" of version 1'),
        ({**APOLLO, "version": 2, "operations": []}, 'is not "apollo-persisted-query-manifest" of version 1'),
        ({**APOLLO, "operations": [{"id": "a"}]}, "each operation needs the texts `id` and `body`"),
        ({"a b": "{ a }"}, "'a b' is no id"),
        ({"": "{ a }"}, "'' is no id"),
        ({"x" * 201: "{ a }"}, "is no id: it has 1 to 200 visible ASCII characters"),
        (
            {**APOLLO, "operations": [{"id": "a", "body": "{ a }"}, {"id": "a", "body": "{ b }"}]},
            "gives the id a to two different texts",
        ),
    ],
)
def test_what_is_no_manifest_is_one_sentence(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(UnreadableManifest) as caught:
        read(tmp_path, value)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableManifest, match=r"nothing\.json cannot be read: No such file or directory\."):
        manifest_from(tmp_path / "nothing.json")
