"""The demo's user, tenant and API key.

The graph shows a key once, so the data directory keeps this one to show it again.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.demo.content import demo_content
from gateway.demo.seed import seed_content, size
from gateway.development import DEMO_EMAIL, development_secrets, write_private
from persistence.ids import TenantId
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from resolvers.context import RequestContext, Services
from resolvers.errors import Conflict
from resolvers.identity.accounts import Registration, register
from resolvers.identity.api_keys import NewApiKey, create_api_key
from resolvers.identity.sessions import LoginCredentials, login
from resolvers.identity.tenants import NewTenant, create_tenant
from resolvers.policy import Scope

_ADDRESS = "demo"
"""Stands for the network address of whoever runs the command."""


class DemoAccount(msgspec.Struct, frozen=True):
    email: str
    password: str
    tenant_id: TenantId
    api_key: str


def demo_account(data_dir: Path) -> DemoAccount | None:
    """The demo's account, if the data directory has one. Raises OSError."""
    try:
        return msgspec.json.decode(_file(data_dir).read_bytes(), type=DemoAccount)
    except FileNotFoundError:
        return None


async def ensure_demo(services: Services, data_dir: Path, progress: Callable[[int, int], None]) -> DemoAccount:
    """The demo's account, made with its content where it is missing; what an earlier attempt left half done goes on.

    `progress` is called with the number of objects written so far and of all.
    """
    if (known := demo_account(data_dir)) is not None:
        return known
    password = development_secrets(data_dir).demo_password
    context = await _signed_in(services, password)
    tenant_id = context.viewer.tenant_id if context.viewer else None
    if tenant_id is None:
        tenant, _ = await create_tenant(context, NewTenant(name="Demo Network"))
        tenant_id = tenant.id
    await _ensure_content(services, tenant_id, progress)
    _, api_key = await create_api_key(context, NewApiKey(name="Demo", scopes=list(Scope)))
    account = DemoAccount(email=DEMO_EMAIL, password=password, tenant_id=tenant_id, api_key=api_key)
    write_private(_file(data_dir), msgspec.json.encode(account))
    return account


async def _signed_in(services: Services, password: str) -> RequestContext:
    context = RequestContext(services, None, _ADDRESS)
    try:
        await register(context, Registration(email=DEMO_EMAIL, name="Demo User", password=password))
    except Conflict:
        await login(context, LoginCredentials(email=DEMO_EMAIL, password=password))
    return context


async def _ensure_content(services: Services, tenant_id: TenantId, progress: Callable[[int, int], None]) -> None:
    async with services.database.read(tenant_id) as session:
        podcasts = Podcasts(session)
        if await podcasts.count(podcasts.matching(PodcastFilter())):
            return
    content = demo_content()
    total, written = size(content), 0

    def advance(count: int) -> None:
        nonlocal written
        written += count
        progress(written, total)

    await seed_content(services.database, tenant_id, content, advance)


def _file(data_dir: Path) -> Path:
    return data_dir / "demo.json"
