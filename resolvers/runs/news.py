"""Telling other parts of this process, and other processes, that a run waits or has changed.

Messages carry nothing: whoever hears one reads the row. Without Redis they stay in the process, and others look for
themselves every few seconds.
"""

from cache.broadcast import Broadcast
from persistence.ids import RunId, TenantId

WAITING = "attribution-runs"
"""The topic of new runs, of all tenants."""


def topic(tenant_id: TenantId, run_id: RunId) -> str:
    return f"attribution-run:{tenant_id}:{run_id}"


async def tell_waiting(broadcast: Broadcast) -> None:
    await broadcast.publish(WAITING, b"")


async def tell_changed(broadcast: Broadcast, tenant_id: TenantId, run_id: RunId) -> None:
    await broadcast.publish(topic(tenant_id, run_id), b"")
