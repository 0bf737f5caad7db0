"""The numbers of PostgreSQL's advisory locks that Podgraph takes: each is one thing in the whole database."""

from typing import Final

MIGRATING: Final = 7_635_281_946_001
"""Held while migrating, so that two gateways starting at once migrate one after the other."""

MAKING_PARTITIONS: Final = 7_635_281_946_002
"""Held while partitions are made; the function of migration 2 has the number in its text."""

UNHEARD: Final = 7_635_281_946_003
"""Held, shared, by whoever writes without being able to tell: nobody trusts a cache meanwhile."""

CACHING: Final = 7_635_281_946_004
"""Held by whoever caches: shared by processes that hear each other, alone by one that hears only itself."""


def somebody_holds(key: int) -> str:
    """The SQL expression that says so, of this database."""
    return f"""EXISTS (
        SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 1
          AND l.classid::bigint << 32 | l.objid::bigint = {key}
    )"""
