"""`python -m tests.gateway.documents.usage_process URL CLIENT` counts operations until it is killed.

Prints the seconds since it began and how many it has counted.
"""

import asyncio
import sys
import time
from datetime import UTC, date, datetime
from typing import Final

from graphql import build_schema
from prometheus_client import CollectorRegistry

from gateway.documents.documents import Documents
from gateway.documents.limits import DocumentLimits
from gateway.documents.usage import Usage
from ops.telemetry.metrics import ClientMetrics, DocumentMetrics
from persistence.database import open_database
from resolvers.billing.spending import Client

DAY: Final = date(2200, 1, 1)
EVERY_SECONDS: Final = 0.25


async def main(url: str, client: str) -> None:
    schema = build_schema("type Query { b: Int }")
    registry = CollectorRegistry()
    documents = Documents(schema, DocumentLimits(), DocumentMetrics(registry))
    database = open_database(url, pool_size=1, statement_timeout=10)
    now = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    usage = Usage(schema, database, ClientMetrics(registry), lambda: now)
    document = documents.document("{ b }", hide_suggestions=True)
    async with usage.running(EVERY_SECONDS):
        began = time.monotonic()
        counted = 0
        while True:
            usage.count(document, document.operation(None), {}, Client(client, "1"))
            counted += 1
            print(f"{time.monotonic() - began:.4f} {counted}", flush=True)
            await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
