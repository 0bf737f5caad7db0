"""What clients call themselves, and what becomes of names that are none."""

from typing import Any

import pytest

from gateway.documents.clients import STRANGER, client_given, client_of, named_client
from resolvers.billing.spending import UNKNOWN, Client


@pytest.mark.parametrize(
    "name", ["web", "ios-app", "@podgraph/dashboard", "Podgraph Web (beta)", "com.example.app", "x" * 64]
)
def test_name_is_kept(name: str) -> None:
    assert named_client(name, "1.2.3-rc.1+5") == Client(name, "1.2.3-rc.1+5")


@pytest.mark.parametrize(
    "name",
    ["", None, 7, {}, "x" * 65, " web", "web ", "a\nb", "wéb", "<script>", "web;drop", "Unknown", "other", "stranger"],
)
def test_name_that_is_none_is_unknown(name: object) -> None:
    assert named_client(name, "1") is UNKNOWN


@pytest.mark.parametrize("version", ["", None, 1, "1 2", "x" * 33, "1\n"])
def test_version_that_is_none_is_left_out(version: object) -> None:
    assert named_client("web", version) == Client("web", "")


def test_headers_name_the_client() -> None:
    given = {"apollographql-client-name": "web", "apollographql-client-version": "7", "accept": "*/*"}
    assert client_given(given) == Client("web", "7")
    assert client_given({}) is UNKNOWN


@pytest.mark.parametrize(
    ("connected", "extensions", "expected"),
    [
        (UNKNOWN, {"clientLibrary": {"name": "@apollo/client", "version": "4.0"}}, Client("@apollo/client", "4.0")),
        (UNKNOWN, {"clientLibrary": {"name": 1}}, UNKNOWN),
        (UNKNOWN, {"clientLibrary": "web"}, UNKNOWN),
        (UNKNOWN, {}, UNKNOWN),
        (Client("web", "1"), {"clientLibrary": {"name": "@apollo/client"}}, Client("web", "1")),
        (STRANGER, {"clientLibrary": {"name": "@apollo/client"}}, STRANGER),
    ],
)
def test_extensions_name_the_client_that_headers_do_not_and_no_stranger(
    connected: Client, extensions: dict[str, Any], expected: Client
) -> None:
    assert client_of(connected, extensions) == expected
