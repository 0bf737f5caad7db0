"""What is refused, with which code; what is merely sloppy, with which warning."""

import pytest

from resolvers.errors import FeedRejected
from resolvers.feeds.parser import parse_feed
from resolvers.feeds.reasons import Oddity, Reason
from resolvers.feeds.screen import screened
from resolvers.feeds.values import ParseLimits
from tests.resolvers.feeds.documents import FULL, item, rss

PLAIN = rss(item()).decode().partition("?>\n")[2]
BOMB = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
PARAMETER = '<!DOCTYPE rss [<!ENTITY % a SYSTEM "http://a.example/x.dtd"> %a;]>'


def refusal(body: bytes, limits: ParseLimits | None = None, content_type: str | None = None) -> str:
    with pytest.raises(FeedRejected) as caught:
        parse_feed(body, content_type=content_type, limits=limits or ParseLimits())
    assert caught.value.path == ("url",)
    return caught.value.reason


def oddities(body: bytes, content_type: str | None = None) -> list[Oddity]:
    feed = parse_feed(body, content_type=content_type)
    assert len(feed.episodes) == 1
    return [warning.code for warning in feed.warnings if warning.code is not Oddity.NO_ENCLOSURE]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   \n",
        b"\x00\x01\x02",
        b"hello",
        b'{"version": "https://jsonfeed.org/version/1"}',
        b"<!DOCTYPE html><html><body><rss/></body></html>",
        b"<html><head><title>x</title>",
        b"<opml/>",
        b"<rssx><channel/></rssx>",
        b"<rss/>",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    assert refusal(body) == Reason.NOT_A_FEED


@pytest.mark.parametrize("doctype", [BOMB, EXTERNAL, PARAMETER, '<!DOCTYPE rss SYSTEM "http://a.example/x.dtd">'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_document_types_are_refused_in_every_encoding(doctype: str, encoding: str) -> None:
    assert refusal((doctype + PLAIN).encode(encoding)) == Reason.XML_ENTITIES


def test_document_type_behind_comments_and_instructions_is_refused() -> None:
    assert refusal(f"<?xml version='1.0'?><!-- <rss> --><?x <rss?>\n{BOMB}{PLAIN}".encode()) == Reason.XML_ENTITIES


def test_document_type_hidden_in_utf_7_stays_text() -> None:
    hidden = '<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE rss [+ADwAIQ-ENTITY a "b"+AD4]+AD4'
    assert refusal((hidden + PLAIN).encode()) == Reason.NOT_A_FEED


def test_screen_refuses_a_document_type_that_the_prolog_let_through() -> None:
    with pytest.raises(FeedRejected) as caught:
        screened(BOMB + PLAIN, ParseLimits())
    assert caught.value.reason == Reason.XML_ENTITIES


@pytest.mark.parametrize("body", ["<!DOCTYPE rss", "<!-- <rss>", "<?xml version='1.0'", "<?xml?><!-- -->"])
def test_document_that_ends_before_its_root_is_refused(body: str) -> None:
    assert refusal(body.encode()) == (Reason.NOT_A_FEED if body.endswith("-->") else Reason.MALFORMED)


def test_document_type_within_the_document_is_refused() -> None:
    assert refusal(PLAIN.replace("<channel>", f"<channel>{BOMB}").encode()) == Reason.MALFORMED


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE rss>",
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://a.example/rss-0.91.dtd">',
    ],
)
def test_document_type_of_real_feeds_is_ignored(doctype: str) -> None:
    assert oddities((doctype + PLAIN).encode()) == []


def test_every_truncation_is_refused() -> None:
    whole = FULL.rstrip()
    reasons = {refusal(whole[:end]) for end in range(1, len(whole))}
    assert reasons == {Reason.NOT_A_FEED, Reason.MALFORMED}
    assert all(refusal(whole[:end]) == Reason.MALFORMED for end in range(whole.index(b"<channel>"), len(whole), 7))


@pytest.mark.parametrize("body", ["<rss><channel><title>x</channel></rss>", "<rss a='1' a='2'><channel/></rss>"])
def test_xml_with_more_than_one_repair_is_refused(body: str) -> None:
    assert refusal(body.encode()) == Reason.MALFORMED


def test_second_feed_after_the_first_is_refused() -> None:
    assert refusal((PLAIN + PLAIN).encode()) == Reason.MALFORMED


def test_limits_are_enforced() -> None:
    two = rss(item() + item(guid="g2"))
    assert refusal(two, ParseLimits(items=1)) == Reason.TOO_MANY_ITEMS
    assert len(parse_feed(two, limits=ParseLimits(items=2)).episodes) == 2
    assert refusal(two, ParseLimits(elements=7)) == Reason.TOO_COMPLEX
    assert len(parse_feed(two, limits=ParseLimits(elements=9)).episodes) == 2
    assert refusal(two, ParseLimits(depth=3)) == Reason.TOO_COMPLEX


def test_nesting_bomb_is_refused() -> None:
    assert refusal(b"<rss><channel>" + b"<a>" * 1_000_000) == Reason.TOO_COMPLEX


def test_endless_tag_is_refused() -> None:
    assert refusal(b"<rss><channel><a b='" + b">" * 3_000_000 + b"'/></channel></rss>") == Reason.TOO_COMPLEX


def test_more_repairs_than_allowed_are_refused() -> None:
    sloppy = rss(item("<description>a & b & c</description>"))
    assert refusal(sloppy, ParseLimits(repairs=1)) == Reason.MALFORMED
    assert len(parse_feed(sloppy, limits=ParseLimits(repairs=2)).episodes) == 1


def test_warnings_are_bounded_and_the_rest_counted() -> None:
    feed = parse_feed(rss("".join(item(guid=str(number)) for number in range(5))), limits=ParseLimits(warnings=2))
    assert [warning.code for warning in feed.warnings] == [*[Oddity.NO_ENCLOSURE] * 2, Oddity.MORE_WARNINGS]
    assert feed.warnings[-1].message == "and 3 more warnings"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("a&nbsp;b&eacute;", "a bé"),
        ("R&D", "R&D"),
        ("R&unknown;D", "R&unknown;D"),
        ("1 < 2", "1 < 2"),
        ("x&#xFFFE;y&#x110000;", "xy"),
        ("&#X41;&#x42;&", "AB&"),
        ("<![CDATA[a&nbsp;b]]> &copy;", "a&nbsp;b ©"),
    ],
)
def test_sloppy_text_is_mended_with_a_warning(written: str, title: str) -> None:
    body = rss(item(title=written))
    assert parse_feed(body).episodes[0].title == title
    assert oddities(body) == [Oddity.BAD_ENTITY]


def test_undeclared_prefix_is_declared_with_a_warning() -> None:
    body = b"<rss><channel><title>T</title><item><guid>1</guid><title>t</title><itunes:duration>5</itunes:duration>"
    body += b"<odd:thing odd:a='1'/></item></channel></rss>"
    assert parse_feed(body).episodes[0].duration_seconds == 5
    assert oddities(body) == [Oddity.UNDECLARED_PREFIX]


def test_text_around_the_feed_is_ignored_with_a_warning() -> None:
    assert oddities(b"\xef\xbb\xbf\n  " + rss(item())) == []
    assert oddities(b"Notice: undefined index\n" + rss(item())) == [Oddity.LEADING_CONTENT]
    assert oddities(rss(item()) + b"<!-- cached --> ") == []
    assert oddities(rss(item()) + b"</body> 12 queries") == [Oddity.TRAILING_CONTENT]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252", "koi8-r", "shift_jis", "gb2312", "UTF-8"])
def test_declared_encoding_is_honoured(encoding: str) -> None:
    title = {"koi8-r": "Привет", "shift_jis": "港", "gb2312": "\u6e2f", "windows-1252": "“Hafen”"}.get(encoding, "Café")
    body = f"<?xml version='1.0' encoding='{encoding}'?>{PLAIN.replace('One', title)}".encode(encoding)
    assert parse_feed(body).episodes[0].title == title
    assert oddities(body) == []


def test_charset_of_the_response_outranks_the_declaration() -> None:
    body = f"<?xml version='1.0' encoding='utf-8'?>{PLAIN.replace('One', 'Café')}".encode("iso-8859-1")
    assert parse_feed(body, content_type='text/xml; charset="ISO-8859-1"').episodes[0].title == "Café"


def test_stray_byte_becomes_a_replacement_character() -> None:
    body = PLAIN.replace("One", "Café").encode().replace(b"<guid", b"<guid>\xff</guid><guid", 1)
    assert oddities(body) == [Oddity.INVALID_BYTES]


def test_undeclared_windows_1252_is_guessed() -> None:
    body = PLAIN.replace("One", "Café “x”").encode("cp1252")
    assert parse_feed(body).episodes[0].title == "Café “x”"
    assert oddities(body) == [Oddity.ENCODING_GUESSED]


@pytest.mark.parametrize("claimed", ["utf-7", "rot13", "unicode_escape", "punycode", "cp037", "iso-8859-12", "x"])
def test_encoding_that_feeds_do_not_use_is_read_as_utf_8(claimed: str) -> None:
    feed = parse_feed(PLAIN.replace("One", "Café").encode(), content_type=f"text/xml; charset={claimed}")
    assert feed.episodes[0].title == "Café"
