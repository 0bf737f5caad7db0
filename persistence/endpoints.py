"""Endpoints: the single servers that the settings' URLs name, one or several in each."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import msgspec
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine import make_url

_PORT = 5432
_OF_SQLALCHEMY = ("prepared_statement_cache_size", "prepared_statement_name_func", "target_session_attrs")
"""Arguments of a URL that are SQLAlchemy's, or are decided here."""


class Endpoint(msgspec.Struct, frozen=True):
    """`name` is host, port and database; `arguments` are the driver's, the password among them."""

    name: str
    user: str | None
    arguments: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Endpoint({self.name})"

    async def connected(self, *, writable: bool = False, **options: Any) -> Any:
        """A connection of the driver's; `writable`: to a server that takes writes.

        Raises what the driver does (`persistence.failures`).
        """
        wanted = "read-write" if writable else "any"
        return await asyncpg.connect(**{**self.arguments, **options, "target_session_attrs": wanted})


def endpoints(urls: Sequence[str]) -> list[Endpoint]:
    """Each server once, in the order in which it is first named."""
    found: dict[str, Endpoint] = {}
    for url in urls:
        _, given = dialect().create_connect_args(make_url(url))  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        arguments = {name: value for name, value in given.items() if name not in _OF_SQLALCHEMY}
        hosts, ports = _listed(arguments.get("host")), _listed(arguments.get("port"))
        for place, host in enumerate(hosts):
            port = ports[place] if len(ports) > 1 else ports[0]
            single = {name: value for name, value in {**arguments, "host": host, "port": port}.items() if value}
            name = f"{host or 'localhost'}:{port or _PORT}/{arguments.get('database') or ''}"
            found.setdefault(name, Endpoint(name, arguments.get("user"), single))
    return list(found.values())


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
