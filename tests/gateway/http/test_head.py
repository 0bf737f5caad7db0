"""Headers of a request."""

from gateway.http.head import Head, head_of

HEAD = Head({"headers": [(b"accept", b"a/b"), (b"x-name", "späte".encode("latin-1")), (b"accept", b"c/d")]})


def test_the_first_of_a_name_counts_unless_every_one_is_asked_for() -> None:
    assert HEAD.get("accept") == "a/b"
    assert HEAD.every("accept") == ["a/b", "c/d"]


def test_text_is_latin_1() -> None:
    assert HEAD.get("x-name") == "späte"


def test_what_is_missing_is_none_or_the_default() -> None:
    assert HEAD.get("host") is None
    assert HEAD.get("host", "here") == "here"
    assert HEAD.every("host") == []
    assert ("host" in HEAD, "accept" in HEAD) == (False, True)


def test_head_of_a_request_is_gone_through_once() -> None:
    scope = {"headers": [(b"accept", b"a/b")]}
    assert head_of(scope).get("accept") == "a/b"
    assert head_of(scope) is head_of(scope)


def test_headers_that_were_replaced_on_the_way_are_gone_through_anew() -> None:
    scope = {"headers": [(b"accept", b"a/b")]}
    assert head_of(scope).get("accept") == "a/b"
    scope["headers"] = [(b"accept", b"c/d")]
    assert head_of(scope).get("accept") == "c/d"
