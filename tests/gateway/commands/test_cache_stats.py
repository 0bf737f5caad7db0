"""`podgraph cache stats`, over what a server shows and over a real one."""

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from cache.statistics import LOADER, MEMORY, REDIS, CacheStatistics
from gateway.commands.cache_stats import CacheStats, TierLine, stats_in
from ops.telemetry.cache_metrics import CacheMetrics
from tests.gateway.commands.terminal import Terminal
from tests.services.gateway import Gateway


def exposition(trusted: bool = True) -> str:
    statistics = CacheStatistics()
    memory = statistics.of(MEMORY, "podcasts")
    memory.hits, memory.misses, memory.evictions, memory.entries, memory.bytes = 9, 1, 2, 5, 4_096
    redis = statistics.of(REDIS, "podcasts")
    redis.hits, redis.stale, redis.errors = 1, 3, 4
    loader = statistics.of(LOADER, "podcasts")
    loader.loads, loader.seconds = 2, 0.5
    registry = CollectorRegistry()
    CacheMetrics(registry, statistics.snapshot, lambda: trusted)
    return generate_latest(registry).decode()


def test_everything_that_is_counted_is_shown_by_kind_and_tier() -> None:
    assert stats_in(exposition()) == CacheStats(
        trusted=1,
        workers=1,
        lines=[
            TierLine("memory", "podcasts", hits=9, misses=1, evictions=2, entries=5, bytes=4_096),
            TierLine("redis", "podcasts", hits=1, stale=3, errors=4),
            TierLine("loader", "podcasts", loads=2, load_seconds=0.5),
        ],
    )


def test_series_of_workers_are_added_up() -> None:
    def of_worker(number: int, trusted: bool) -> str:
        labelled = exposition(trusted).replace('kind="', f'worker="{number}",kind="')
        return labelled.replace("\npodgraph_cache_trusted ", f'\npodgraph_cache_trusted{{worker="{number}"}} ')

    stats = stats_in(of_worker(1, trusted=True) + of_worker(2, trusted=False))
    assert stats is not None
    assert (stats.trusted, stats.workers) == (1, 2)
    assert stats.lines[0] == TierLine("memory", "podcasts", hits=18, misses=2, evictions=4, entries=10, bytes=8_192)


def test_server_without_a_cache_says_nothing() -> None:
    assert stats_in("# HELP other Something else.\n# TYPE other counter\nother_total 1\n") is None


def test_no_server_is_said_in_a_sentence(terminal: Terminal) -> None:
    said = terminal.sentence("cache", "stats", "--url", "http://127.0.0.1:1")
    assert said == "No server answers at http://127.0.0.1:1: start one, or name another with --url."


def test_running_server_says_what_it_keeps(terminal: Terminal, demo_server: Gateway) -> None:
    said = terminal.run("cache", "stats", "--url", demo_server.url, "--json")
    assert said.status == 0, said.err
    stats = msgspec.json.decode(said.out, type=CacheStats)
    assert stats.workers == 1
    shown = terminal.run("cache", "stats", "--url", demo_server.url)
    assert "processes trust what they keep." in shown.out
