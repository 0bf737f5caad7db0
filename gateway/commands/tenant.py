"""Whose data a command is about."""

from gateway.commands.failures import Failure
from gateway.demo.account import demo_account
from gateway.settings import Settings
from persistence.ids import TenantId
from resolvers import ids
from resolvers.errors import InvalidInput


def tenant_of(settings: Settings, named: str | None, what: str) -> TenantId:
    """The tenant of this id, or else the demo's; `what` says, such as "events they are". Raises Failure."""
    if named is not None:
        try:
            return TenantId(ids.row_id(named, ids.TENANT, "--tenant"))
        except InvalidInput as error:
            raise Failure(f"--tenant: {error.message}") from error
    if (demo := demo_account(settings.data_dir)) is None:
        raise Failure(f"There is no demo tenant here: say whose {what} with --tenant ten_….")
    return TenantId(demo.tenant_id)
