"""Manifests of documents, as the tools of clients write them.

Apollo's `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "name", "type", "body"}]}`
and Relay's `{"<id>": "<text>"}`.
"""

import re
from pathlib import Path
from typing import Any, Final

import msgspec

APOLLO: Final = "apollo-persisted-query-manifest"
LONGEST_ID: Final = 200
"""Characters of an id; those of the usual tools are hashes of 32 or 64."""

_ID: Final = re.compile(rf"[!-~]{{1,{LONGEST_ID}}}")
_OPERATION: Final = re.compile(r"\b(?:query|mutation|subscription)\s+([_A-Za-z]\w*)", re.ASCII)


class UnreadableManifest(Exception):
    """No manifest of either format; the message is one sentence."""


class ManifestDocument(msgspec.Struct, frozen=True):
    """One document; `name` is its operation's, or the id where it has none."""

    id: str
    name: str
    text: str


class _Operation(msgspec.Struct):
    id: str
    body: str
    name: str = ""


def manifest_from(file: Path) -> tuple[ManifestDocument, ...]:
    """The documents of a manifest, in its order. Raises UnreadableManifest."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UnreadableManifest(f"{file} cannot be read: {error.strerror}.") from error
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableManifest(f"{file} is not JSON: {error}.") from error
    return _distinct(file, _apollo(file, value) if _is_apollo(value) else _relay(file, value))


def _is_apollo(value: Any) -> bool:
    return isinstance(value, dict) and not isinstance(value.get("operations", ""), str)


def _apollo(file: Path, value: dict[str, Any]) -> list[ManifestDocument]:
    if (value.get("format"), value.get("version")) != (APOLLO, 1):
        raise UnreadableManifest(f'{file} has "operations", but is not "{APOLLO}" of version 1.')
    try:
        operations = msgspec.convert(value["operations"], list[_Operation])
    except msgspec.ValidationError as error:
        raise UnreadableManifest(f"{file}: each operation needs the texts `id` and `body`: {error}.") from error
    return [ManifestDocument(each.id, each.name or _name(each.id, each.body), each.body) for each in operations]


def _relay(file: Path, value: object) -> list[ManifestDocument]:
    try:
        texts = msgspec.convert(value, dict[str, str])
    except msgspec.ValidationError as error:
        raise UnreadableManifest(
            f"{file} is neither Apollo's manifest nor an object of texts by id, as Relay writes it: {error}."
        ) from error
    return [ManifestDocument(given, _name(given, text), text) for given, text in texts.items()]


def _distinct(file: Path, documents: list[ManifestDocument]) -> tuple[ManifestDocument, ...]:
    """The documents, each id once."""
    found: dict[str, ManifestDocument] = {}
    for document in documents:
        if _ID.fullmatch(document.id) is None:
            raise UnreadableManifest(
                f"{file}: {document.id[:LONGEST_ID]!r} is no id: it has 1 to {LONGEST_ID} visible ASCII characters."
            )
        if found.setdefault(document.id, document).text != document.text:
            raise UnreadableManifest(f"{file} gives the id {document.id} to two different texts.")
    return tuple(found.values())


def _name(given: str, text: str) -> str:
    found = _OPERATION.search(text)
    return found.group(1) if found else given
