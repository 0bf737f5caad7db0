"""`podgraph cache stats`: what the tiers of a running server have counted, from its /metrics."""

from collections.abc import Iterator
from typing import Annotated, Final

import httpx2
import msgspec
import typer
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.settings import Settings

_SECONDS: Final = 5.0
_PREFIX: Final = "podgraph_cache_"
_COUNTED: Final = (
    "hits",
    "misses",
    "stale",
    "errors",
    "evictions",
    "loads",
    "load_seconds",
    "entries",
    "bytes",
)
_MIB: Final = 1024 * 1024


class TierLine(msgspec.Struct):
    """What a tier has counted of a kind, in all workers of the server together."""

    tier: str
    kind: str
    hits: float = 0
    misses: float = 0
    stale: float = 0
    errors: float = 0
    evictions: float = 0
    loads: float = 0
    load_seconds: float = 0
    entries: float = 0
    bytes: float = 0


class CacheStats(msgspec.Struct):
    trusted: int
    """Workers that may believe and keep values now."""
    workers: int
    lines: list[TierLine]


@failures_as_sentences
def stats_command(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of the server; default: this machine, at PODGRAPH_HTTP__PORT.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hits, misses, stale values, loads and bytes of a running server, by tier and kind, since it started.

    Reads the server's /metrics: from this machine, or with PODGRAPH_HTTP__METRICS_TOKEN.
    """
    settings = Settings()
    address = url or f"http://{_host(settings.http.host)}:{settings.http.port}"
    token = settings.http.metrics_token
    stats = stats_in(_metrics(address, token.get_secret_value() if token else None))
    if stats is None:
        raise Failure(f"The server at {address} keeps nothing: PODGRAPH_CACHE__ENABLED is off, or its log says why.")
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(stats)).decode())
    else:
        _print(Console(soft_wrap=True), stats)


def stats_in(metrics: str) -> CacheStats | None:
    """What an exposition says of the cache; None if it says nothing. Series of several workers are added up."""
    lines: dict[tuple[str, str], TierLine] = {}
    trusted: list[float] = []
    for name, labels, value in _samples(metrics):
        if name == "trusted":
            trusted.append(value)
        elif name in _COUNTED:
            key = (labels["tier"], labels["kind"])
            line = lines.setdefault(key, TierLine(*key))
            setattr(line, name, getattr(line, name) + value)
    if not trusted:
        return None
    order = {"memory": 0, "redis": 1, "loader": 2}
    found = sorted(lines.values(), key=lambda line: (line.kind, order.get(line.tier, len(order))))
    return CacheStats(trusted=int(sum(trusted)), workers=len(trusted), lines=found)


def _samples(metrics: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name.startswith(_PREFIX):
                yield sample.name.removeprefix(_PREFIX).removesuffix("_total"), sample.labels, sample.value


def _metrics(address: str, token: str | None) -> str:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        response = httpx2.get(f"{address.rstrip('/')}/metrics", headers=headers, timeout=_SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Failure(f"No server answers at {address}: start one, or name another with --url.") from error
    if response.status_code != httpx2.codes.OK:
        raise Failure(
            f"The server at {address} shows its metrics to others (status {response.status_code}): ask on its machine,"
            " or set PODGRAPH_HTTP__METRICS_TOKEN to its token."
        )
    return response.text


def _host(host: str) -> str:
    """Where a server that listens there is asked."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _print(console: Console, stats: CacheStats) -> None:
    table = Table("kind", "tier")
    for column in (
        "hits",
        "misses",
        "hit rate",
        "stale",
        "errors",
        "evictions",
        "loads",
        "ms a load",
        "entries",
        "MiB",
    ):
        table.add_column(column, justify="right")
    for line in stats.lines:
        asked = line.hits + line.misses
        loads = line.tier == "loader"
        table.add_row(
            line.kind,
            line.tier,
            "" if loads else f"{line.hits:,.0f}",
            f"{line.misses:,.0f}",
            "" if loads or not asked else f"{line.hits / asked:.1%}",
            "" if loads else f"{line.stale:,.0f}",
            f"{line.errors:,.0f}",
            f"{line.evictions:,.0f}" if line.tier == "memory" else "",
            f"{line.loads:,.0f}" if loads else "",
            f"{line.load_seconds / line.loads * 1_000:,.2f}" if loads and line.loads else "",
            f"{line.entries:,.0f}" if line.tier == "memory" else "",
            f"{line.bytes / _MIB:,.2f}" if line.tier == "memory" else "",
        )
    console.print(table)
    console.print(f"{stats.trusted} of {stats.workers} processes trust what they keep.")
