"""Bytes to text: which encoding a feed is in, and text without what XML and PostgreSQL refuse."""

import codecs
import re
import sys
from collections.abc import Callable

from resolvers.feeds.reasons import Oddity

Warn = Callable[[Oddity, str], None]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16 LE, whose mark begins this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_STARTS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
# Codecs that Python knows and XML does not (utf-7, punycode, rot13, unicode_escape, ...) are not on this list.
_KNOWN = re.compile(
    r"utf-?8|(?:us-)?ascii|iso-?8859-?\d{1,2}|latin-?1|windows-?125[0-8]|cp125[0-8]|koi8-[ru]"
    r"|big5(?:-?hkscs)?|gb2312|gbk|gb18030|euc-(?:jp|kr)|shift[-_]jis|mac(?:intosh|-?roman)|tis-620",
    re.IGNORECASE,
)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([A-Za-z0-9_.:-]{1,40})[\"']")
_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_C1 = re.compile("[\x80-\x9f]")
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\ud800-\udfff\ufffe\uffff]")


def feed_text(body: bytes, content_type: str | None, warn: Warn) -> str:
    """The document as text that holds only characters XML allows; never fails.

    Order of belief (RFC 7303): byte order mark or the first bytes of UTF-16 and UTF-32, the charset of `content_type`,
    the XML declaration, UTF-8. What is not in the encoding it claims is read as UTF-8 or Windows-1252, with a warning.
    """
    text = _decoded(body, content_type, warn)
    clean, removed = _NOT_XML.subn("", text)
    if removed:
        warn(Oddity.CONTROL_CHARACTERS, f"{removed} characters that XML forbids were removed")
    return clean


def xml_allows(code: int) -> bool:
    """True if XML 1.0 allows the character of this code point, even as a reference."""
    return code <= sys.maxunicode and _NOT_XML.fullmatch(chr(code)) is None


def without_controls(text: str) -> str:
    """`text` with line ends as line feeds, without NUL and other control characters, without space around it.

    Of the control characters U+0080 to U+009F become what Windows-1252 has there: publishers' quotes and dashes.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", _C1.sub(_from_windows, lines)).strip()


def _from_windows(match: re.Match[str]) -> str:
    return match[0].encode("latin-1").decode("cp1252", "ignore")


def _decoded(body: bytes, content_type: str | None, warn: Warn) -> str:
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return _lenient(body[len(mark) :], encoding, warn)
    for start, encoding in _WIDE_STARTS:
        if body.startswith(start):
            return _lenient(body, encoding, warn)
    declared = _claimed(body, content_type)
    if declared is not None and _KNOWN.fullmatch(declared) is None:
        warn(Oddity.ENCODING_GUESSED, f"the encoding {declared} is not one that feeds use; read as UTF-8")
        declared = None
    encoding = codecs.lookup(_preferred(declared)).name if declared is not None else "utf-8"
    if encoding != "utf-8":
        return _lenient(body, encoding, warn)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if body.decode("utf-8", "ignore").isascii():  # not one valid multi-byte character: it never was UTF-8
        warn(Oddity.ENCODING_GUESSED, "not UTF-8 as claimed; read as Windows-1252")
        return body.decode("cp1252", "replace")
    return _lenient(body, "utf-8", warn)


def _claimed(body: bytes, content_type: str | None) -> str | None:
    charset = _CHARSET.search(content_type[:500]) if content_type else None
    if charset is not None:
        return charset[1]
    declaration = _DECLARED.match(body[:1_000])
    return declaration[1].decode("ascii") if declaration is not None else None


def _preferred(name: str) -> str:
    """The superset that publishers mean: Windows-1252 for Latin-1 and ASCII, GB 18030 for GB 2312 (as browsers do)."""
    match name.lower():
        case "iso-8859-1" | "iso8859-1" | "iso88591" | "latin1" | "latin-1":
            return "cp1252"
        case "ascii" | "us-ascii":
            return "utf-8"
        case "gb2312" | "gbk":
            return "gb18030"
        case other:
            try:
                codecs.lookup(other)
            except LookupError:  # e.g. iso-8859-12, which was never defined
                return "utf-8"
            return other


def _lenient(body: bytes, encoding: str, warn: Warn) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        warn(Oddity.INVALID_BYTES, f"bytes that are not {encoding} became U+FFFD")
        return body.decode(encoding, "replace")
