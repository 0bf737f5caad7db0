"""Which program asks, by its own word: bounded in length and in what it may contain, as it becomes a label and a row.

`apollographql-client-name` and `-version`, the headers of Apollo's clients, go before the request's
`extensions.clientLibrary {name, version}`. What strangers call themselves is not kept.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from resolvers.billing.spending import UNKNOWN, Client

NAME_HEADER: Final = "apollographql-client-name"
VERSION_HEADER: Final = "apollographql-client-version"

STRANGER: Final = Client(name="stranger", version="")
"""Whoever shows no credentials."""

_NAME: Final = re.compile(r"[A-Za-z0-9@](?:[\w.@/:+ ()-]{0,62}[\w)])?", re.ASCII)
_VERSION: Final = re.compile(r"[\w.+-]{1,32}", re.ASCII)
_OURS: Final = frozenset({"stranger", "unknown", "other", "anonymous"})
"""Names with a meaning of their own in metrics and usage."""


def named_client(name: object, version: object = None) -> Client:
    """The client of this name and version; UNKNOWN for a name that is none, no version for one that is none.

    A name has up to 64 characters of words and common punctuation, a version up to 32.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or name.lower() in _OURS:
        return UNKNOWN
    known = isinstance(version, str) and _VERSION.fullmatch(version) is not None
    return Client(name=name, version=str(version) if known else "")


def client_given(given: Mapping[str, Any]) -> Client:
    """The client that headers, or the members of a connection_init payload, in lower case, name."""
    return named_client(given.get(NAME_HEADER), given.get(VERSION_HEADER))


def client_of(connected: Client, extensions: Mapping[str, Any]) -> Client:
    """The client of one request: that of its connection, else the one that its extensions name."""
    library = extensions.get("clientLibrary")
    if connected != UNKNOWN or not isinstance(library, dict):
        return connected
    return named_client(library.get("name"), library.get("version"))
