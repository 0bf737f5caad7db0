"""What precedes the root element, read before any XML parser sees the document.

A document type declaration is where XML's bombs and thefts live: entities that multiply, entities that read files.
It is therefore found lexically, in decoded text (so that no encoding hides it), and no parser is ever given one.
"""

import re

from resolvers.errors import FeedRejected
from resolvers.feeds.reasons import Oddity, Reason
from resolvers.feeds.text import Warn

_SPACE = re.compile(r"[\s\ufeff]*+")
_DOCTYPE = re.compile(r"<!DOCTYPE((?:\"[^\"]*+\"|'[^']*+'|[^\[<>'\"]++)*+)", re.IGNORECASE)
# The one external subset that real feeds name (RSS 0.91); nothing is fetched for it.
_HARMLESS = re.compile(
    r"\s+[\w:.-]+\s*(?:PUBLIC\s+[\"']-//Netscape Communications//DTD RSS 0\.91//EN[\"'].*)?", re.DOTALL
)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,99}:)?(?:rss|RDF|feed)(?=[\s/>])", re.IGNORECASE)


def root_onwards(text: str, warn: Warn) -> str:
    """`text` from the start tag of its root element, which is one that feeds have.

    Raises FeedRejected: NOT_A_FEED, XML_ENTITIES (a document type declaration other than RSS 0.91's), MALFORMED
    (the document ends within its prolog).
    """
    position = _SPACE.match(text).end()  # type: ignore[union-attr]  # matches the empty string
    if position < len(text) and text[position] != "<":
        position = _after_leading_text(text, position, warn)
    while position < len(text):
        if text.startswith("<?", position):
            position = _after(text, "?>", position)
        elif text.startswith("<!--", position):
            position = _after(text, "-->", position + 4)
        elif (doctype := _DOCTYPE.match(text, position)) is not None:
            position = _after_doctype(text, doctype)
        elif _ROOT.match(text, position) is not None:
            return text[position:]
        else:
            break
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]  # matches the empty string
    raise FeedRejected(Reason.NOT_A_FEED, "this is not an RSS or Atom feed")


def _after_leading_text(text: str, position: int, warn: Warn) -> int:
    start = text.find("<", position, position + 10_000)
    if start < 0 or (not text.startswith("<?xml", start) and _ROOT.match(text, start) is None):
        raise FeedRejected(Reason.NOT_A_FEED, "this is not an RSS or Atom feed")
    warn(Oddity.LEADING_CONTENT, "text before the feed was ignored")
    return start


def _after(text: str, terminator: str, position: int) -> int:
    end = text.find(terminator, position)
    if end < 0:
        raise FeedRejected(Reason.MALFORMED, "the feed ends in the middle")
    return end + len(terminator)


def _after_doctype(text: str, doctype: re.Match[str]) -> int:
    declaration, end = doctype[1], doctype.end()
    if re.match(r"\s*html\b", declaration, re.IGNORECASE) is not None:
        raise FeedRejected(Reason.NOT_A_FEED, "this is a web page, not an RSS or Atom feed")
    if end == len(text):
        raise FeedRejected(Reason.MALFORMED, "the feed ends in the middle")
    if text[end] != ">" or _HARMLESS.fullmatch(declaration) is None:
        raise FeedRejected(Reason.XML_ENTITIES, "feeds with a document type declaration are not accepted")
    return end + 1
