"""`podgraph plan`: put a tenant on a plan."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from gateway.commands.failures import Failure, failures_as_sentences
from gateway.commands.running import database_settings
from gateway.development import with_development_secrets
from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Settings
from persistence.errors import MissingReference
from persistence.ids import TenantId
from resolvers import ids
from resolvers.billing.changing import put_on_plan
from resolvers.billing.plans import PlanName
from resolvers.errors import InvalidInput


@failures_as_sentences
def plan_command(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose plan it is, such as ten_7.")],
    name: Annotated[PlanName, typer.Argument(metavar="PLAN", help="The plan.")],
) -> None:
    """Put a tenant on a plan, from its next request on, whatever it has chosen; running it again changes nothing."""
    try:
        tenant_id = TenantId(ids.row_id(tenant, ids.TENANT, "tenant"))
    except InvalidInput as error:
        raise Failure(f"TENANT: {error.message}") from error
    try:
        with database_settings(with_development_secrets(Settings())) as running:
            changed = asyncio.run(_put(running, tenant_id, name))
    except MissingReference as error:
        raise Failure(f"There is no tenant {tenant}.") from error
    Console(soft_wrap=True, highlight=False).print(f"{tenant} is on {name}{'' if changed else ' already'}.")


async def _put(settings: Settings, tenant_id: TenantId, plan: PlanName) -> bool:
    async with open_process(settings, Drain()) as process:
        return await put_on_plan(process.services, tenant_id, plan)
