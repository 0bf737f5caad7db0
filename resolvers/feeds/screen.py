"""The first reading of a feed: one pass of expat that vets the document and writes out only what is to be understood.

The feed parser sees the result and nothing else, an RSS 2.0 document without type declaration, comments, foreign
namespaces, live items, elements out of place, deep nesting or long tags, with every item of the file in its order.
"""

import re
from collections.abc import Mapping
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import msgspec

from resolvers.errors import FeedRejected
from resolvers.feeds.reasons import Reason
from resolvers.feeds.values import ParseLimits
from resolvers.feeds.vocabulary import FEED_FIELDS, ITEM_FIELDS, Field, Shape, family

_CHUNK = 1 << 18
_LONGEST_ATTRIBUTE = 8_192
_CHANNEL_LEVEL = 2
_DEEPEST_ITEM = 3
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_ABOUT = "http://www.w3.org/1999/02/22-rdf-syntax-ns# about"
_OPENING = '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>'
_RELATIONS = frozenset({"", "alternate", "enclosure"})
_CLOSING = "</channel></rss>"
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_FURTHER_FEED = re.compile(rb"<(?:[\w.-]{1,99}:)?(?:item|entry|channel|rss|feed|rdf)\b", re.IGNORECASE)


Values = dict[str, str]
"""Fields that are kept word for word, by the names of `resolvers.feeds.vocabulary`."""


class Screened(msgspec.Struct, frozen=True):
    """`document` is what feedparser is to read, in UTF-8; `feed` and `items` are what it need not.

    The document's items are as many as `items` and in the same order. `misplaced` more were outside the list of items.
    `trailing`: something that is not XML followed the root element and was ignored.
    """

    document: bytes
    feed: Values
    items: list[Values]
    misplaced: int
    trailing: bool


class NotWellFormed(Exception):
    """Expat's verdict: its error code and the place, both counted from 1."""

    def __init__(self, code: int, line: int, column: int) -> None:
        super().__init__(f"{expat.errors.messages[code]}: line {line}, column {column}")
        self.code = code
        self.line = line
        self.column = column


def screened(text: str, limits: ParseLimits) -> Screened:
    """`text` (from its root element on) vetted and reduced.

    Raises NotWellFormed, and FeedRejected: TOO_COMPLEX, TOO_MANY_ITEMS, NOT_A_FEED (no channel), XML_ENTITIES.
    """
    document = text.encode("utf-8")
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    screen = _Screen(limits)
    parser.StartElementHandler = screen.start
    parser.EndElementHandler = screen.end
    parser.CharacterDataHandler = screen.characters
    parser.StartDoctypeDeclHandler = _refuse_doctype
    trailing = False
    try:
        for offset in range(0, len(document), _CHUNK):
            parser.Parse(document[offset : offset + _CHUNK], False)
            if offset + _CHUNK - parser.CurrentByteIndex > limits.token_bytes + _CHUNK:
                raise FeedRejected(Reason.TOO_COMPLEX, f"the feed has a tag longer than {limits.token_bytes} bytes")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        if not screen.finished or _FURTHER_FEED.search(document, parser.ErrorByteIndex) is not None:
            raise NotWellFormed(error.code, error.lineno, error.offset + 1) from error
        trailing = True
    if not screen.has_channel:
        raise FeedRejected(Reason.NOT_A_FEED, "this RSS document has no channel")
    written = "".join([_OPENING, *screen.written, _CLOSING]).encode("utf-8")
    return Screened(
        document=written, feed=screen.feed, items=screen.items, misplaced=screen.misplaced, trailing=trailing
    )


def _refuse_doctype(name: str, system_id: str | None, public_id: str | None, has_internal_subset: bool) -> None:
    # The prolog was read lexically and holds none: this is the second lock.
    raise FeedRejected(Reason.XML_ENTITIES, "feeds with a document type declaration are not accepted")


class _Screen:
    """Expat's handlers over one document. Levels count open elements: the root is at level 1."""

    def __init__(self, limits: ParseLimits) -> None:
        self.written: list[str] = []
        self.feed: Values = {}
        self.items: list[Values] = []
        self.misplaced = 0
        self.has_channel = False
        self.finished = False
        self._limits = limits
        self._families: dict[str, str | None] = {}
        self._is_atom = False
        self._level = 0
        self._elements = 0
        self._skipped_from = 0
        self._channel_at = 0
        self._item_at = 0
        self._field: Field | None = None
        self._field_at = 0
        self._captured_at = 0
        self._attributes = ""
        self._text: list[str] = []
        self._room = 0
        self._values = self.feed
        self._seen: dict[str, int] = {}
        self._seen_of_feed = self._seen

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._level += 1
        self._elements += 1
        if self._level > self._limits.depth or self._elements > self._limits.elements:
            raise FeedRejected(Reason.TOO_COMPLEX, "the feed has too many elements, or elements nested too deeply")
        if self._field is not None:
            self._start_within(self._field, name, attributes)
            return
        vocabulary, local = self._known(name)
        if self._skipped_from:
            self.misplaced += vocabulary == "" and local in ("item", "entry")
        elif self._level == 1:
            self._start_root(name, attributes)
        elif vocabulary == "" and local == "channel" and self._level == _CHANNEL_LEVEL and not self._is_atom:
            self._channel_at = self._level
            self.has_channel = True
        elif vocabulary == "" and local in ("item", "entry"):
            self._start_item(attributes)
        else:
            fields = ITEM_FIELDS if self._item_at else FEED_FIELDS
            field = fields.get((vocabulary, local)) if vocabulary is not None else None
            if field is None or not (self._item_at or self._channel_at):
                self._skipped_from = self._level
            else:
                self._start_field(field, attributes)

    def end(self, name: str) -> None:
        level = self._level
        self._level -= 1
        self.finished = self._level == 0
        if self._skipped_from:
            if level == self._skipped_from:
                self._skipped_from = 0
        elif self._field is not None:
            self._end_within(self._field, name, level)
        elif level == self._item_at:
            self.written.append("</item>")
            self._item_at = 0
            self._values = self.feed
            self._seen = self._seen_of_feed
        elif level == self._channel_at:
            self._channel_at = 0

    def characters(self, data: str) -> None:
        if self._field is None or self._room <= 0 or not self._captured_at:
            return
        if self._field.shape is Shape.MARKUP and self._level > self._field_at:
            data = escape(data)
        self._text.append(data[: self._room])
        self._room -= len(data)

    def _known(self, name: str) -> tuple[str | None, str]:
        uri, _, local = name.rpartition(" ")
        if uri not in self._families:
            self._families[uri] = family(uri)
        vocabulary = self._families[uri]
        if vocabulary == "atom":
            vocabulary = "" if self._is_atom or self._level == 1 else None
        return vocabulary, local.lower()

    def _start_root(self, name: str, attributes: Mapping[str, str]) -> None:
        if name.rpartition(" ")[2].lower() == "feed":
            self._is_atom = self.has_channel = True
            self._channel_at = 1
            self.feed["xmllanguage"] = attributes.get(_LANGUAGE, "")[:100]

    def _start_item(self, attributes: Mapping[str, str]) -> None:
        if self._item_at or self._level > _DEEPEST_ITEM:
            self.misplaced += 1
            self._skipped_from = self._level
            return
        if len(self.items) >= self._limits.items:
            raise FeedRejected(Reason.TOO_MANY_ITEMS, f"the feed has more than {self._limits.items} items")
        self._item_at = self._level
        self.written.append("<item>")
        about = attributes.get(_ABOUT, "")[:_LONGEST_ATTRIBUTE]
        self._seen = {}
        self._values = {"about": about} if about else {}
        self.items.append(self._values)

    def _start_field(self, field: Field, attributes: Mapping[str, str]) -> None:
        relation = attributes.get("rel", "").strip().lower() if field.name == "link" else ""
        if self._seen.get(field.name, 0) >= field.most or relation not in _RELATIONS:
            self._skipped_from = self._level
            return
        self._field = field
        self._field_at = self._level
        self._attributes = ""
        self._text = []
        self._room = field.limit
        self._captured_at = self._level if field.shape not in (Shape.IMAGE, Shape.PERSON, Shape.VALUE) else 0
        kept = {
            key: value
            for key in field.attributes
            if (value := _attribute(attributes, key)) is not None and len(value) <= _LONGEST_ATTRIBUTE
        }
        if field.shape is Shape.ATTRIBUTES:
            self._attributes = "".join(f" {key}={quoteattr(value)}" for key, value in kept.items())
        elif field.shape is Shape.VALUE:
            self._text = list(kept.values())[:1]
        elif field.shape is Shape.CATEGORIES:
            self.written.extend(f"<{field.name} text={quoteattr(value)}></{field.name}>" for value in kept.values())

    def _start_within(self, field: Field, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if field.shape is Shape.MARKUP:
            pairs = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items() if " " not in key)
            tag = f"<{local}{pairs}>"
            self._text.append(tag if len(tag) <= self._room else "")
            self._room -= len(tag)
        elif field.shape is Shape.CATEGORIES:
            text = attributes.get("text")
            if self._known(name) == ("itunes", "category") and text and self._seen.get(field.name, 0) < field.most:
                self._seen[field.name] = self._seen.get(field.name, 0) + 1
                self.written.append(f"<{field.name} text={quoteattr(text[:_LONGEST_ATTRIBUTE])}></{field.name}>")
        elif not self._captured_at and self._level == self._field_at + 1:
            wanted = {Shape.IMAGE: "url", Shape.PERSON: "name"}.get(field.shape)
            if local.lower() == wanted:
                self._captured_at = self._level

    def _end_within(self, field: Field, name: str, level: int) -> None:
        if level > self._field_at:
            local = name.rpartition(" ")[2]
            if field.shape is Shape.MARKUP and self._room > 0 and local.lower() not in _VOID:
                self._text.append(f"</{local}>")
                self._room -= len(local) + 3
            elif level == self._captured_at:
                self._captured_at = 0
                self._room = 0  # the first url or name is the one
            return
        self._field = None
        text = "".join(self._text)
        if not text.strip() and not self._attributes and field.shape is not Shape.CATEGORIES:
            return
        self._seen[field.name] = self._seen.get(field.name, 0) + 1
        if field.interpreted and field.shape is not Shape.CATEGORIES:
            self.written.append(f"<{field.name}{self._attributes}>{escape(text)}</{field.name}>")
        if text:
            self._values.setdefault(field.name, text)


def _attribute(attributes: Mapping[str, str], key: str) -> str | None:
    if key in attributes:
        return attributes[key]
    return next((value for name, value in attributes.items() if name.lower() == key.lower()), None)
